import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualTime } from '../../testing/manual-time.ts';
import { CallbackPace } from './callback-pace.ts';

const signal = new AbortController().signal;

/** How many of the hosts' turns have come when a time has passed. */
async function turnsAfter(time: ManualTime, pace: CallbackPace, hosts: readonly string[], milliseconds: number): Promise<number> {
  let turns = 0;
  for (const host of hosts) void pace.turn(host, signal).then(() => (turns += 1));
  for (let passed = 0; passed < milliseconds; passed += 50) {
    await new Promise(setImmediate);
    time.advance(50);
  }
  await new Promise(setImmediate);
  return turns;
}

describe('the pace of a hub towards callbacks', () => {
  test('a host is asked five times a second however many requests name it, after a burst', async () => {
    const time = new ManualTime();
    const pace = new CallbackPace({ clock: time, schedule: time.schedule });
    for (let n = 0; n < 100; n += 1) pace.enter('victim.example');
    const all = Array.from({ length: 100 }, () => 'victim.example');
    assert.equal(await turnsAfter(time, pace, all, 4000), 20 + 4 * 5);
  });

  test('a host that is asked much holds up no other', async () => {
    const time = new ManualTime();
    const pace = new CallbackPace({ clock: time, schedule: time.schedule });
    for (let n = 0; n < 100; n += 1) pace.enter('busy.example');
    void turnsAfter(
      time,
      pace,
      Array.from({ length: 100 }, () => 'busy.example'),
      0,
    );
    pace.enter('calm.example');
    assert.equal(await turnsAfter(time, pace, ['calm.example'], 0), 1);
  });

  test('of one host a hundred requests may wait, and coming back gives no new burst', async () => {
    const time = new ManualTime();
    const pace = new CallbackPace({ clock: time, schedule: time.schedule });
    for (let n = 0; n < 100; n += 1) pace.enter('a.example');
    assert.throws(() => pace.enter('a.example'), { code: 'OVERLOADED' });
    pace.enter('b.example');
    pace.leave('a.example');
    pace.enter('a.example');
    assert.equal(
      await turnsAfter(
        time,
        pace,
        Array.from({ length: 30 }, () => 'a.example'),
        0,
      ),
      20,
    );
    for (let n = 0; n < 100; n += 1) pace.leave('a.example');
    pace.enter('a.example');
    assert.equal(await turnsAfter(time, pace, ['a.example'], 0), 0);
  });

  test('who is only told of denials, as after a restart, is asked no faster', async () => {
    const time = new ManualTime();
    const pace = new CallbackPace({ clock: time, schedule: time.schedule });
    const all = Array.from({ length: 100 }, () => 'victim.example');
    assert.equal(await turnsAfter(time, pace, all, 4000), 20 + 4 * 5);
  });

  test('all hosts together have a bound as well', () => {
    const time = new ManualTime();
    const pace = new CallbackPace({ clock: time, schedule: time.schedule });
    for (let n = 0; n < 10_000; n += 1) pace.enter(`h${n}.example`);
    assert.throws(() => pace.enter('one-more.example'), { code: 'OVERLOADED' });
  });

  test('who waits is let go when the hub closes', async () => {
    const time = new ManualTime();
    const pace = new CallbackPace({ clock: time, schedule: time.schedule });
    const closing = new AbortController();
    pace.enter('a.example');
    for (let n = 0; n < 20; n += 1) await pace.turn('a.example', closing.signal);
    const waiting = pace.turn('a.example', closing.signal);
    closing.abort();
    await waiting;
    assert.equal(time.pending, 0);
  });
});
