import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EndpointSpec } from '../store/resources.ts';
import { agreedSecrets, mintSecret, rotated } from './endpoint-secrets.ts';

type Secrets = EndpointSpec['secrets'];

const now = 1_000;
const one = fc.record(
  { sealed: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'), expiresAt: fc.integer({ min: 900, max: 1_100 }) },
  { requiredKeys: ['sealed'] },
);
/** As a configuration may name them: each once, one without an end. */
const named = fc
  .uniqueArray(one, { selector: ({ sealed }) => sealed, minLength: 1, maxLength: 8 })
  .filter((secrets) => secrets.some(({ expiresAt }) => expiresAt === undefined));
const history = fc.array(fc.oneof(named, fc.string({ unit: fc.constantFrom('x', 'y', 'z'), minLength: 1, maxLength: 3 })), {
  maxLength: 8,
});

/** What is stored after configurations and rotations in turn. */
function after(steps: readonly (Secrets | string)[]): Secrets {
  return steps.reduce<Secrets>((stored, step) => {
    if (typeof step !== 'string') return agreedSecrets(step, stored);
    const isPossible =
      !stored.some(({ sealed }) => sealed === step) && stored.filter(({ expiresAt = now + 50 }) => expiresAt > now).length < 8;
    return isPossible ? rotated(stored, step, { now, until: now + 50 }) : stored;
  }, []);
}

const live = (secrets: Secrets): Secrets => secrets.filter(({ expiresAt = Infinity }) => expiresAt > now);

describe('The secrets of an endpoint, whatever was applied and rotated before,', () => {
  it('do not change when the same configuration is applied again, nor when what they are is', () => {
    fc.assert(
      fc.property(history, named, (steps, wanted) => {
        const stored = agreedSecrets(wanted, after(steps));
        assert.deepEqual(agreedSecrets(wanted, stored), stored);
        assert.deepEqual(agreedSecrets(live(stored), stored), stored);
      }),
    );
  });

  it('are at most eight, each once, and what has expired comes last', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const stored = after(steps);
        assert.ok(stored.length <= 8);
        assert.equal(new Set(stored.map(({ sealed }) => sealed)).size, stored.length);
        assert.deepEqual(stored.slice(0, live(stored).length), live(stored));
        assert.ok(stored.length === 0 || stored[0]!.expiresAt === undefined, 'one signs for ever');
      }),
    );
  });

  it('SW-11: sign with the new one and with all that signed before, for the overlap', () => {
    fc.assert(
      fc.property(named, (wanted) => {
        const stored = agreedSecrets(wanted, []);
        fc.pre(live(stored).length < 8);
        const next = rotated(stored, 'new', { now, until: now + 50 });
        assert.deepEqual(next[0], { sealed: 'new' });
        assert.deepEqual(new Set(next.slice(1).map(({ sealed }) => sealed)), new Set(live(stored).map(({ sealed }) => sealed)));
        assert.ok(next.slice(1).every(({ expiresAt }) => expiresAt! <= now + 50));
        assert.deepEqual(rotated(stored, 'new', { now, until: now }), [{ sealed: 'new' }]);
      }),
    );
  });

  it('SW-10: are made anew for each', () => {
    assert.equal(new Set(Array.from({ length: 100 }, () => mintSecret())).size, 100);
  });
});
