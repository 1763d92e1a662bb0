import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { worldFiles } from '../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { until } from '../testing/until.ts';
import { WebhookReceiver } from '../testing/webhook-receiver.ts';
import { endpointNamed, publishNew, webhookConfig } from '../testing/webhook-world.ts';

const owed = `INSERT INTO push_delivery (endpoint, position, tenant, address, event_id, event_type, state, reason, attempts, counted, throttled,
  format_refused, due_at, billed, accepted_at, changed_at, event) VALUES (:endpoint, `;
const replay = `INSERT INTO push_replay (id, tenant, endpoint, address, kind, after, until, types, before, state, total, cursor, passed, sent,
  succeeded, failed, created_at, changed_at) VALUES `;
const request = `INSERT INTO websub_request (id, mode, subscription, address, self, callback, topic, hub, lease, secret, deadline, accepted_at)`;

interface Damage {
  readonly sql: string;
  /** A line of the log that names whose it was; undefined: nobody loses anything by it. */
  readonly told: RegExp | undefined;
}

/** One row of each table that push, WebSub and inbound webhooks have; `:endpoint` is whose it is. */
const damages: Readonly<Record<string, Damage>> = {
  push_delivery: {
    sql: `${owed}'?', 'default', 'a', 'owed', 't', 'wartend', 'status', 'a', 'b', 'c', 'd', 'e', 'f', 1, 'g', x'7b')`,
    told: /The event kept for END at \? cannot be read/,
  },
  push_settled: { sql: `INSERT INTO push_settled (endpoint, position) VALUES (:endpoint, '?')`, told: undefined },
  push_endpoint: {
    sql: `REPLACE INTO push_endpoint (endpoint, tenant, state) VALUES (:endpoint, 'default', '{"failing":7')`,
    told: /What was kept of how END does cannot be read/,
  },
  push_attempt: {
    sql: `INSERT INTO push_attempt (tenant, endpoint, position, event_id, event_type, attempt, lane, at, outcome, duration, detail)
          VALUES ('default', :endpoint, '?', 'e', 't', 'a', 'x', unixepoch() * 1000, 'y', 'z', '{')`,
    told: undefined,
  },
  push_attempt_event: {
    sql: `INSERT INTO push_attempt_event (endpoint, event_id, attempt) VALUES (:endpoint, 'e', 'a')`,
    told: undefined,
  },
  push_dropped: { sql: `INSERT INTO push_dropped (endpoint, letters, at) VALUES (:endpoint, 'a', 'b')`, told: undefined },
  push_replay: {
    sql: `${replay} ('rpl_range', 'default', :endpoint, 'a', 'range', '?', '?', '[', NULL, 'running', 'a', '?', 'b', 'c', 'd', 'e', 1, 1),
          ('rpl_dead', 'default', :endpoint, 'a', 'dead', '', '', '[]', 'then', 'waiting', 1, '', 0, 0, 0, 0, 1, 1)`,
    told: /The replay rpl_dead to END has failed.*The replay rpl_range to END has failed|The replay rpl_range to END has failed.*The replay rpl_dead to END has failed/s,
  },
  push_notice: {
    sql: `INSERT INTO push_notice (id, tenant, application, owner, kind, endpoint, at, due_at, data)
          VALUES ('n', 'default', 'reader', '', 'gone', :endpoint, 'a', 'b', '{')`,
    told: /A notice of reader about the endpoint END cannot be read/,
  },
  push_verification: {
    sql: `REPLACE INTO push_verification (endpoint, tenant, subject, state, tries, per_minute) VALUES (:endpoint, 'default', '?', 'x', 'y', 'z')`,
    told: /What the receiver of END said cannot be read/,
  },
  websub_request: {
    sql: `${request} VALUES ('r', 'subscribf', 'sub', 'a', 's', 'nowhere', 'topic', 'hub', 'x', NULL, 'y', 'z')`,
    told: /had to do of nowhere for topic cannot be read/,
  },
  websub_denial: {
    sql: `INSERT INTO websub_denial (id, callback, topic, reason, deadline) VALUES ('d', 'nobody', 'topic', NULL, 'x')`,
    told: /had to do of nobody for topic cannot be read/,
  },
  websub_topic: {
    sql: `INSERT INTO websub_topic (api, topic, pinged_at, etag, contents)
          SELECT id, '?', 'then', x'00', 'many' FROM resource WHERE kind = 'api' AND name = 'world'`,
    told: undefined,
  },
  inbound_request: { sql: `INSERT INTO inbound_request (key, until, source) VALUES ('k', 'x', 's')`, told: undefined },
  inbound_topic: {
    sql: `INSERT INTO inbound_topic (token, state) VALUES ('t', '{"source":"src_1",')`,
    told: /the subscription of the source src_1 at a hub cannot be read/,
  },
};

describe('a data folder in which one row of each table is damaged', { timeout: 180_000 }, () => {
  const receiver = new WebhookReceiver<{ readonly id: string }>();
  let sluice: SluiceFixture;
  let log = '';

  before(async () => {
    await receiver.listen();
    const endpoint = (name: string): string =>
      `${name}: { url: 'http://127.0.0.1:${receiver.port}/${name}', address: '*/events', headers: { x-endpoint: ${name} }, retry: [100ms] }`;
    const config = webhookConfig(`${endpoint('damaged')}\n${endpoint('sound')}`);
    const onLog = (line: string): unknown => (log += line);
    sluice = await openSluice(config, { files: worldFiles(), openOutgoing: ['127.0.0.0/8'], onLog });
  });
  after(async () => {
    await sluice.stop();
    receiver.close();
  });

  const cameTo = (name: string): readonly string[] =>
    receiver.posts.filter(({ headers }) => headers['x-endpoint'] === name).map(({ event }) => event.id);

  /** All tables of these rooms are in the list above, also those that are added one day. */
  async function damage(endpoint: string): Promise<void> {
    const database = new DatabaseSync(join(sluice.data, 'sluice.db'), { timeout: 10_000 });
    try {
      const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB '*_*'`).all();
      const ours = tables.map(({ name }) => String(name)).filter((name) => /^(push|websub|inbound)_/.test(name));
      assert.deepEqual(ours.toSorted(), Object.keys(damages).toSorted());
      // What is kept of how it does is on disk, and nothing of it comes any more.
      while (database.prepare('SELECT 1 FROM push_endpoint WHERE endpoint = ?').get(endpoint) === undefined) await setTimeout(20);
      for (const { sql } of Object.values(damages)) database.prepare(sql).run(sql.includes(':endpoint') ? { endpoint } : {});
    } finally {
      database.close();
    }
  }

  test('is started with, everybody is sent what is new, and whose it was stands in the log and on the API', async () => {
    const endpoint = await endpointNamed(sluice, 'damaged');
    await publishNew(sluice, 1);
    await receiver.arrived(2);
    await damage(endpoint);
    log = '';
    await sluice.restart();
    const [id = ''] = await publishNew(sluice, 1);
    await until(
      async () => cameTo('sound').includes(id) && cameTo('damaged').includes(id),
      () => `${log}\n${cameTo('sound').join()} came to one, ${cameTo('damaged').join()} to the other`,
    );
    for (const [table, { told }] of Object.entries(damages)) {
      if (told === undefined) continue;
      const line = new RegExp(told.source.replaceAll('END', endpoint), told.flags);
      await until(
        async () => line.test(log),
        () => `${table}: ${line.source} is not in ${log}`,
      );
    }
    const get = async (...path: string[]) => (await sluice.client().get(['endpoints', endpoint, ...path])) as never as Shown;
    assert.equal((await get('status')).state, 'started');
    const { items: replays } = await get('replays');
    assert.deepEqual(
      replays.map(({ state, reason }) => [state, (reason as { code: string }).code]),
      [
        ['failed', 'UNREADABLE'],
        ['failed', 'UNREADABLE'],
      ],
    );
    await until(
      async () => (await get('deliveries')).items.some(({ reason }) => reason === 'unreadable'),
      () => `what cannot be read is not shown`,
    );
    assert.ok((await get('attempts')).items.some(({ sentence }) => /cannot be read in part/.test(String(sentence))));
    assert.equal((await sluice.client().get(['usage', 'verify']))['ok'], true);
  });
});

interface Shown {
  readonly state: string;
  readonly items: readonly { readonly state: string; readonly reason: unknown; readonly sentence: unknown }[];
}
