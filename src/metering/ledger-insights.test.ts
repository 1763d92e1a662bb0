import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Health } from '../core/backbone.ts';
import { Metrics } from '../observe/metrics.ts';
import {
  HandClock,
  batchOf,
  compareInTests,
  positionAt,
  quietLedger,
  requestOf,
  subscriptionOf,
  temporaryDatabase,
} from './ledger-fixture.ts';
import { HealthTimeline } from './health-timeline.ts';
import { LedgerInsights } from './ledger-insights.ts';
import type { Ledger } from './ledger.ts';

let kit: Awaited<ReturnType<typeof temporaryDatabase>>;
before(async () => {
  kit = await temporaryDatabase();
});
after(() => kit.dispose());

const ignore = (): void => undefined;

async function withInsights(
  work: (parts: { ledger: Ledger; insights: LedgerInsights; clock: HandClock; health: HealthTimeline; metrics: Metrics }) => Promise<void>,
): Promise<void> {
  const clock = new HandClock(Date.UTC(2026, 10, 22, 12, 0, 0));
  const metrics = new Metrics();
  const ledger = await quietLedger({ database: kit.database, clock, metrics });
  let state: Health['state'] = 'up';
  const probe = () => {
    const health: Health = { state, latency: 2, since: clock.at, reason: state === 'up' ? undefined : 'It does not answer.' };
    state = state === 'up' ? 'down' : 'up';
    return Promise.resolve([{ name: 'main', kind: 'embedded', health }]);
  };
  const health = new HealthTimeline(probe, clock);
  const insights = new LedgerInsights({
    ledger,
    database: kit.database,
    clock,
    compare: compareInTests,
    lagOf: (_log, _address, position) =>
      position === positionAt(99)
        ? Promise.reject(new Error('lost'))
        : Promise.resolve({ events: 100 - Number(position.slice(7)), age: 50 }),
    health,
  });
  try {
    await work({ ledger, insights, clock, health, metrics });
  } finally {
    await ledger.close();
  }
}

interface Figures {
  readonly id: string;
  readonly events: number;
  readonly bytes: number;
  readonly byType: Record<string, { events: number }>;
  readonly published: { events: number; duplicates: number };
}

interface Spread {
  readonly events: number;
  readonly average: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly p95: number;
}

interface Rated extends Spread {
  readonly points: readonly (Spread & { readonly at: number })[];
}

/** Ten minutes of made-up traffic: three applications, two APIs, several channels, publishing and reading. */
async function traffic(tenant: string, ledger: Ledger, clock: HandClock): Promise<void> {
  const subscriptions = ['a', 'b', 'c'].flatMap((application) =>
    ['orders', 'stock'].map((api) => subscriptionOf(`${tenant}-${application}-${api}`, { tenant, application, api })),
  );
  const accounts = await Promise.all(
    subscriptions.flatMap((subscription) => ['eu', 'us'].map((address) => ledger.open(requestOf(subscription, { address }), ignore))),
  );
  for (let minute = 0; minute < 10; minute += 1) {
    accounts.forEach((account, index) => {
      if ((index + minute) % 3 !== 0)
        account.charge(batchOf(minute * 20, minute * 20 + index + 1, { types: ['x', 'y'], acceptedAt: clock.at - 5 }), 0);
    });
    for (const subscription of subscriptions) {
      const byType = new Map([
        ['x', { events: 2, bytes: 20 }],
        ['y', { events: 1, bytes: 5 }],
      ]);
      ledger.published({
        subscription,
        protocol: 'publish',
        log: `${tenant}/${subscription.api}`,
        address: 'eu',
        byType,
        duplicates: 1,
        latency: 4,
      });
    }
    clock.at += 1000;
    ledger.tick();
    await ledger.flush();
    clock.at += 59_000;
  }
}

test('sums by subscription, application, API, channel, reader and type are the same sum, and those of the roll-ups too', () =>
  withInsights(async ({ ledger, insights, clock }) => {
    const from = clock.at;
    await traffic('sums', ledger, clock);
    await ledger.rollUp();
    const [truth] = await kit.database.query(
      `SELECT sum(n_billable) AS events, sum(bytes) AS bytes FROM usage_range WHERE tenant = 'sums'`,
    );
    for (const by of ['reader', 'subscription', 'application', 'api', 'channel'] as const) {
      const items = (await insights.analytics('sums', 'messages', { by, from }))['items'] as Figures[];
      assert.equal(
        items.reduce((sum, item) => sum + item.events, 0),
        truth?.['events'],
        `messages by ${by}`,
      );
      assert.equal(
        items.reduce((sum, item) => sum + item.bytes, 0),
        truth?.['bytes'],
        `bytes by ${by}`,
      );
      const types = items.flatMap((item) => Object.values(item.byType));
      assert.equal(
        types.reduce((sum, { events }) => sum + events, 0),
        truth?.['events'],
        `types by ${by}`,
      );
      if (by !== 'reader')
        assert.equal(
          items.reduce((sum, item) => sum + item.published.events, 0),
          180,
          `published by ${by}`,
        );
      const [rolled] = await kit.database.query(
        `SELECT sum(n) AS events FROM series WHERE tenant = 'sums' AND step = 60 AND measure = 'delivered' AND subject = ?`,
        [by],
      );
      assert.equal(rolled?.['events'], truth?.['events'], `roll-ups by ${by}`);
    }
    for (const by of ['subscription', 'type', 'reader'] as const) {
      const usage = await insights.usage('sums', { by });
      assert.equal((usage['total'] as Figures).events, truth?.['events'], `usage by ${by}`);
    }
    const one = await insights.usage('sums', { by: 'type', application: 'a', api: 'orders' });
    const other = (await insights.analytics('sums', 'messages', { by: 'subscription', id: 'sums-a-orders', from }))['items'] as Figures[];
    assert.equal((one['total'] as Figures).events, other[0]?.events);
    assert.equal(other.length, 1);
    assert.equal(((await insights.usage('nobody', { by: 'reader' }))['items'] as unknown[]).length, 0);
  }));

test('rates by the second, the minute and the hour tell average, minimum, maximum and 95th percentile', () =>
  withInsights(async ({ ledger, insights, clock }) => {
    const subscription = subscriptionOf('rated', { tenant: 'rates' });
    const account = await ledger.open(requestOf(subscription), ignore);
    let seq = 0;
    for (let second = 0; second < 3600; second += 1) {
      const n = second % 60 === 0 ? 50 : second % 2 === 0 ? 10 : 0;
      if (n > 0) account.charge(batchOf(seq, seq + n), 0);
      seq += n;
      clock.at += 1000;
      ledger.sample();
      if (second % 60 === 59) await ledger.rollUp();
    }
    await ledger.rollUp();
    const rateBy = async (resolution: '1s' | '1m' | '1h', from?: number): Promise<Rated> => {
      const answer = await insights.analytics('rates', 'rate', {
        by: 'subscription',
        id: 'rated',
        resolution,
        ...(from === undefined ? {} : { from }),
      });
      return (answer['items'] as { delivered: Rated }[])[0]?.delivered as Rated;
    };
    const seconds = await rateBy('1s');
    assert.equal(seconds.maximum, 50);
    assert.equal(seconds.minimum, 0);
    assert.equal(seconds.p95, 10);
    assert.equal(seconds.average, (15 * (50 + 29 * 10)) / 900);
    const minutes = await rateBy('1m', clock.at - 3_600_000);
    assert.equal(minutes.events, seq);
    const { points } = minutes;
    assert.equal(points.length, 60);
    assert.deepEqual({ ...points[5], at: 0 }, { at: 0, events: 340, average: 340 / 60, minimum: 0, maximum: 50, p95: 10 });
    const hours = await rateBy('1h');
    const [hour] = hours.points;
    assert.equal(hour?.events, seq);
    assert.equal(hour?.maximum, 50);
    assert.ok(Math.abs((hour?.p95 ?? 0) - 10) <= 1, `p95 of the hour ${hour?.p95}`);
    const [hourly] = await kit.database.query(
      `SELECT n, low FROM series WHERE tenant = 'rates' AND step = 3600 AND subject = 'subscription' AND measure = 'delivered'`,
    );
    assert.deepEqual({ ...hourly }, { n: seq, low: 0 });
    account.close();
  }));

test('latencies are percentiles by reader, channel, subscription, application and API, before and after they are rolled up', () =>
  withInsights(async ({ ledger, insights, clock }) => {
    const subscription = subscriptionOf('timed', { tenant: 'latencies', application: 'clockwork' });
    const account = await ledger.open(requestOf(subscription), ignore);
    for (let index = 0; index < 100; index += 1)
      account.charge(batchOf(index, index + 1, { acceptedAt: clock.at - (index < 90 ? 10 : 1000) }), 0);
    const check = async (): Promise<void> => {
      for (const [by, id] of [
        ['reader', account.id],
        ['channel', 'orders/orders'],
        ['subscription', 'timed'],
        ['application', 'clockwork'],
        ['api', 'orders'],
      ] as const) {
        const items = (await insights.analytics('latencies', 'latency', { by, id }))['items'] as {
          id: string;
          deliver: { count: number; p50: number; p95: number; p99: number };
        }[];
        assert.equal(items.length, 1, by);
        const [item] = items;
        assert.ok(item);
        const { count, p50, p95 } = item.deliver;
        assert.equal(count, 100);
        assert.ok(Math.abs(p50 - 10) < 2 && Math.abs(p95 - 1000) < 200, `${p50} ${p95}`);
      }
    };
    await check();
    clock.at += 60_000;
    await ledger.rollUp();
    await check();
    const publish = { protocol: 'publish', log: 'latencies/orders', address: 'orders', duplicates: 0 };
    ledger.published({ ...publish, subscription, byType: new Map([['x', { events: 3, bytes: 3 }]]), latency: 4 });
    for (const by of ['channel', 'api'] as const) {
      const [item] = (await insights.analytics('latencies', 'latency', { by }))['items'] as { publish: { count: number; p50: number } }[];
      assert.equal(item?.publish.count, 3, by);
    }
    account.close();
  }));

test('errors come by stage and reason with their share, limits by what was reached', () =>
  withInsights(async ({ ledger, insights }) => {
    const subscription = subscriptionOf('erring', { tenant: 'errors' });
    const record = {
      tenant: 'errors',
      application: 'dashboard',
      subscription: 'erring',
      api: 'orders',
      plan: 'free',
      protocol: 'publish',
      address: 'orders',
      sentence: 's',
      retryAfter: undefined,
    };
    ledger.published({
      subscription,
      protocol: 'publish',
      log: 'errors/orders',
      address: 'orders',
      byType: new Map([['x', { events: 6, bytes: 1 }]]),
      duplicates: 0,
      latency: 1,
    });
    ledger.refused({ ...record, stage: 'publish', code: 'EVENT_REJECTED', reason: '/total', events: 2 });
    ledger.refused({ ...record, stage: 'deliver', code: 'LIMIT_REACHED', reason: 'eventCount', events: 5 });
    for (const [by, id] of [
      ['subscription', 'erring'],
      ['application', 'dashboard'],
      ['api', 'orders'],
      ['channel', 'orders/orders'],
    ] as const) {
      const [item] = (await insights.analytics('errors', 'errors', { by, id }))['items'] as Record<string, unknown>[];
      assert.deepEqual(item?.['byStage'], { publish: { decisions: 1, events: 2 }, deliver: { decisions: 1, events: 5 } }, by);
      assert.equal(item?.['publishErrorShare'], 0.25);
      const [limit] = (await insights.analytics('errors', 'limits', { by, id }))['items'] as { reasons: { reason: string }[] }[];
      assert.deepEqual(
        limit?.reasons.map(({ reason }) => reason),
        ['eventCount'],
      );
    }
    const [newest] = await insights.refusals('errors', 'erring', 1);
    assert.equal(newest?.['stage'], 'deliver');
    assert.equal((await insights.refusals('other', 'erring', 10)).length, 0);
  }));

test('connections tell how many are open, came, went, and for how long', () =>
  withInsights(async ({ ledger, insights, clock, metrics }) => {
    const subscription = subscriptionOf('connected', { tenant: 'connections' });
    const first = ledger.connected(subscription, 'sse');
    clock.at += 30_000;
    const second = ledger.connected(subscription, 'sse');
    clock.at += 60_000;
    ledger.connections.heartbeat();
    first.close();
    first.close();
    const [item] = (await insights.analytics('connections', 'connections', { by: 'application', id: 'dashboard' }))['items'] as Record<
      string,
      unknown
    >[];
    const { open, opened, closed, seconds, peak } = item as Record<string, unknown>;
    assert.deepEqual({ open, opened, closed, seconds, peak }, { open: 1, opened: 2, closed: 1, seconds: 150, peak: 2 });
    assert.match((await metrics.scrape()).body, /sluice_connection_active\{api="orders",protocol="sse"\} 1/);
    second.close();
  }));

test('readers are listed page by page with their state, lag and sums', () =>
  withInsights(async ({ ledger, insights }) => {
    const subscription = subscriptionOf('listed', { tenant: 'readers' });
    const durable = await ledger.open(requestOf(subscription, { name: 'billing' }), ignore);
    durable.charge(batchOf(0, 10), 0);
    durable.confirm(positionAt(4));
    durable.state('live');
    const lost = await ledger.open(requestOf(subscription, { start: positionAt(99) }), ignore);
    lost.state('paused');
    const closed = await ledger.open(requestOf(subscription), ignore);
    closed.charge(batchOf(0, 3), 0);
    closed.drop(2, positionAt(5), 'dropped');
    closed.close();
    const all = await insights.readers('readers', { limit: 10 });
    assert.equal(all.next, null);
    const byId = new Map(all.items.map((item) => [item.id, item]));
    assert.equal(byId.size, 3);
    const shown = byId.get(durable.id);
    assert.deepEqual(
      [shown?.name, shown?.state, shown?.cursor, shown?.delivered, shown?.lag],
      ['billing', 'live', positionAt(4), 10, { events: 96, age: 50 }],
    );
    assert.deepEqual([byId.get(lost.id)?.state, byId.get(lost.id)?.lag], ['paused', null]);
    assert.deepEqual([byId.get(closed.id)?.state, byId.get(closed.id)?.dropped], ['closed', 2]);
    assert.deepEqual(
      (await insights.readers('readers', { limit: 10, state: 'live' })).items.map(({ id }) => id),
      [durable.id],
    );
    assert.deepEqual(
      (await insights.readers('readers', { limit: 10, state: 'closed' })).items.map(({ id }) => id),
      [closed.id],
    );
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await insights.readers('readers', { limit: 1, ...(after === undefined ? {} : { after }) });
      seen.push(...page.items.map(({ id }) => id));
      after = page.next ?? undefined;
    } while (after !== undefined);
    assert.deepEqual(seen, [...byId.keys()].sort());
    assert.equal((await insights.reader('readers', lost.id))?.id, lost.id);
    assert.equal(await insights.reader('somebody else', durable.id), undefined);
    const [lag] = (await insights.analytics('readers', 'lag', { by: 'application' }))['items'] as Record<string, unknown>[];
    assert.deepEqual(lag, { id: 'dashboard', events: 96, age: 50, readers: 2, lost: 1 });
    assert.equal((await insights.verify('readers'))['ok'], true);
  }));

test('a backbone shows its state, since when, and the states before', () =>
  withInsights(async ({ insights, clock, health, metrics }) => {
    health.exportTo(metrics);
    for (let probe = 0; probe < 3; probe += 1) {
      await health.check();
      clock.at += 5000;
    }
    const [main] = (await insights.analytics('default', 'backbones', { by: 'api' }))['items'] as {
      state: string;
      timeline: { state: string; from: number; to: number | null }[];
    }[];
    assert.equal(main?.state, 'up');
    assert.deepEqual(
      main.timeline.map(({ state, from, to }) => [state, to === null ? null : to - from]),
      [
        ['up', 5000],
        ['down', 5000],
        ['up', null],
      ],
    );
    assert.match((await metrics.scrape()).body, /sluice_backend_state\{backbone="main",state="up"\} 1/);
  }));
