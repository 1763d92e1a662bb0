import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { GatewayError } from '../../core/errors.ts';
import type { Event } from '../../core/event.ts';

import { openDatabase } from '../../store/sqlite/open-database.ts';
import { draft, readAll } from '../../testing/backbone-events.ts';
import { channel, embeddedWorld, hour, log, numbered } from '../../testing/embedded-world.ts';
import { until } from '../../testing/until.ts';
import { embeddedMigrations } from './migrations.ts';

const refusal = (code: string) => (error: GatewayError) => error.name === 'GatewayError' && error.code === code;
const world = embeddedWorld();

describe('embedded retention', () => {
  it('deletes what is older than its age, whole rows first to last, and names the oldest usable position', async () => {
    await world.backbone.prepare(log, { ...hour, retainAge: 10_000 });
    const old = await world.backbone.publish(channel, numbered(500, 'old'));
    for (let index = 0; index < 450; index++) await world.backbone.publish(channel, [draft(`single${index}`)]);
    world.now += 9000;
    const [kept] = await world.backbone.publish(channel, [draft('kept')]);
    world.now += 2000;
    await until(
      async () => (await world.span()) === 1,
      () => 'old events stay',
    );
    assert.deepEqual(
      (await readAll(world.backbone, channel)).map(({ id }) => id),
      ['kept'],
    );
    const earliest = await world.backbone.locate(channel, { at: 'earliest' });
    assert.equal(world.backbone.compare(kept!.position, earliest), 1);
    for (const attempt of [
      () => world.backbone.read({ channel, after: old[3]!.position, limit: 5 }),
      () => world.backbone.lag(channel, old[3]!.position),
      () => world.backbone.locate(channel, { at: 'position', position: old[3]!.position }),
    ]) {
      await assert.rejects(attempt, (error: GatewayError) => refusal('POSITION_LOST')(error) && error.details['oldest'] === earliest);
    }
    assert.equal(await world.backbone.locate(channel, { at: 'time', time: 0 }), earliest);
    assert.equal((await world.backbone.lag(channel, earliest)).events, 1);
  });

  it('keeps a log within its bytes, also while it grows, and never gives a position twice', async () => {
    await world.backbone.prepare(log, { ...hour, retainBytes: 20_000 });
    const positions = new Set<string>();
    for (let index = 0; index < 300; index++) {
      for (const { position } of await world.backbone.publish(channel, [draft(`e${index}`, { data: Buffer.alloc(1000) })]))
        positions.add(position);
    }
    await until(
      async () => (await world.span()) < 20,
      () => 'it stays larger than its bytes',
    );
    assert.ok((await readAll(world.backbone, channel)).length >= 15);
    assert.equal(positions.size, 300);
    await world.backbone.prepare(log, { ...hour, retainBytes: 0 });
    await until(
      async () => (await world.span()) === 0,
      () => 'it is not empty',
    );
    await world.restart({ ...hour, retainBytes: 0 });
    const [next] = await world.backbone.publish(channel, [draft('next')]);
    assert.match(next!.position, /-301$/);
  });

  it('tells a reader it passes by that its position is lost, and never hands it a gap', async () => {
    await world.backbone.prepare(log, hour);
    const start = await world.backbone.locate(channel, { at: 'earliest' });
    for (let index = 0; index < 10; index++) await world.backbone.publish(channel, [draft(`e${index}`, { data: Buffer.alloc(1000) })]);
    let query: () => void = () => undefined;
    let answer: () => void = () => undefined;
    world.database.queryGate = new Promise<void>((resolve) => (query = resolve));
    const passed = world.backbone.read({ channel, after: start, limit: 100 });
    world.database.queryGate = undefined;
    world.database.answerGate = new Promise<void>((resolve) => (answer = resolve));
    await world.backbone.prepare(log, { ...hour, retainBytes: 5000 });
    await until(
      async () => Number((await world.database.query('SELECT count(*) AS n FROM event_batch'))[0]!['n']) < 10,
      () => 'no row is deleted',
    );
    // The rows are gone, and nobody here has been told so yet.
    await assert.rejects(world.backbone.read({ channel, after: start, limit: 100 }), refusal('POSITION_LOST'));
    answer();
    query();
    await assert.rejects(passed, refusal('POSITION_LOST'));
  });

  it('still knows after a restart which channels lost events and which did not', async () => {
    await world.backbone.prepare(log, hour);
    const [quiet] = await world.backbone.publish({ log, address: 'quiet' }, [draft('q')]);
    await world.backbone.prepare(log, { ...hour, retainBytes: 0 });
    for (const round of ['a', 'b']) {
      await world.backbone.publish(channel, numbered(125, round));
      await until(
        async () => (await world.span()) === 0,
        () => 'not everything is deleted',
      );
    }
    for (const round of ['before', 'after', 'after two']) {
      if (round !== 'before') await world.restart({ ...hour, retainBytes: 0 });
      const request = { after: quiet!.position, limit: 10 };
      assert.deepEqual((await world.backbone.read({ channel: { log, address: 'quiet' }, ...request })).events, [], round);
      await assert.rejects(world.backbone.read({ channel, ...request }), refusal('POSITION_LOST'), round);
      await assert.rejects(world.backbone.read({ channel: { log, address: '*' }, ...request }), refusal('POSITION_LOST'), round);
    }
    assert.deepEqual(
      (await world.database.query('SELECT address, last FROM event_deletion ORDER BY last')).map((row) => ({ ...row })),
      [
        { address: 'quiet', last: 1 },
        { address: 'created', last: 251 },
      ],
    );
  });

  it('takes every channel to have lost what was deleted before deletions were recorded', async () => {
    await world.close();
    const old = await mkdtemp(join(tmpdir(), 'sluice-'));
    const before = await openDatabase({ folder: old, migrations: embeddedMigrations.slice(0, 1) });
    await before.transact([
      {
        sql: "INSERT INTO event_log (tenant, name, epoch, head, oldest, bytes, created_at) VALUES ('default', 'orders', 'abcdef', 9, 6, 0, 1)",
        parameters: [],
      },
    ]);
    await before.close();
    await rm(world.folder, { recursive: true });
    world.folder = old;
    await world.open();
    await world.backbone.prepare(log, hour);
    for (const address of ['quiet', 'quiet/*', '*']) {
      await assert.rejects(world.backbone.locate({ log, address }, { at: 'position', position: 'abcdef-4' }), refusal('POSITION_LOST'));
      assert.equal(await world.backbone.locate({ log, address }, { at: 'position', position: 'abcdef-5' }), 'abcdef-5');
    }
  });

  it('hands no gap to a reader when it is not known whether a deletion happened, and deletes the rest later', async () => {
    await world.backbone.prepare(log, hour);
    const rows = async (): Promise<number> => Number((await world.database.query('SELECT count(*) AS n FROM event_batch'))[0]!['n']);
    for (const when of ['before', 'after'] as const) {
      await world.backbone.prepare(log, hour);
      const start = await world.backbone.locate(channel, { at: 'latest' });
      await world.backbone.publish(channel, numbered(3, when));
      world.database.writing = { when, code: 'FAILED' };
      const told = world.warnings.length;
      await world.backbone.prepare(log, { ...hour, retainBytes: 0 });
      await until(
        async () => world.warnings.length > told,
        () => `no deletion fails ${when} it is written`,
      );
      await assert.rejects(world.backbone.read({ channel, after: start, limit: 10 }), refusal('POSITION_LOST'), when);
      assert.equal(await rows(), when === 'before' ? 1 : 0);
      world.database.writing = undefined;
      await until(
        async () => (await rows()) === 0,
        () => 'rows are left',
      );
    }
  });

  it('leaves alone what a live consumer under backpressure has not had yet', async () => {
    await world.backbone.prepare(log, { ...hour, retainBytes: 0 });
    const seen: string[] = [];
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await world.backbone.consume(channel, async (events: readonly Event[]) => {
      await held;
      for (const event of events) seen.push(event.id);
    });
    for (let round = 0; round < 10; round++) await world.backbone.publish(channel, numbered(300, `${round}-`));
    release();
    await until(
      async () => seen.length === 3000,
      () => 'not everything is received',
    );
    assert.equal(new Set(seen).size, 3000);
    await until(
      async () => (await world.span()) === 0,
      () => 'it is not deleted afterwards',
    );
  });
});
