import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { inboundMigrations } from './migrations.ts';
import type { TopicSubscription } from './topic-subscription.ts';
import { InboundTopicTable } from './topic-table.ts';

const subscription = (token: string): TopicSubscription => ({
  token,
  source: `src_${token}`,
  application: 'intake',
  name: 'feed',
  callback: `https://here.example/-/in/intake/feed/${token}`,
  url: 'https://publisher.example/feed',
  lease: 60_000,
  secret: 'sealed',
  wanted: 'subscribe',
  topic: undefined,
  hub: undefined,
  leaseUntil: undefined,
  dueAt: 1,
  failures: 0,
  reason: undefined,
});

test('a subscription at a hub that is damaged is forgotten and told of with its source, and the others stay', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = await openDatabase({ folder, migrations: inboundMigrations });
  const table = new InboundTopicTable(database);
  const damages = [
    'substr(state, 1, 60)',
    `replace(state, '"lease":60000', '"lease":"x"')`,
    `replace(state, '"subscribe"', '"wanted"')`,
    `'{}'`,
  ];
  for (const [nth, damage] of damages.entries()) {
    await table.save(subscription(`t${nth}`));
    await database.transact([{ sql: `UPDATE inbound_topic SET state = ${damage} WHERE token = ?`, parameters: [`t${nth}`] }]);
  }
  await table.save(subscription('sound'));
  const told: string[] = [];
  const read = async (): Promise<readonly string[]> => (await table.all(({ message }) => told.push(message))).map(({ token }) => token);
  assert.deepEqual([await read(), await read()], [['sound'], ['sound']]);
  assert.equal(told.length, damages.length);
  assert.equal(told.filter((message) => /of the source src_t\d at a hub/.test(message)).length, 3);
  assert.equal(told.filter((message) => message.includes('/-/in/')).length, 0, 'nobody learns of a callback');
  await database.close();
  await rm(folder, { recursive: true });
});
