import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import type { Database } from '../store/database.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { draft } from '../testing/backbone-events.ts';
import { DeadLetterReplays } from './dead-letter-replays.ts';
import { pushMigrations } from './migrations.ts';
import { PushBook } from './push-book.ts';
import { Redrive } from './redrive.ts';
import { ReplayLog } from './replay-log.ts';
import { noTries } from './retry-schedule.ts';

const nowhere = '' as Position;

describe('dead letters that are sent again', () => {
  let folder: string;
  let database: Database;
  let scheduled: (() => void)[];
  const clock = { time: 1_000_000, now: () => clock.time };
  const bugs: unknown[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: pushMigrations });
    scheduled = [];
  });
  afterEach(async () => {
    await database.close();
    await rm(folder, { recursive: true });
    assert.deepEqual(bugs.splice(0), []);
  });

  async function die(count: number): Promise<void> {
    const book = new PushBook();
    for (let n = 0; n < count; n += 1) {
      const event = new Event(draft(`e${n}`), 'created', `p${n}` as Position, n);
      const named = { endpoint: 'end_1', tenant: 'default', position: event.position, eventId: event.id, eventType: event.type };
      const rest = { key: undefined, reason: 'exhausted', attempts: 4, tries: noTries, dueAt: undefined, isBilled: false };
      book.put({ ...named, ...rest, state: 'dead' }, event);
    }
    await database.transact(book.collect(clock.time));
    clock.time += 1000;
  }

  /** As after a start on the same store. */
  function open(): { readonly replays: ReplayLog; readonly jobs: DeadLetterReplays } {
    const replays = new ReplayLog(database);
    const service = { courier: () => undefined, whileSteady: <T>(work: () => Promise<T>) => work() };
    const redrive = new Redrive({
      service,
      database,
      book: { isChanging: () => false },
      now: () => clock.time,
      flush: async () => undefined,
    });
    const schedule = (_at: number, callback: () => void) => {
      scheduled.push(callback);
      return () => void (scheduled = scheduled.filter((one) => one !== callback));
    };
    return { replays, jobs: new DeadLetterReplays({ replays, redrive, clock, schedule, onBug: (error) => bugs.push(error) }) };
  }

  async function ask(replays: ReplayLog, total: number): Promise<string> {
    const wish = { endpoint: 'end_1', tenant: 'default', address: 'created', after: nowhere, until: nowhere, types: [] };
    const added = await replays.add({ ...wish, kind: 'dead', before: clock.time, total }, clock.time);
    return added?.id ?? '';
  }

  /** What one round of a run of its own makes of it. */
  async function round(id: string): Promise<unknown> {
    scheduled = [];
    const { replays, jobs } = open();
    jobs.wake();
    await untilScheduledOr(async () => (await replays.get('end_1', id))?.state === 'done');
    await jobs.close();
    const { state, passed } = (await replays.get('end_1', id)) ?? {};
    return [state, passed];
  }

  async function dead(): Promise<number> {
    const [row] = await database.query(`SELECT count(*) AS n FROM push_delivery WHERE state = 'dead'`);
    return Number(row?.['n']);
  }

  async function untilScheduledOr(isSo: () => Promise<boolean>): Promise<void> {
    while (scheduled.length === 0 && !(await isSo())) await new Promise((resolve) => setImmediate(resolve));
  }

  it('E8-6: go a hundred at a time, and on where an earlier run was', async () => {
    await die(250);
    const id = await ask(new ReplayLog(database), 250);
    assert.deepEqual(await round(id), ['running', 100]);
    assert.deepEqual(await round(id), ['running', 200]);
    assert.deepEqual(await round(id), ['done', 250]);
    assert.equal(await dead(), 0);
  });

  it('wait while as many are owed as may be, are not looked at meanwhile, and go on when there is room', async () => {
    await die(1050);
    const { replays, jobs } = open();
    const id = await ask(replays, 1050);
    const passed = async (): Promise<number> => (await replays.get('end_1', id))?.passed ?? 0;
    jobs.wake();
    // Ten whole rounds, and one that finds no room.
    for (let n = 0; n < 10; n += 1) {
      await untilScheduledOr(async () => false);
      clock.time += 1000;
      scheduled.splice(0)[0]?.();
    }
    while ((await replays.get('end_1', id))?.changedAt !== clock.time) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([scheduled.length, await passed(), await dead()], [0, 1000, 50]);
    jobs.hasRoom('another');
    assert.equal(scheduled.length, 0);
    await database.transact([{ sql: `DELETE FROM push_delivery WHERE state = 'waiting'`, parameters: [] }]);
    jobs.hasRoom('end_1');
    while ((await replays.get('end_1', id))?.state !== 'done') await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([await passed(), await dead(), scheduled.length], [1050, 0, 0]);
    await jobs.close();
  });

  it('go on when there came to be room while they were told that there is none', async () => {
    await die(10);
    const replays = new ReplayLog(database);
    const id = await ask(replays, 10);
    let asked = 0;
    const redrive = {
      dead: async () => {
        asked += 1;
        if (asked === 1) jobs.hasRoom('end_1');
        return { retried: 0, left: 10 - asked, isFull: true };
      },
    };
    const schedule = (_at: number, callback: () => void) => {
      scheduled.push(callback);
      return () => undefined;
    };
    const jobs = new DeadLetterReplays({ replays, redrive, clock, schedule, onBug: (error) => bugs.push(error) });
    jobs.wake();
    await untilScheduledOr(async () => false);
    scheduled.splice(0)[0]?.();
    while ((await replays.get('end_1', id))?.passed !== 2) await new Promise((resolve) => setImmediate(resolve));
    await jobs.close();
    assert.deepEqual([asked, scheduled.length], [2, 0]);
  });

  it('are left alone where they died later, or their job was called off', async () => {
    await die(120);
    const replays = new ReplayLog(database);
    const id = await ask(replays, 120);
    assert.deepEqual(await round(id), ['running', 100]);
    assert.equal(await replays.move(id, 'cancelled', clock.time), true);
    const { jobs } = open();
    jobs.wake();
    await jobs.close();
    assert.equal(await dead(), 20);
    const early = await replays.add(
      { endpoint: 'end_1', tenant: 'default', address: 'x', kind: 'dead', after: nowhere, until: nowhere, types: [], before: 5, total: 0 },
      clock.time,
    );
    assert.deepEqual(await round(early?.id ?? ''), ['done', 0]);
  });

  it('are looked at again by themselves as long as there are any, and at once when more is wanted', async () => {
    await die(350);
    const { replays, jobs } = open();
    const id = await ask(replays, 350);
    const isDone = async (): Promise<boolean> => (await replays.get('end_1', id))?.state === 'done';
    jobs.wake();
    jobs.wake();
    await untilScheduledOr(isDone);
    assert.ok(Number((await replays.get('end_1', id))?.passed) >= 200);
    while (!(await isDone())) {
      scheduled.splice(0)[0]?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await jobs.close();
    assert.equal(scheduled.length, 0);
  });
});
