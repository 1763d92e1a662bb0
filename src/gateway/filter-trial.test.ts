import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { tryFilter } from './filter-trial.ts';

const data = { total: 5, name: 'Ada', user: { login: 'ada' }, items: [1, 2], long: 'x'.repeat(100_000) };

function event(value: unknown = data): Event {
  const bytes = Buffer.from(JSON.stringify(value));
  const draft = { id: '1', source: '/shop', type: 'order.placed', extensions: { region: 'eu' }, data: bytes, dataKind: 'json' as const };
  return new Event(draft, 'orders', 'p-1' as Position, 0);
}

describe('A trial of a filter', () => {
  for (const [expression, result] of [
    ['data.total == 5', 'yes'],
    ['data.total > 5', 'no'],
    ['ext.region == "eu" && type == "order.placed"', 'yes'],
    ['data.missing == 1 || data.total == 5', 'yes'],
    ['has(data.missing) && data.missing > 1', 'no'],
  ] as const) {
    it(`of ${expression} says ${result}`, () => assert.equal(tryFilter(expression)(event()), result));
  }

  for (const [expression, fault] of [
    ['data.missing == 1', /^The event has no data\.missing\.$/],
    ['data.user.name == "x"', /no data\.user\.name\./],
    ['data.account.name.first == "x"', /no data\.account\./],
    ['ext.level > 1', /no ext\.level\./],
    ['has(data.missing) || data.absent', /no data\.absent\./],
    ['data.name > 3', /do not fit together/],
    ['data.name', /a text, not true or false/],
    ['data.items', /a list, not true or false/],
    ['data.user', /a map, not/],
    ['data.total', /a number, not/],
    ['(data.long + data.long + data.long + data.long).matches("(x{0,90}y){2}")', /costs more/],
  ] as const) {
    it(`of ${expression} says what is wrong`, () => {
      const result = tryFilter(expression)(event());
      assert.ok(typeof result === 'object', 'it is no fault');
      assert.match(result.fault, fault);
    });
  }

  it('of what is no filter is refused with its place', () => {
    assert.throws(() => tryFilter('data.total >'), { code: 'INVALID_FILTER' });
    assert.throws(() => tryFilter('true\n&& nothing'), { code: 'INVALID_FILTER', details: { line: 2, column: 4 } });
  });

  it('names a member also of an event whose data is no JSON object', () => {
    for (const value of [null, [], 'text', 7]) {
      const result = tryFilter('data.total > 1')(event(value));
      assert.deepEqual(result, { fault: 'The event has no data.total.' });
    }
  });
});
