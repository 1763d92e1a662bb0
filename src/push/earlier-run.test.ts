import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Position } from '../core/position.ts';
import { EarlierRun } from './earlier-run.ts';
import type { OwedDelivery } from './owed-delivery.ts';
import { noTries } from './retry-schedule.ts';

const backbone = { compare: (a: Position, b: Position): number => Number(a) - Number(b) };

function owedAt(position: string, batch?: string): OwedDelivery {
  return {
    endpoint: 'end_1',
    tenant: 'default',
    position: position as Position,
    eventId: `e${position}`,
    eventType: 'created',
    key: 'k',
    state: 'waiting',
    reason: 'server-error',
    attempts: 1,
    tries: noTries,
    dueAt: 0,
    isBilled: false,
    batch,
  };
}

const earlier = (waiting: readonly OwedDelivery[], cursor: string): EarlierRun =>
  new EarlierRun({ waiting, dead: [], settled: [] }, cursor as Position, backbone);

const placesOf = ({ passed }: EarlierRun): readonly (readonly string[])[] => passed.map((group) => group.map(({ position }) => position));

describe('what an earlier run owed', () => {
  // What waits behind others is owed before these, where it keeps the reader from going on.
  test('comes in the order of the log, in whatever order it came to be owed', () => {
    assert.deepEqual(
      placesOf(
        earlier(
          ['3', '10', '2', '1'].map((place) => owedAt(place)),
          '9',
        ),
      ),
      [['1'], ['2'], ['3']],
    );
  });

  test('comes with what goes together, at the place of the first of it', () => {
    const waiting = [owedAt('4', 'bat_2'), owedAt('5', 'bat_2'), owedAt('3'), owedAt('1', 'bat_1'), owedAt('2', 'bat_1')];
    assert.deepEqual(placesOf(earlier(waiting, '9')), [['1', '2'], ['3'], ['4', '5']]);
  });
});
