import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Backbone, LogPolicy } from '../../core/backbone.ts';
import type { GatewayError } from '../../core/errors.ts';
import type { Event } from '../../core/event.ts';
import type { Position } from '../../core/position.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { draft, readAll } from '../../testing/backbone-events.ts';
import { FaultyDatabase } from '../../testing/faulty-database.ts';
import { embeddedMigrations } from './migrations.ts';
import { openEmbedded } from './open-embedded.ts';

const log = 'default/orders';
const channel = { log, address: 'created' };
const hour: LogPolicy = { dedupWindow: 3_600_000 };
const refusal = (code: string) => (error: GatewayError) => error.name === 'GatewayError' && error.code === code;

let empty: string;
let folder: string;
let database: FaultyDatabase;
let backbone: Backbone;
let now = 1_000_000;
const clock = { now: () => now };
const warnings: string[] = [];

async function open(options: { maxPendingBytes?: number } = {}): Promise<void> {
  database = new FaultyDatabase(await openDatabase({ folder, migrations: embeddedMigrations }));
  backbone = await openEmbedded({ database, clock, onWarning: (sentence) => warnings.push(sentence), retentionInterval: 20, ...options });
}

async function close(): Promise<void> {
  await backbone.close();
  await database.close();
}

async function restart(policy: LogPolicy = hour): Promise<void> {
  await close();
  await open();
  await backbone.prepare(log, policy);
}

before(async () => {
  // Tables are made once and copied: making them takes longer than most tests.
  empty = await mkdtemp(join(tmpdir(), 'sluice-'));
  await (await openDatabase({ folder: empty, migrations: embeddedMigrations })).close();
});
after(() => rm(empty, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  await cp(empty, folder, { recursive: true });
  now = 1_000_000;
  warnings.length = 0;
  await open();
});
afterEach(async () => {
  await close();
  await rm(folder, { recursive: true });
});

const numbered = (count: number, prefix: string) => Array.from({ length: count }, (_, index) => draft(`${prefix}${index}`));

/** Events between the oldest and the newest position, as far as retention has come. */
async function span(): Promise<number> {
  const [earliest, latest] = await Promise.all([backbone.locate(channel, { at: 'earliest' }), backbone.locate(channel, { at: 'latest' })]);
  return backbone.compare(latest, earliest);
}

/** Resolves when the condition holds, looked at once per turn of the loop. */
async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await condition())) {
    if (Date.now() > deadline) assert.fail(`not within 5 s: ${what}`);
    await nextTurn();
  }
}

describe('embedded backbone over a restart', () => {
  it('keeps events, positions and the head, and goes on counting', async () => {
    await backbone.prepare(log, hour);
    const before = await backbone.publish(channel, numbered(3, 'a'));
    await restart();
    assert.deepEqual((await readAll(backbone, channel)).map(({ position }) => position), before.map(({ position }) => position));
    const [next] = await backbone.publish(channel, [draft('b')]);
    assert.equal(backbone.compare(next!.position, before[2]!.position), 1);
  });

  it('still tells repeated events within the window, and takes them as new past it', async () => {
    await backbone.prepare(log, hour);
    const [first] = await backbone.publish(channel, [draft('a')]);
    now += 3_000_000;
    await restart();
    assert.deepEqual(await backbone.publish(channel, [draft('a')]), [{ position: first!.position, duplicate: true }]);
    now += 700_000;
    const [second] = await backbone.publish(channel, [draft('a')]);
    assert.equal(second!.duplicate, false);
    await restart();
    assert.equal((await backbone.publish(channel, [draft('a')]))[0]!.position, second!.position);
  });

  it('fills a longer window from the log, and finds no event in a shorter one', async () => {
    await backbone.prepare(log, { dedupWindow: 1000 });
    await backbone.publish(channel, [draft('a')]);
    now += 5000;
    await backbone.prepare(log, { dedupWindow: 10_000 });
    assert.equal((await backbone.publish(channel, [draft('a')]))[0]!.duplicate, true);
    await backbone.prepare(log, { dedupWindow: 1000 });
    assert.equal((await backbone.publish(channel, [draft('a')]))[0]!.duplicate, false);
  });

  it('keeps acceptance times in order where the clock goes back', async () => {
    await backbone.prepare(log, hour);
    await backbone.publish(channel, [draft('a')]);
    now -= 500_000;
    await restart();
    await backbone.publish(channel, [draft('b')]);
    assert.deepEqual((await readAll(backbone, channel)).map(({ acceptedAt }) => acceptedAt), [1_000_000, 1_000_000]);
  });

  it('says of a position ahead of the log, or of another epoch, that it is lost', async () => {
    await backbone.prepare(log, hour);
    const [placed] = await backbone.publish(channel, [draft('a')]);
    const [epoch] = placed!.position.split('-');
    for (const position of [`${epoch}-2`, `${epoch}-9007199254740991`, 'zzzzzz-1', 'zzzzzz-0']) {
      await assert.rejects(backbone.read({ channel, after: position as Position, limit: 1 }), (error: GatewayError) => refusal('POSITION_LOST')(error) && error.details['oldest'] === `${epoch}-0`);
    }
    for (const position of [`${epoch}-01`, `${epoch}-9007199254740992`, `${epoch}-1.5`, 'short-1']) await assert.rejects(backbone.locate(channel, { at: 'position', position }), refusal('BAD_REQUEST'));
  });
});

describe('embedded retention', () => {
  it('deletes what is older than its age, whole rows first to last, and names the oldest usable position', async () => {
    await backbone.prepare(log, { ...hour, retainAge: 10_000 });
    const old = await backbone.publish(channel, numbered(500, 'old'));
    for (let index = 0; index < 450; index++) await backbone.publish(channel, [draft(`single${index}`)]);
    now += 9000;
    const [kept] = await backbone.publish(channel, [draft('kept')]);
    now += 2000;
    await eventually(async () => (await span()) === 1, 'old events are gone');
    assert.deepEqual((await readAll(backbone, channel)).map(({ id }) => id), ['kept']);
    const earliest = await backbone.locate(channel, { at: 'earliest' });
    assert.equal(backbone.compare(kept!.position, earliest), 1);
    for (const attempt of [() => backbone.read({ channel, after: old[3]!.position, limit: 5 }), () => backbone.lag(channel, old[3]!.position), () => backbone.locate(channel, { at: 'position', position: old[3]!.position })]) {
      await assert.rejects(attempt, (error: GatewayError) => refusal('POSITION_LOST')(error) && error.details['oldest'] === earliest);
    }
    assert.equal(await backbone.locate(channel, { at: 'time', time: 0 }), earliest);
    assert.equal((await backbone.lag(channel, earliest)).events, 1);
  });

  it('keeps a log within its bytes, also while it grows, and never gives a position twice', async () => {
    await backbone.prepare(log, { ...hour, retainBytes: 20_000 });
    const positions = new Set<string>();
    for (let index = 0; index < 300; index++) {
      for (const { position } of await backbone.publish(channel, [draft(`e${index}`, { data: Buffer.alloc(1000) })])) positions.add(position);
    }
    await eventually(async () => (await span()) < 20, 'within its bytes');
    assert.ok((await readAll(backbone, channel)).length >= 15);
    assert.equal(positions.size, 300);
    await backbone.prepare(log, { ...hour, retainBytes: 0 });
    await eventually(async () => (await span()) === 0, 'empty');
    await restart({ ...hour, retainBytes: 0 });
    const [next] = await backbone.publish(channel, [draft('next')]);
    assert.match(next!.position, /-301$/);
  });

  it('tells a reader it passes by that its position is lost, and never hands it a gap', async () => {
    await backbone.prepare(log, hour);
    const start = await backbone.locate(channel, { at: 'earliest' });
    for (let index = 0; index < 10; index++) await backbone.publish(channel, [draft(`e${index}`, { data: Buffer.alloc(1000) })]);
    let query: () => void = () => undefined;
    let answer: () => void = () => undefined;
    database.queryGate = new Promise<void>((resolve) => (query = resolve));
    const passed = backbone.read({ channel, after: start, limit: 100 });
    database.queryGate = undefined;
    database.answerGate = new Promise<void>((resolve) => (answer = resolve));
    await backbone.prepare(log, { ...hour, retainBytes: 5000 });
    await eventually(async () => Number((await database.query('SELECT count(*) AS n FROM event_batch'))[0]!['n']) < 10, 'rows are deleted');
    // The rows are gone, and nobody here has been told so yet.
    await assert.rejects(backbone.read({ channel, after: start, limit: 100 }), refusal('POSITION_LOST'));
    answer();
    query();
    await assert.rejects(passed, refusal('POSITION_LOST'));
  });

  it('still knows after a restart which channels lost events and which did not', async () => {
    await backbone.prepare(log, hour);
    const [quiet] = await backbone.publish({ log, address: 'quiet' }, [draft('q')]);
    await backbone.prepare(log, { ...hour, retainBytes: 0 });
    for (const round of ['a', 'b']) {
      await backbone.publish(channel, numbered(125, round));
      await eventually(async () => (await span()) === 0, 'everything is deleted');
    }
    for (const round of ['before', 'after', 'after two']) {
      if (round !== 'before') await restart({ ...hour, retainBytes: 0 });
      const request = { after: quiet!.position, limit: 10 };
      assert.deepEqual((await backbone.read({ channel: { log, address: 'quiet' }, ...request })).events, [], round);
      await assert.rejects(backbone.read({ channel, ...request }), refusal('POSITION_LOST'), round);
      await assert.rejects(backbone.read({ channel: { log, address: '*' }, ...request }), refusal('POSITION_LOST'), round);
    }
    assert.deepEqual(
      (await database.query('SELECT address, last FROM event_deletion ORDER BY last')).map((row) => ({ ...row })),
      [{ address: 'quiet', last: 1 }, { address: 'created', last: 251 }],
    );
  });

  it('takes every channel to have lost what was deleted before deletions were recorded', async () => {
    await close();
    const old = await mkdtemp(join(tmpdir(), 'sluice-'));
    const before = await openDatabase({ folder: old, migrations: embeddedMigrations.slice(0, 1) });
    await before.transact([
      { sql: "INSERT INTO event_log (tenant, name, epoch, head, oldest, bytes, created_at) VALUES ('default', 'orders', 'abcdef', 9, 6, 0, 1)", parameters: [] },
    ]);
    await before.close();
    await rm(folder, { recursive: true });
    folder = old;
    await open();
    await backbone.prepare(log, hour);
    for (const address of ['quiet', 'quiet/*', '*']) {
      await assert.rejects(backbone.locate({ log, address }, { at: 'position', position: 'abcdef-4' as Position }), refusal('POSITION_LOST'));
      assert.equal(await backbone.locate({ log, address }, { at: 'position', position: 'abcdef-5' as Position }), 'abcdef-5');
    }
  });

  it('hands no gap to a reader when it is not known whether a deletion happened, and deletes the rest later', async () => {
    await backbone.prepare(log, hour);
    const rows = async (): Promise<number> => Number((await database.query('SELECT count(*) AS n FROM event_batch'))[0]!['n']);
    for (const when of ['before', 'after'] as const) {
      await backbone.prepare(log, hour);
      const start = await backbone.locate(channel, { at: 'latest' });
      await backbone.publish(channel, numbered(3, when));
      database.writing = { when, code: 'FAILED' };
      const told = warnings.length;
      await backbone.prepare(log, { ...hour, retainBytes: 0 });
      await eventually(() => warnings.length > told, `a deletion fails ${when} it is written`);
      await assert.rejects(backbone.read({ channel, after: start, limit: 10 }), refusal('POSITION_LOST'), when);
      assert.equal(await rows(), when === 'before' ? 1 : 0);
      database.writing = undefined;
      await eventually(async () => (await rows()) === 0, 'all rows are deleted');
    }
  });

  it('leaves alone what a live consumer under backpressure has not had yet', async () => {
    await backbone.prepare(log, { ...hour, retainBytes: 0 });
    const seen: string[] = [];
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await backbone.consume(channel, async (events: readonly Event[]) => {
      await held;
      for (const event of events) seen.push(event.id);
    });
    for (let round = 0; round < 10; round++) await backbone.publish(channel, numbered(300, `${round}-`));
    release();
    await eventually(() => seen.length === 3000, 'everything is received');
    assert.equal(new Set(seen).size, 3000);
    await eventually(async () => (await span()) === 0, 'deleted afterwards');
  });
});

describe('embedded backbone with a failing disk', () => {
  it('rejects everything with a code of its own, delivers nothing, and works again afterwards', async () => {
    await backbone.prepare(log, hour);
    const seen: string[] = [];
    await backbone.consume(channel, (events) => void seen.push(...events.map(({ id }) => id)));
    const [first] = await backbone.publish(channel, [draft('a')]);
    for (const [code, expected] of [['FULL', 'STORE_FULL'], ['FAILED', 'BACKBONE_UNAVAILABLE'], ['OVERLOADED', 'OVERLOADED']] as const) {
      database.writing = { when: 'before', code };
      const attempts = await Promise.allSettled([backbone.publish(channel, [draft('b')]), backbone.publish(channel, [draft('b'), draft('c')])]);
      for (const attempt of attempts) assert.ok(attempt.status === 'rejected' && refusal(expected)(attempt.reason as GatewayError), code);
      const health = await backbone.check(AbortSignal.timeout(5000));
      assert.equal(health.state, 'down');
      database.writing = undefined;
      assert.equal((await backbone.check(AbortSignal.timeout(5000))).state, 'degraded');
    }
    const [second] = await backbone.publish(channel, [draft('b')]);
    assert.equal(second!.duplicate, false);
    assert.equal(backbone.compare(second!.position, first!.position), 1);
    assert.deepEqual(seen, ['a', 'b']);
    assert.equal((await backbone.check(AbortSignal.timeout(5000))).state, 'up');
  });

  it('never gives a position twice when the answer of a commit is lost, and live consumers get its events all the same', async () => {
    await backbone.prepare(log, hour);
    const seen: string[] = [];
    await backbone.consume(channel, (events) => void seen.push(...events.map(({ id, position }) => `${id} ${position.split('-')[1]}`)));
    await backbone.publish(channel, [draft('a')]);
    database.writing = { when: 'after', code: 'FAILED' };
    await assert.rejects(backbone.publish(channel, [draft('b'), draft('c')]), refusal('BACKBONE_UNAVAILABLE'));
    database.writing = undefined;
    const [again, next] = await backbone.publish(channel, [draft('b'), draft('d')]);
    assert.equal(again!.duplicate, true);
    assert.match(again!.position, /-2$/);
    assert.match(next!.position, /-4$/);
    await eventually(() => seen.length === 4, 'all received');
    assert.deepEqual(seen, ['a 1', 'b 2', 'c 3', 'd 4']);
    assert.deepEqual((await readAll(backbone, channel)).map(({ id }) => id), ['a', 'b', 'c', 'd']);
  });

  it('refuses to go on while it cannot ask what is on disk', async () => {
    await backbone.prepare(log, hour);
    database.writing = { when: 'after', code: 'FAILED' };
    database.blind = true;
    await assert.rejects(backbone.publish(channel, [draft('a')]), refusal('BACKBONE_UNAVAILABLE'));
    database.writing = undefined;
    await assert.rejects(backbone.publish(channel, [draft('b')]), refusal('BACKBONE_UNAVAILABLE'));
    database.blind = false;
    assert.match((await backbone.publish(channel, [draft('b')]))[0]!.position, /-2$/);
  });

  it('answers a repetition of an event in flight only once that is durable, and fails it with it', async () => {
    await backbone.prepare(log, hour);
    let release: () => void = () => undefined;
    database.gate = new Promise<void>((resolve) => (release = resolve));
    const first = backbone.publish(channel, [draft('a')]);
    await nextTurn();
    await nextTurn();
    let answered = false;
    const second = backbone.publish(channel, [draft('a')]).finally(() => (answered = true));
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    assert.equal(answered, false);
    release();
    assert.equal((await second)[0]!.position, (await first)[0]!.position);
    assert.equal((await second)[0]!.duplicate, true);
    database.writing = { when: 'before', code: 'FULL' };
    database.gate = new Promise<void>((resolve) => (release = resolve));
    const third = backbone.publish(channel, [draft('b')]);
    await nextTurn();
    await nextTurn();
    database.writing = undefined;
    const both = Promise.allSettled([third, backbone.publish(channel, [draft('b')])]);
    release();
    assert.deepEqual((await both).map(({ status }) => status), ['rejected', 'rejected']);
    assert.deepEqual((await readAll(backbone, channel)).map(({ id }) => id), ['a']);
  });

  it('refuses with OVERLOADED what exceeds its bound, and tells when to come back', async () => {
    await close();
    await open({ maxPendingBytes: 10_000 });
    await backbone.prepare(log, hour);
    const attempts = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => backbone.publish(channel, [draft(`e${index}`, { data: Buffer.alloc(4000) })])));
    const refused = attempts.filter((attempt) => attempt.status === 'rejected');
    assert.equal(refused.length, 8);
    for (const { reason } of refused) assert.ok(refusal('OVERLOADED')(reason as GatewayError) && (reason as GatewayError).retryAfter === 1000);
    assert.equal((await readAll(backbone, channel)).length, 2);
    await backbone.publish(channel, [draft('later')]);
  });

  it('says a probe that is not answered in time is down', async () => {
    let release: () => void = () => undefined;
    database.gate = new Promise<void>((resolve) => (release = resolve));
    const stop = new AbortController();
    const checking = backbone.check(stop.signal);
    stop.abort();
    assert.equal((await checking).state, 'down');
    release();
    database.gate = undefined;
    assert.equal((await backbone.check(AbortSignal.timeout(5000))).state, 'up');
  });

  it('answers BACKBONE_UNAVAILABLE for a damaged row and goes on with the others', async () => {
    await backbone.prepare(log, hour);
    const placed = [...(await backbone.publish(channel, [draft('a')])), ...(await backbone.publish(channel, [draft('b')]))];
    await database.transact([{ sql: "UPDATE event_batch SET events = x'0102030405060708' WHERE first = 1", parameters: [], expectChanges: 1 }]);
    await assert.rejects(readAll(backbone, channel), refusal('BACKBONE_UNAVAILABLE'));
    assert.deepEqual((await readAll(backbone, channel, placed[0]!.position)).map(({ id }) => id), ['b']);
  });

  it('closes a consumer that throws, tells the operator, and serves the others', async () => {
    await backbone.prepare(log, hour);
    const seen: string[] = [];
    await backbone.consume(channel, () => {
      throw new Error('a bug');
    });
    await backbone.consume(channel, () => Promise.reject(new Error('another')));
    await backbone.consume(channel, (events) => void seen.push(...events.map(({ id }) => id)));
    await backbone.publish(channel, [draft('a')]);
    await backbone.publish(channel, [draft('b')]);
    assert.deepEqual(seen, ['a', 'b']);
    assert.equal(warnings.length, 2);
  });
});
