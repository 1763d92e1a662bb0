import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { GatewayError } from '../core/errors.ts';
import { ConnectLine } from './connect-line.ts';

const here = { destroyed: false };

/** A clock that each reading moves by `step` milliseconds. */
function clock(step: number): () => number {
  let at = 0;
  return () => (at += step);
}

function enterAll(line: ConnectLine, count: number, onIn: (index: number) => void): Promise<unknown> {
  const entering = Array.from({ length: count }, async (_, index) => {
    const turn = line.enter(here);
    if (turn !== undefined) await turn;
    onIn(index);
  });
  return Promise.all(entering);
}

/** Enters until one has to wait. */
function crowd(line: ConnectLine): void {
  let turn: Promise<void> | undefined;
  while (turn === undefined) turn = line.enter(here);
  turn.catch(() => undefined);
}

describe('the line at the door', () => {
  it('keeps nobody waiting who comes alone', async () => {
    const line = new ConnectLine({ random: () => 0.5 });
    for (let turn = 0; turn < 100; turn += 1) {
      assert.equal(line.enter(here), undefined);
      await nextTurn();
    }
    assert.equal(line.waiting, 0);
  });

  it('lets in a few each turn of the loop, in the order in which they came', async () => {
    const line = new ConnectLine({ random: () => 0.5, now: clock(0.5) });
    const order: number[] = [];
    const perTurn: number[] = [];
    const all = enterAll(line, 2000, (index) => order.push(index));
    for (let seen = 0; line.waiting > 0; seen = order.length) {
      await nextTurn();
      perTurn.push(order.length - seen);
    }
    await all;
    assert.deepEqual(
      order,
      Array.from({ length: 2000 }, (_, index) => index),
    );
    assert.ok(perTurn.length >= 2000 / 64 - 1, `${perTurn.length} turns`);
    assert.ok(Math.max(...perTurn) <= 64, `${Math.max(...perTurn)} in one turn`);
  });

  it('lets in one a turn where each takes long', async () => {
    const line = new ConnectLine({ random: () => 0.5, now: clock(200) });
    let inside = 0;
    const all = enterAll(line, 200, () => (inside += 1));
    while (line.waiting > 60) await nextTurn();
    for (let waiting = line.waiting; waiting > 0; waiting = line.waiting) {
      await nextTurn();
      assert.ok(waiting - line.waiting <= 1);
    }
    await all;
    assert.equal(inside, 200);
  });

  it('passes over clients that went away, at no turn of theirs', async () => {
    const line = new ConnectLine({ random: () => 0.5, now: clock(200) });
    crowd(line);
    const leaving = [{ destroyed: false }, { destroyed: false, readableEnded: false }];
    const turns = Array.from({ length: 3000 }, (_, index) => line.enter(leaving[index % 2]));
    const rejected = Promise.allSettled(turns.map((turn) => Promise.resolve(turn)));
    Object.assign(leaving[0] as object, { destroyed: true });
    Object.assign(leaving[1] as object, { readableEnded: true });
    const last = line.enter(here);
    for (let turn = 0; turn < 4 && line.waiting > 0; turn += 1) await nextTurn();
    assert.equal(line.waiting, 0);
    await last;
    for (const { status } of await rejected) assert.equal(status, 'rejected');
  });

  it('is bounded: past the bound clients are told when to come back, not all at once', async () => {
    let draw = 0;
    const line = new ConnectLine({ random: () => (draw += 0.1) % 1, mostWaiting: 100 });
    crowd(line);
    while (line.waiting < 100) line.enter(here)?.catch(() => undefined);
    const waits: number[] = [];
    for (let index = 0; index < 10; index += 1) {
      const refusal = await Promise.resolve(line.enter(here)).catch((error: unknown) => error);
      assert.ok(refusal instanceof GatewayError && refusal.code === 'OVERLOADED');
      waits.push(refusal.retryAfter as number);
    }
    assert.equal(line.waiting, 100);
    assert.equal(new Set(waits).size, 10);
    for (const wait of waits) assert.ok(wait >= 1000 && wait <= 60_000);
    while (line.waiting > 0) await nextTurn();
  });

  it('sends everybody away when it closes', async () => {
    const line = new ConnectLine({ random: () => 0.5 });
    crowd(line);
    const turns = Promise.allSettled(Array.from({ length: 50 }, () => Promise.resolve(line.enter(here))));
    line.close(new GatewayError('RESTARTING', 'Come back.'));
    assert.equal(line.waiting, 0);
    for (const outcome of await turns) assert.ok(outcome.status === 'rejected' && (outcome.reason as GatewayError).code === 'RESTARTING');
  });
});
