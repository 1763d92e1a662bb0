import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { countByLag } from '../metering/log-count.ts';
import { verifyCounts } from '../metering/verify-counts.ts';
import { verifyRanges } from '../metering/verify-ranges.ts';
import { newEvents, worldFiles } from '../testing/gateway-world.ts';
import { PushWorld, secretText, type Received } from '../testing/push-world.ts';
import { randomOf } from '../testing/seeded-random.ts';
import { openSluice } from '../testing/sluice-fixture.ts';
import { DeliveryLog } from './delivery-log.ts';
import type { PushTarget } from './push-target.ts';
import { Redrive } from './redrive.ts';

const batch = { events: 4, bytes: 100_000, wait: 50 };

const withWorld = (wish: Partial<PushTarget>, body: (world: PushWorld) => Promise<void>): Promise<void> =>
  PushWorld.use({ batch, ...wish }, body);

const ids = (count: number, prefix = 'e'): string[] => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
const idsOf = ({ events }: Received): string[] => events.map(({ id }) => id);

async function committed(world: PushWorld): Promise<Set<string>> {
  const rows = await world.database.query(
    `SELECT event_id AS id FROM push_attempt WHERE outcome IN ('delivered', 'dead')
     UNION SELECT e.event_id FROM push_attempt_event e JOIN push_attempt a ON a.id = e.attempt WHERE a.outcome IN ('delivered', 'dead')`,
  );
  return new Set(rows.map(({ id }) => String(id)));
}

async function checkLedger(world: PushWorld, billed: number): Promise<void> {
  const sum = async (): Promise<number> => {
    await world.ledger.flush();
    return Number((await world.database.query('SELECT sum(n_billable) AS n FROM usage_range'))[0]?.['n']);
  };
  await world.until(async () => (await sum()) >= billed);
  assert.equal(await sum(), billed);
  assert.equal((await verifyRanges(world.database, (_log, a, b) => world.backbone.compare(a, b), 'default'))['ok'], true);
  const lag = countByLag(async (log, address, position) => (await world.backbone.lag({ log, address }, position)).events);
  const { losses, overcharges } = await verifyCounts(world.database, lag, 'default');
  assert.deepEqual([losses, overcharges], [[], []]);
}

describe('a batch', { timeout: 300_000 }, () => {
  test('SW-4, SW-6: carries several events as CloudEvents, signed under one id, and each is billed', () =>
    withWorld({}, async (world) => {
      await world.publish(ids(10));
      await world.until(() => world.received.length === 3);
      assert.deepEqual(
        world.received.map(idsOf).toSorted((a, b) => b.length - a.length || (a[0] ?? '').localeCompare(b[0] ?? '')),
        [ids(4), ['e4', 'e5', 'e6', 'e7'], ['e8', 'e9']],
      );
      for (const { headers, body } of world.received) {
        assert.equal(headers['content-type'], 'application/cloudevents-batch+json; charset=utf-8');
        new Webhook(secretText).verify(body.toString(), headers as Record<string, string>);
        assert.doesNotMatch(String(headers['webhook-id']), /\./);
      }
      assert.equal(new Set(world.received.map(({ headers }) => headers['webhook-id'])).size, 3);
      await checkLedger(world, 10);
      const log = new DeliveryLog(world.database);
      const { items } = await log.attempts('end_1', { event: 'e6', outcome: undefined, limit: 10, after: undefined });
      assert.deepEqual(
        items.map(({ event, events }) => [event, events]),
        [['e4', ['e4', 'e5', 'e6', 'e7']]],
      );
    }));

  test('has no more bytes than it may, but for one event that is larger', () =>
    withWorld({ batch: { events: 100, bytes: 1000, wait: 20 } }, async (world) => {
      await world.publish(ids(30));
      await world.until(() => world.received.flatMap(idsOf).length === 30);
      for (const { body } of world.received) assert.ok(body.byteLength <= 1001, `${body.byteLength}`);
      assert.ok(world.received.length < 30);
    }));

  test('SW-5: that fails is made again of the same events under the same id, also by the next run', () =>
    withWorld({ schedule: { delays: Array.from({ length: 400 }, () => 50) } }, async (world) => {
      world.answer = (_received, response) => void response.writeHead(500).end();
      await world.publish(ids(6));
      await world.until(() => world.received.length >= 4);
      await world.until(async () => (await world.database.query('SELECT 1 FROM push_delivery')).length === 6);
      await world.crash();
      const first = new Map(world.received.map((received) => [received.headers['webhook-id'], idsOf(received).join()]));
      assert.equal(first.size, 2);
      world.received.length = 0;
      world.answer = (_received, response) => void response.writeHead(200).end();
      await world.begin();
      await world.until(() => world.received.flatMap(idsOf).length === 6);
      for (const received of world.received) {
        assert.equal(first.get(received.headers['webhook-id']), idsOf(received).join());
        assert.ok(Number(received.headers['webhook-attempt']) > 1);
      }
      await checkLedger(world, 6);
    }));

  test('that waits goes at once when one of its events is retried by hand; when it is dead, each goes alone', () =>
    withWorld({ schedule: { delays: [60_000] } }, async (world) => {
      const redrive = new Redrive({
        service: { courier: () => world.courier, whileSteady: (work) => work() },
        database: world.database,
        book: world.book,
        now: () => Date.now(),
        flush: () => world.ledger.flush(),
      });
      const rows = async (state: string) => {
        await world.ledger.flush();
        return await world.database.query('SELECT * FROM push_delivery WHERE state = ? ORDER BY rowid', [state]);
      };
      world.answer = (_received, response) => void response.writeHead(500).end();
      await world.publish(ids(4));
      await world.until(async () => (await rows('waiting')).length === 4);
      assert.equal(await redrive.one('end_1', String((await rows('waiting'))[2]?.['position'])), 'retried');
      await world.until(async () => (await rows('dead')).length === 4);
      assert.deepEqual(world.received.map(idsOf), [ids(4), ids(4)]);
      assert.equal(new Set(world.received.map(({ headers }) => headers['webhook-id'])).size, 1);
      world.answer = (_received, response) => void response.writeHead(200).end();
      assert.partialDeepStrictEqual(await redrive.dead('end_1', { before: Date.now() + 1, limit: 10 }), {
        retried: 4,
        isFull: false,
        left: 0,
      });
      await world.until(() => world.received.length === 6);
      assert.deepEqual(new Set(world.received.slice(2).map((received) => idsOf(received).join())), new Set(ids(4)));
      await checkLedger(world, 4);
    }));

  for (const [status, order] of [
    [400, 'none'],
    [413, 'per-key'],
    [422, 'strict'],
  ] as const) {
    test(`with one event that is refused with ${status} is halved until that is alone, in order ${order}`, () =>
      withWorld({ batch: { ...batch, events: 16 }, order, schedule: { delays: [5] } }, async (world) => {
        world.answer = ({ events }, response) => void response.writeHead(events.some(({ id }) => id === 'e5') ? status : 200).end();
        await world.publish(ids(16), (id) => `k${Number(id.slice(1)) % 2}`);
        await world.until(async () => (await committed(world)).size === 16);
        const dead = await world.database.query(`SELECT event_id FROM push_delivery WHERE state = 'dead'`);
        assert.deepEqual(
          dead.map((row) => row['event_id']),
          ['e5'],
        );
        const accepted = world.received.filter(({ events }) => !events.some(({ id }) => id === 'e5')).flatMap(idsOf);
        assert.equal(accepted.length, 15);
        assert.equal(new Set(accepted).size, 15);
        // 16, 8, 4, 2 and 1, the last one twice, and the other halves.
        assert.ok(world.received.length <= 11, `${world.received.length} attempts`);
        if (order === 'strict')
          assert.deepEqual(
            accepted,
            ids(16).filter((id) => id !== 'e5'),
          );
        await checkLedger(world, 15);
      }));
  }

  test('is taken apart where a limit of the plan has no room for all of it', () =>
    withWorld({}, async (world) => {
      let left = 6;
      world.governor = {
        allow: (n) => Math.min(n, left),
        delivered: (n) => void (left -= n),
        limited: () => ({ until: Date.now() + 20, error: undefined }) as never,
        outbox: undefined,
      };
      await world.publish(ids(8));
      await world.until(() => world.received.flatMap(idsOf).length === 6);
      left = 2;
      await world.until(() => world.received.flatMap(idsOf).length === 8);
      assert.equal(left, 0);
      await checkLedger(world, 8);
    }));

  for (const order of ['none', 'per-key', 'strict'] as const) {
    test(`loses nothing and keeps its order though it is killed again and again, in order ${order}`, async (t) => {
      const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
      t.diagnostic(`seed ${seed}`);
      const random = randomOf(seed);
      const delays = Array.from({ length: 40 }, () => 2);
      const world = await PushWorld.open({ batch: { ...batch, events: 7, wait: 5 }, order, concurrency: 6, schedule: { delays } });
      t.after(async () => {
        // What failed has not stopped it.
        await world.crash().catch(() => undefined);
        await world.close();
      });
      let isCalm = false;
      let done = new Set<string>();
      const repeated: string[] = [];
      const taken: Received[] = [];
      world.answer = (received, response) => {
        repeated.push(...idsOf(received).filter((id) => done.has(id)));
        const chance = isCalm ? 1 : random();
        if (chance < 0.1) response.destroy();
        else if (chance < 0.25) response.writeHead(500).end();
        else if (chance < 0.35 && received.events.length > 1) response.writeHead(422).end();
        else {
          taken.push(received);
          response.writeHead(200).end();
        }
      };
      let count = 0;
      for (let round = 0; round < Number(process.env['ROUNDS'] ?? 12); round += 1) {
        const some = Array.from({ length: 1 + Math.floor(random() * 60) }, () => `e${(count += 1)}`);
        await world.publish(some, (id) => (Number(id.slice(1)) % 4 === 0 ? undefined : `k${Number(id.slice(1)) % 3}`));
        const wanted = world.received.length + Math.floor(random() * 15);
        const deadline = Date.now() + 300;
        await world.until(() => world.received.length >= wanted || Date.now() > deadline);
        await world.crash();
        await world.begin();
        done = await committed(world);
      }
      isCalm = true;
      await world.until(async () => {
        await world.ledger.flush();
        return (await committed(world)).size === count;
      });
      assert.deepEqual(repeated, [], 'what was known to be delivered is never sent again');
      assert.equal(new Set(world.received.flatMap(idsOf)).size, count);
      const seen = [...new Set(taken.flatMap(idsOf))].map((id) => Number(id.slice(1)));
      const lines = order === 'strict' ? [seen] : [0, 1, 2].map((key) => seen.filter((n) => n % 4 !== 0 && n % 3 === key));
      if (order !== 'none')
        for (const line of lines)
          assert.deepEqual(
            line,
            line.toSorted((a, b) => a - b),
          );
      const sets = new Map<unknown, string>();
      for (const received of world.received) {
        const id = received.headers['webhook-id'];
        assert.equal(sets.get(id) ?? idsOf(received).join(), idsOf(received).join(), 'one id, one set of events');
        sets.set(id, idsOf(received).join());
      }
      const [dead] = await world.database.query(`SELECT count(*) AS n FROM push_delivery WHERE state = 'dead'`);
      await checkLedger(world, count - Number(dead?.['n']));
      await world.stop();
    });
  }
});

describe('an endpoint with batches', { timeout: 180_000 }, () => {
  test('is sent them as it is configured, and its attempts are found by each event', async (t) => {
    const bodies: { readonly id: string }[][] = [];
    const receiver = createServer((request, response) => {
      void buffer(request).then((bytes) => {
        bodies.push(JSON.parse(bytes.toString()) as (typeof bodies)[number]);
        response.writeHead(204).end();
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    t.after(() => receiver.close());
    const { port } = receiver.address() as AddressInfo;
    const endpoint = `{ url: 'http://127.0.0.1:${port}/', address: '*/events', batch: { events: 3, wait: 200ms } }`;
    const config = `
apis:
  world: { contract: ./world.yaml, path: /world, plans: { push: { mode: push } } }
applications:
  reader: { subscriptions: [{ api: world, plan: push, endpoints: { hook: ${endpoint} } }] }
  service: { credentials: [{ kind: api-key, value: service-key-0123456789 }], subscriptions: [{ api: world, as: provider }] }
`;
    const sluice = await openSluice(config, { files: worldFiles(), openOutgoing: ['127.0.0.0/8'] });
    t.after(() => sluice.stop());
    const events = newEvents(5);
    const response = await fetch(`${sluice.gateway}/world/one/events`, {
      method: 'POST',
      headers: { authorization: 'Bearer service-key-0123456789', 'content-type': 'application/cloudevents-batch+json' },
      body: JSON.stringify(events),
    });
    assert.equal(response.status, 202, await response.text());
    const { items } = (await sluice.client().get(['endpoints'])) as unknown as { items: { id: string }[] };
    const path = ['endpoints', items[0]?.id ?? '', 'attempts'];
    const attempts = async (event: unknown): Promise<{ events: string[] }[]> =>
      ((await sluice.client().get(path, { event: String(event) })) as unknown as { items: { events: string[] }[] }).items;
    const names = events.map(({ id }) => String(id));
    while ((await attempts(names[1])).length === 0 || (await attempts(names[4])).length === 0) await setTimeout(20);
    assert.deepEqual(
      bodies.map((body) => body.map(({ id }) => id)).toSorted((a, b) => b.length - a.length),
      [names.slice(0, 3), names.slice(3)],
    );
    assert.deepEqual(
      (await attempts(names[1])).map((attempt) => attempt.events),
      [names.slice(0, 3)],
    );
  });
});
