import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LaneTurns, lanes } from './lane-turns.ts';
import type { Lane } from './lane-turns.ts';

const letters: Readonly<Record<Lane, string>> = { first: 'f', retry: 'r', replay: 'p' };

/** The next turns as letters: f, r, p. */
function turns(laneTurns: LaneTurns, ready: readonly Lane[], count: number): string {
  return Array.from({ length: count }, () => letters[laneTurns.next(ready) ?? assert.fail('nobody')]).join('');
}

describe('the turns of the lanes', () => {
  const table: readonly (readonly [string, readonly Lane[], string])[] = [
    ['first attempts have all turns alone', ['first'], 'ffffffff'],
    ['retries have all turns alone', ['retry'], 'rrrr'],
    ['replay has all turns alone', ['replay'], 'pppp'],
    ['retries have every fourth beside first attempts', ['first', 'retry'], 'fffrfffrfffr'],
    ['replay has every sixteenth beside first attempts', ['first', 'replay'], 'fffffffffffffffpfffffffffffffffp'],
    ['replay has every sixteenth beside retries', ['retry', 'replay'], 'rrrrrrrrrrrrrrrprrrrrrrrrrrrrrrp'],
    ['all three have their parts', ['first', 'retry', 'replay'], 'fffrfffrfffrfffprfffrfffrfffrffp'],
  ];
  for (const [name, ready, expected] of table) {
    it(name, () => assert.equal(turns(new LaneTurns(), ready, expected.length), expected));
  }

  it('are nobody’s when nobody is ready', () => assert.equal(new LaneTurns().next([]), undefined));

  it('are remembered by those who could not have them for a while', () => {
    const laneTurns = new LaneTurns();
    turns(laneTurns, lanes, 15);
    turns(laneTurns, ['first'], 100);
    assert.equal(laneTurns.next(lanes), 'replay');
  });
});
