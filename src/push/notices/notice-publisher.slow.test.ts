import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { EmbeddedBackbone } from '../../backbones/embedded/embedded-backbone.ts';
import { embeddedMigrations } from '../../backbones/embedded/migrations.ts';
import { openEmbedded } from '../../backbones/embedded/open-embedded.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Database } from '../../store/database.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { ManualTime } from '../../testing/manual-time.ts';
import { until } from '../../testing/until.ts';
import { noticeMigrations } from './migrations.ts';
import { NoticeBook } from './notice-book.ts';
import { NoticePublisher, type NoticePublisherParts } from './notice-publisher.ts';
import { noticeAddress, type Notice } from './notice.ts';

const log = 'default/sluice';

/** The outbox on a real store and a real log; a crash is a new publisher on what is on disk. */
describe('Notices in the outbox', () => {
  let folder: string;
  let database: Database;
  let backbone: EmbeddedBackbone;
  let time: ManualTime;
  const open = new Set<NoticePublisher>();
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: [...embeddedMigrations, ...noticeMigrations] });
    time = new ManualTime();
    backbone = await openEmbedded({ database, clock: time });
    await backbone.prepare(log, { dedupWindow: 86_400_000 });
  });
  afterEach(async () => {
    for (const publisher of open) await publisher.close();
    open.clear();
    await backbone.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const notice = (id: string, application = 'shop'): Notice => {
    return {
      id,
      tenant: 'default',
      application,
      owner: `app_${application}`,
      kind: 'gone',
      endpoint: 'ep_1',
      at: time.now(),
      data: { id },
    };
  };

  async function write(notices: readonly Notice[], dueAt = 0): Promise<void> {
    const book = new NoticeBook();
    for (const one of notices) book.put(one, dueAt);
    await database.transact(book.collect());
    book.committed();
  }

  function publisher(parts: Partial<NoticePublisherParts> = {}): NoticePublisher {
    const made = new NoticePublisher({
      database,
      clock: time,
      schedule: time.schedule,
      isThere: (application, owner) => owner === `app_${application}`,
      channelOf: (application) => ({ backbone, channel: { log, address: noticeAddress(application) } }),
      onBug: (error) => assert.fail(String(error)),
      ...parts,
    });
    open.add(made);
    return made;
  }

  async function published(application = 'shop'): Promise<readonly string[]> {
    const channel = { log, address: noticeAddress(application) };
    const after = await backbone.locate(channel, { at: 'earliest' });
    return (await backbone.read({ channel, after, limit: 1000 })).events.map(({ id }) => id);
  }

  const eventually = (isTrue: () => boolean | Promise<boolean>): Promise<void> =>
    until(
      async () => isTrue(),
      () => 'It did not come to pass.',
    );

  const isEmpty = async (): Promise<boolean> => (await database.query('SELECT 1 FROM push_notice')).length === 0;

  test('come to the channel of their application, in order, and leave the outbox', async () => {
    await write([notice('1'), notice('2'), notice('a', 'other'), notice('3')]);
    publisher().wake();
    await eventually(isEmpty);
    assert.deepEqual([await published(), await published('other')], [['1', '2', '3'], ['a']]);
  });

  test('are told though one before them is damaged: that one is taken out, and told of with its endpoint', async () => {
    const damages = [`data = '{"id'`, `data = '7'`, `at = 'then'`, `at = 9e15`, `kind = 'gonf'`, `due_at = 'now'`, `due_at = 9e15`];
    await write([...damages.map((_, nth) => notice(`d${nth}`)), notice('sound')]);
    await database.transact(
      damages.map((damage, nth) => ({ sql: `UPDATE push_notice SET ${damage} WHERE id = ?`, parameters: [`d${nth}`] })),
    );
    const told: string[] = [];
    publisher({ onBug: (error) => told.push(String(error)) }).wake();
    await eventually(isEmpty);
    assert.deepEqual(await published(), ['sound']);
    assert.deepEqual(
      told.map((message) => /of shop about the endpoint ep_1 cannot be read \((\w+)\)/.exec(message)?.[1]),
      damages.map((damage) => damage.split(' ')[0]),
    );
  });

  test('E8-8: are there once when everything ended before they were published, or before they had left the outbox', async () => {
    await write([notice('1'), notice('2')]);
    // The first life publishes and never gets to delete.
    const deaf: Database = {
      ...database,
      query: (sql, values) => database.query(sql, values),
      close: () => database.close(),
      transact: async (statements) => (statements.some(({ sql }) => sql.includes('WHERE id IN')) ? await new Promise(() => undefined) : []),
    };
    const first = publisher({ database: deaf });
    open.delete(first);
    first.wake();
    await eventually(async () => (await published()).length === 2);
    assert.equal(await isEmpty(), false);
    publisher().wake();
    await eventually(isEmpty);
    assert.deepEqual(await published(), ['1', '2']);
  });

  test('wait for a channel, and for a log that cannot take them, and are tried again', async () => {
    await write([notice('1')]);
    let state: 'absent' | 'failing' | 'well' = 'absent';
    const failures: unknown[] = [];
    const failing = { publish: () => Promise.reject(new GatewayError('STORE_FULL', 'No space.')) };
    const waiting = publisher({
      channelOf: (application) =>
        state === 'absent'
          ? undefined
          : { backbone: state === 'failing' ? failing : backbone, channel: { log, address: noticeAddress(application) } },
      onBug: (error) => failures.push(error),
    });
    waiting.wake();
    await eventually(() => time.pending > 0);
    state = 'failing';
    time.advance(30_000);
    await eventually(() => failures.length === 1 && time.pending > 0);
    state = 'well';
    time.advance(30_000);
    await eventually(isEmpty);
    assert.deepEqual(await published(), ['1']);
  });

  test('that are counted together wait until the count is over, and the last count is what is told', async () => {
    await write([{ ...notice('1'), data: { count: 1 } }], time.now() + 5000);
    await write([{ ...notice('1'), data: { count: 2 } }], time.now() + 5000);
    publisher().wake();
    await eventually(() => time.pending > 0);
    assert.deepEqual(await published(), []);
    time.advance(5000);
    await eventually(isEmpty);
    const channel = { log, address: noticeAddress('shop') };
    const { events } = await backbone.read({ channel, after: await backbone.locate(channel, { at: 'earliest' }), limit: 9 });
    assert.deepEqual(
      events.map((event) => event.json()),
      [{ count: 2 }],
    );
  });

  test('to an application that is gone are forgotten, whoever has its name by now', async () => {
    await write([{ ...notice('1'), owner: 'app_earlier' }, notice('2'), { ...notice('3'), owner: 'app_earlier' }, notice('4')]);
    // As it was written before owners were.
    await write([{ ...notice('5'), owner: '' }]);
    publisher().wake();
    await eventually(isEmpty);
    assert.deepEqual((await published()).toSorted(), ['2', '4', '5']);
  });

  test('that nothing carries for a month are forgotten', async () => {
    await write([notice('1')]);
    time.advance(31 * 86_400_000);
    publisher({ channelOf: () => undefined }).wake();
    await eventually(isEmpty);
  });

  test('go back into the book when the store refuses them, under what was told since', () => {
    const book = new NoticeBook();
    book.put(notice('1'), 0);
    book.put(notice('2'), 0);
    book.collect();
    book.put({ ...notice('1'), data: { newer: true } }, 0);
    book.failed();
    const values = book.collect().flatMap(({ parameters }) => parameters);
    assert.ok(values.includes('{"newer":true}') && !values.includes('{"id":"1"}') && values.includes('{"id":"2"}'));
  });
});
