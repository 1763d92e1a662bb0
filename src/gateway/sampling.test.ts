import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { readShare, sampler } from './sampling.ts';

function event(id: string, source = '/orders'): Event {
  return new Event({ id, source, type: 't', extensions: {}, data: undefined, dataKind: 'json' }, 'a', '1' as Position, 0);
}

function chosen(events: readonly Event[], isChosen: (one: Event) => boolean): readonly string[] {
  return events.filter(isChosen).map(({ id }) => id);
}

describe('A sample', () => {
  const events = Array.from({ length: 20_000 }, (_, n) => event(`o-${n}`));

  it('is about its share of the events, also of ids that count up', () => {
    for (const share of [0.01, 0.1, 0.5, 0.9]) {
      const got = chosen(events, sampler(share)).length / events.length;
      assert.ok(Math.abs(got - share) < 0.01, `${share}: ${got}`);
      const ofFew = chosen(events.slice(0, 5000), sampler(share)).length / 5000;
      assert.ok(Math.abs(ofFew - share) < 0.02, `${share}: ${ofFew} of the first`);
    }
  });

  it('is decided by source and id, for ever', () => {
    const third = sampler(0.3);
    assert.deepEqual(chosen(events.slice(0, 12), third), ['o-7', 'o-11']);
    const elsewhere = events.slice(0, 100).map(({ id }) => event(id, '/other'));
    assert.notDeepEqual(chosen(events.slice(0, 100), third), chosen(elsewhere, third));
  });

  it('is part of any larger one', () => {
    const larger = new Set(chosen(events, sampler(0.2)));
    assert.ok(chosen(events, sampler(0.1)).every((id) => larger.has(id)));
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
