import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ApiRuntime } from '../../gateway/catalogue.ts';
import type { OutgoingRequest } from '../../outgoing/http-sender.ts';
import type { Outcome } from '../../outgoing/outcome.ts';
import type { Database } from '../../store/database.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { FaultyDatabase } from '../../testing/faulty-database.ts';
import { ManualTime } from '../../testing/manual-time.ts';
import { until } from '../../testing/until.ts';
import { websubMigrations } from './migrations.ts';
import { TopicFetcher } from './topic-fetcher.ts';
import { TopicTable } from './topic-table.ts';

const topic = 'https://publisher.example/feed';

test('WS-P1: however often anybody pings for a topic, that is on disk once for each look', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = await openDatabase({ folder, migrations: websubMigrations });
  let writes = 0;
  const counted: Pick<Database, 'query' | 'transact'> = {
    query: (sql, parameters) => database.query(sql, parameters),
    transact: (statements) => {
      writes += 1;
      return database.transact(statements);
    },
  };
  const api = { resource: { id: 'api_1', name: 'feeds', spec: { websub: { topics: { [topic]: 'feed' } }, maxEventBytes: 1024 } } };
  const asked = Promise.withResolvers<void>();
  const never = Promise.withResolvers<Outcome>();
  const time = new ManualTime();
  const fetcher = new TopicFetcher({
    table: new TopicTable(counted as Database),
    apis: () => [api as unknown as ApiRuntime],
    clock: time,
    schedule: time.schedule,
    send: ({ signal }: OutgoingRequest) => {
      signal?.addEventListener('abort', () => never.resolve({ kind: 'failed', class: 'aborted', sentence: '' } as Outcome));
      asked.resolve();
      return never.promise;
    },
    log: { warn: () => undefined } as never,
    onBug: (error) => assert.fail(String(error)),
  });
  const ping = (): Promise<void> => fetcher.ping(api as unknown as ApiRuntime, [{ self: topic }]);
  await ping();
  await asked.promise;
  for (let n = 0; n < 50; n += 1) await ping();
  assert.equal(writes, 2, 'one for the look under way, one for the next');
  await fetcher.close();
  assert.equal((await new TopicTable(database).pinged()).length, 1, 'the next one is to come');
  await database.close();
  await rm(folder, { recursive: true });
});

test('WS-P1: a ping that was answered is looked at though the store fails in between', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = new FaultyDatabase(await openDatabase({ folder, migrations: websubMigrations }));
  const api = { resource: { id: 'api_1', name: 'feeds', spec: { websub: { topics: { [topic]: 'feed' } }, maxEventBytes: 1024 } } };
  const failed = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<string>();
  const time = new ManualTime();
  const fetcher = new TopicFetcher({
    table: new TopicTable(database),
    apis: () => [api as unknown as ApiRuntime],
    clock: time,
    schedule: time.schedule,
    send: ({ url }: OutgoingRequest) => {
      asked.resolve(url);
      return Promise.resolve({ kind: 'answered', status: 304, headers: {} } as Outcome);
    },
    log: { warn: () => undefined } as never,
    onBug: () => failed.resolve(),
  });
  database.blind = true;
  await fetcher.ping(api as unknown as ApiRuntime, [{ self: topic }]);
  await failed.promise;
  await until(
    async () => time.pending > 0,
    () => 'It is not looked at again.',
  );
  database.blind = false;
  time.advance(30_000);
  assert.equal(await asked.promise, topic);
  await fetcher.close();
  await database.close();
  await rm(folder, { recursive: true });
});
