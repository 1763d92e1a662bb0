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
import type { Courier } from './courier.ts';
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

  async function die(count: number, endpoint = 'end_1'): Promise<void> {
    const book = new PushBook();
    for (let n = 0; n < count; n += 1) {
      const event = new Event(draft(`e${n}`), 'created', `p${n}` as Position, n);
      const named = { endpoint, tenant: 'default', position: event.position, eventId: event.id, eventType: event.type };
      const rest = { key: undefined, reason: 'exhausted', attempts: 4, tries: noTries, dueAt: undefined, isBilled: false };
      book.put({ ...named, ...rest, state: 'dead' }, event);
    }
    await database.transact(book.collect(clock.time));
    clock.time += 1000;
  }

  const timing = {
    schedule: (_at: number, callback: () => void) => {
      scheduled.push(callback);
      return () => void (scheduled = scheduled.filter((one) => one !== callback));
    },
    onBug: (error: unknown) => void bugs.push(error),
  };

  function redriveOver(courier: () => Pick<Courier, 'sendAgain'> | undefined): Redrive {
    return new Redrive({
      service: { courier: () => courier() as Courier | undefined, whileSteady: (work) => work() },
      database,
      book: { isChanging: () => false },
      now: () => clock.time,
      flush: async () => undefined,
    });
  }

  /** As after a start on the same store. */
  function open(): { readonly replays: ReplayLog; readonly jobs: DeadLetterReplays } {
    const replays = new ReplayLog(database);
    return { replays, jobs: new DeadLetterReplays({ replays, redrive: redriveOver(() => undefined), clock, ...timing }) };
  }

  async function ask(replays: ReplayLog, total: number, endpoint = 'end_1'): Promise<string> {
    const wish = { endpoint, tenant: 'default', address: 'created', after: nowhere, until: nowhere, types: [] };
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

  async function untilScheduled(count: number): Promise<void> {
    while (scheduled.length < count) await new Promise((resolve) => setImmediate(resolve));
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
        return { retried: 0, left: 10 - asked, isFull: true, unreadable: [], last: 0 };
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

  it('go on at other endpoints where a job fails, which says why and is tried again later', async () => {
    for (const endpoint of ['end_1', 'end_2']) await die(150, endpoint);
    const replays = new ReplayLog(database);
    const [failing, other] = [await ask(replays, 150, 'end_1'), await ask(replays, 150, 'end_2')];
    const real = redriveOver(() => undefined);
    let isBroken = true;
    let asked = 0;
    const redrive: Pick<Redrive, 'dead'> = {
      dead: async (endpoint, wish) => {
        if (endpoint === 'end_1') asked += 1;
        if (endpoint === 'end_1' && isBroken) throw new Error('Broken by the test.');
        return await real.dead(endpoint, wish);
      },
    };
    const { schedule, onBug } = timing;
    const jobs = new DeadLetterReplays({ replays, redrive, clock, schedule, onBug });
    jobs.wake();
    // What failed is tried again by a timer of its own; the other goes on by its usual one.
    await untilScheduled(2);
    const [later, soon] = scheduled.splice(0);
    soon?.();
    while ((await replays.get('end_2', other))?.state !== 'done') await new Promise((resolve) => setImmediate(resolve));
    const waiting = await replays.get('end_1', failing);
    assert.deepEqual([asked, waiting?.state, waiting?.reason?.code, bugs.length], [1, 'waiting', 'INTERNAL', 1]);
    bugs.splice(0);
    isBroken = false;
    later?.();
    await untilScheduled(1);
    scheduled.splice(0)[0]?.();
    while ((await replays.get('end_1', failing))?.state !== 'done') await new Promise((resolve) => setImmediate(resolve));
    await jobs.close();
    const done = await replays.get('end_1', failing);
    assert.deepEqual([done?.passed, done?.reason, await dead()], [150, undefined, 0]);
  });

  it('are left out where they cannot be read: the others go, and the job says so, in a later run as well', async () => {
    await die(250);
    await database.transact([{ sql: `UPDATE push_delivery SET event = x'00' WHERE position IN ('p0', 'p7', 'p201')`, parameters: [] }]);
    const replays = new ReplayLog(database);
    const id = await ask(replays, 250);
    /** What one round of a run of its own makes of it, with a courier that takes all. */
    const roundOfRun = async (): Promise<unknown> => {
      scheduled = [];
      const redrive = redriveOver(() => ({ sendAgain: ({ position }) => sent.add(position).size > 0 }));
      const jobs = new DeadLetterReplays({ replays, redrive, clock, ...timing });
      jobs.wake();
      await untilScheduledOr(async () => (await replays.get('end_1', id))?.state === 'done');
      await jobs.close();
      const marks = [...sent].map((position) => ({
        sql: `UPDATE push_delivery SET state = 'waiting' WHERE position = ?`,
        parameters: [position],
      }));
      await database.transact(marks);
      const { state, passed, failed, reason } = (await replays.get('end_1', id)) ?? {};
      return [state, passed, failed, reason?.code, bugs.splice(0).length];
    };
    const sent = new Set<Position>();
    assert.deepEqual(await roundOfRun(), ['running', 98, 2, undefined, 2]);
    assert.deepEqual(await roundOfRun(), ['running', 196, 2, undefined, 2]);
    assert.deepEqual(await roundOfRun(), ['done', 247, 3, 'INVALID_EVENT', 3]);
    assert.deepEqual([sent.size, await dead()], [247, 3]);
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
