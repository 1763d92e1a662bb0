import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Filter } from '../core/batch.ts';
import { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { compileFilter } from './filter.ts';
import { readShare, sampled } from './sampling.ts';

function event(id: string, source = '/orders'): Event {
  return new Event({ id, source, type: 't', extensions: {}, data: undefined, dataKind: 'json' }, 'a', '1' as Position, 0);
}

function chosen(events: readonly Event[], filter: Filter): readonly string[] {
  return events.filter((one) => filter.test(one)).map(({ id }) => id);
}

describe('A sample', () => {
  const events = Array.from({ length: 20_000 }, (_, n) => event(`o-${n}`));

  it('is about its share of the events, also of ids that count up', () => {
    for (const share of [0.01, 0.1, 0.5, 0.9]) {
      const got = chosen(events, sampled(share, undefined)).length / events.length;
      assert.ok(Math.abs(got - share) < 0.01, `${share}: ${got}`);
      const ofFew = chosen(events.slice(0, 5000), sampled(share, undefined)).length / 5000;
      assert.ok(Math.abs(ofFew - share) < 0.02, `${share}: ${ofFew} of the first`);
    }
  });

  it('is decided by source and id, for ever', () => {
    const third = sampled(0.3, undefined);
    assert.deepEqual(chosen(events.slice(0, 12), third), ['o-7', 'o-11']);
    const elsewhere = events.slice(0, 100).map(({ id }) => event(id, '/other'));
    assert.notDeepEqual(chosen(events.slice(0, 100), third), chosen(elsewhere, third));
  });

  it('is part of any larger one', () => {
    const larger = new Set(chosen(events, sampled(0.2, undefined)));
    assert.ok(chosen(events, sampled(0.1, undefined)).every((id) => larger.has(id)));
  });

  it('goes together with a filter, and equal ones have one key', () => {
    const filter = compileFilter('id == "o-7" || id == "o-8"');
    const both = sampled(0.3, filter);
    assert.deepEqual(chosen(events.slice(0, 20), both), ['o-7']);
    assert.equal(both.key, sampled(readShare('3/10'), compileFilter('id == "o-7" || id == "o-8"')).key);
    assert.notEqual(both.key, sampled(0.3, undefined).key);
    assert.notEqual(both.key, filter.key);
  });

  it('is asked for as a decimal number or a fraction', () => {
    assert.equal(readShare('0.1'), 0.1);
    assert.equal(readShare('.25'), 0.25);
    assert.equal(readShare('1/3'), 1 / 3);
    assert.equal(readShare('1'), 1);
    assert.equal(readShare('7/7'), 1);
    for (const text of [
      '',
      '0',
      '0.0',
      '1.1',
      '2',
      '-0.1',
      '1/0',
      '0/0',
      '2/1',
      '1/10000000',
      'NaN',
      '1e-3',
      '0x1',
      ' 0.1',
      '10%',
      '1/2/3',
    ]) {
      assert.throws(() => readShare(text), { code: 'BAD_REQUEST', message: /sample takes/ }, text);
    }
  });
});
