import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RowReader } from './row-reader.ts';

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

test('a row is read as it was written', () => {
  const row = new RowReader({ name: 'a', url: 'https://a/b', none: null, n: 7, zero: 0, state: 'open', list: '[1]' });
  const read = [
    row.text('name'),
    row.url('url'),
    row.textOrNone('none'),
    row.textOrNone('name'),
    row.amount('n'),
    row.amountOrNone('zero'),
  ];
  assert.deepEqual([...read, row.amountOrNone('none')], ['a', 'https://a/b', undefined, 'a', 7, 0, undefined]);
  assert.deepEqual([row.choice('state', ['shut', 'open']), row.json('list', isList, [])], ['open', [1]]);
  assert.deepEqual(row.damaged, []);
});

test('what stands where something else was written does no harm, and is noted', () => {
  const bytes = new Uint8Array([1]);
  const row = new RowReader({
    name: bytes,
    text: 5,
    url: 'http//',
    n: 'x',
    minus: -1,
    big: 2 ** 53,
    state: 'opem',
    list: '[1',
    object: '{}',
  });
  assert.deepEqual([row.text('name'), row.textOrNone('text'), row.url('url')], ['', '', '']);
  assert.deepEqual([row.amount('n'), row.amountOrNone('minus'), row.amount('big'), row.amount('absent')], [0, 0, 0, 0]);
  assert.deepEqual([row.choice('state', ['shut', 'open']), row.json('list', isList, []), row.json('object', isList, [])], ['shut', [], []]);
  assert.deepEqual(row.damaged, ['name', 'text', 'url', 'n', 'minus', 'big', 'absent', 'state', 'list', 'object']);
});
