import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { OutgoingRequest } from '../../outgoing/http-sender.ts';
import type { Outcome } from '../../outgoing/outcome.ts';
import type { Resource, ResourceStore } from '../../store/resources.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { FaultyDatabase } from '../../testing/faulty-database.ts';
import { ManualTime } from '../../testing/manual-time.ts';
import { until } from '../../testing/until.ts';
import { inboundMigrations } from './migrations.ts';
import { InboundTopicTable } from './topic-table.ts';
import { TopicSubscriber } from './topic-subscriber.ts';

const topic = 'https://publisher.example/feed';
const source = {
  id: 'src_1',
  name: 'feed',
  parent: 'intake',
  spec: { subscription: 'sub_1', topic: { url: topic, lease: 864_000_000 }, secrets: [{ sealed: 'sealed' }] },
} as unknown as Resource<'source'>;
const others: Readonly<Record<string, unknown>> = { subscription: { spec: { api: 'feeds' } }, api: { spec: { path: '/feeds' } } };

/** What the publisher and the hub answer. */
function answered({ method }: OutgoingRequest): Outcome {
  const link = `<https://hub.example/>; rel="hub", <${topic}>; rel="self"`;
  return { kind: 'answered', status: method === 'GET' ? 200 : 202, headers: { link }, body: Buffer.alloc(0) } as unknown as Outcome;
}

test('what a hub asked and could not be told, since the store failed, is not taken for verified, and asked for again', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = new FaultyDatabase(await openDatabase({ folder, migrations: inboundMigrations }));
  const time = new ManualTime();
  const callbacks: string[] = [];
  const subscriber = new TopicSubscriber({
    store: { list: () => [source], get: (kind: string) => others[kind], watch: () => () => undefined } as unknown as ResourceStore,
    table: new InboundTopicTable(database),
    send: (request) => {
      if (request.method === 'POST')
        callbacks.push(new URLSearchParams(Buffer.from(request.body ?? []).toString()).get('hub.callback') ?? '');
      return Promise.resolve(answered(request));
    },
    open: (sealed) => sealed,
    now: time.now,
    random: () => 0.5,
    schedule: time.schedule,
    log: { info: () => undefined, warn: () => undefined } as never,
    onBug: (error) => assert.fail(String(error)),
  });
  t.after(async () => {
    await subscriber.close();
    await database.close();
    await rm(folder, { recursive: true });
  });
  await subscriber.start('https://gateway.example');
  const asked = (times: number): Promise<void> =>
    until(
      async () => callbacks.length === times && time.pending > 0,
      () => `The hub was asked ${callbacks.length} times.`,
    );
  await asked(1);
  const token = callbacks[0]?.split('/').at(-1) ?? '';
  const question = new URLSearchParams({
    'hub.mode': 'subscribe',
    'hub.topic': topic,
    'hub.challenge': 'abc',
    'hub.lease_seconds': '864000',
  });
  database.writing = { when: 'before', code: 'FULL' };
  await assert.rejects(subscriber.answer(token, question.toString()));
  assert.equal(subscriber.status('src_1')?.state, 'asking');
  database.writing = undefined;
  time.advance(120_000);
  await asked(2);
  await subscriber.answer(token, question.toString());
  assert.equal(subscriber.status('src_1')?.state, 'subscribed');
});
