import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Filters } from './filters.ts';

describe('Compiled filters', () => {
  it('are shared by equal expressions', () => {
    const filters = new Filters();
    assert.equal(filters.of('type == "a"'), filters.of('type == "a"'));
    assert.notEqual(filters.of('type == "a"'), filters.of('type == "b"'));
    assert.equal(filters.of(undefined), undefined);
  });

  it('are forgotten past a thousand, the one not asked for the longest first', () => {
    const filters = new Filters();
    const first = filters.of('id == "0"');
    const second = filters.of('id == "1"');
    for (let n = 2; n < 1000; n += 1) filters.of(`id == "${n}"`);
    assert.equal(filters.of('id == "0"'), first);
    filters.of('id == "1000"');
    assert.equal(filters.size, 1000);
    assert.equal(filters.of('id == "0"'), first);
    assert.notEqual(filters.of('id == "1"'), second);
  });

  it('that are broken are refused and not kept', () => {
    const filters = new Filters();
    assert.throws(() => filters.of('type =='), { code: 'INVALID_FILTER' });
    assert.equal(filters.size, 0);
  });
});
