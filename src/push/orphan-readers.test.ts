import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandClock, quietLedger, requestOf, subscriptionOf, temporaryDatabase } from '../metering/ledger-fixture.ts';
import type { Resource } from '../store/resources.ts';
import { OrphanReaders } from './orphan-readers.ts';

const subscription = subscriptionOf('sub_1');
const hook = (digit: string): string => `hook-${digit.repeat(24)}`;
const websub = (digit: string): string => `websub-${digit.repeat(8)}-1111-4111-8111-${digit.repeat(12)}`;

function endpoint(name: string): Resource<'endpoint'> {
  return { name, spec: { subscription: subscription.id } } as Resource<'endpoint'>;
}

test('readers that came with a WebSub or REST Hooks subscriber go with it, and all others stay', { timeout: 60_000 }, async () => {
  const kit = await temporaryDatabase();
  const clock = new HandClock();
  const ledger = await quietLedger({ database: kit.database, clock });
  try {
    const open = (name: string, protocol: string) => ledger.open(requestOf(subscription, { name, protocol }), () => undefined);
    const gone = [
      [websub('a'), 'websub'],
      [hook('a'), 'webhook'],
      [hook('b'), 'webhook'],
    ] as const;
    const kept = [
      [websub('b'), 'websub'],
      [websub('c'), 'sse'],
      [hook('c'), 'webhook'],
      ['hook-of-mine', 'webhook'],
      ['invoices', 'webhook'],
    ] as const;
    for (const [name, protocol] of [...gone, ...kept]) (await open(name, protocol)).close();
    await open(hook('d'), 'webhook');
    await ledger.commit();
    const since = new Map([
      [websub('b'), clock.now()],
      [hook('c'), clock.now()],
      [hook('b'), clock.now() + 1],
    ]);
    const orphans = new OrphanReaders({
      database: kit.database,
      forgetReader: async (reader) => void (await ledger.forget(subscription.tenant, reader)),
      sinceOf: (id, name) => (id === subscription.id ? since.get(name) : undefined),
    });
    assert.equal(await orphans.forget(), false);
    const rows = await kit.database.query('SELECT name FROM reader WHERE name IS NOT NULL');
    const names = rows.map(({ name }) => String(name));
    assert.deepEqual(names.toSorted(), [...kept.map(([name]) => name), hook('d')].toSorted());
  } finally {
    await ledger.close();
    await kit.dispose();
  }
});

test(
  'later only readers of endpoints that were deleted are looked for, each until nobody reads as it any more',
  { timeout: 60_000 },
  async () => {
    const kit = await temporaryDatabase();
    const clock = new HandClock();
    const ledger = await quietLedger({ database: kit.database, clock });
    const asked: string[] = [];
    try {
      const open = (name: string) => ledger.open(requestOf(subscription, { name, protocol: 'webhook' }), () => undefined);
      const names = async () => {
        await ledger.commit();
        const rows = await kit.database.query('SELECT name FROM reader WHERE name IS NOT NULL ORDER BY name');
        return rows.map((row) => row['name']);
      };
      const orphans = new OrphanReaders({
        database: {
          query: (sql, parameters) => {
            asked.push(sql);
            return kit.database.query(sql, parameters);
          },
        },
        forgetReader: async (reader) => void (await ledger.forget(subscription.tenant, reader)),
        sinceOf: (_id, name) => (name === hook('c') ? clock.now() + 1 : name === hook('d') ? clock.now() : undefined),
      });
      await orphans.forget();
      asked.length = 0;
      assert.equal(await orphans.forget(), false);
      assert.deepEqual(asked, [], 'nothing was deleted');
      const connected = await open(hook('a'));
      for (const digit of ['b', 'c', 'd', 'e']) (await open(hook(digit))).close();
      await ledger.commit();
      for (const digit of ['a', 'b', 'c', 'd']) orphans.left(endpoint(hook(digit)));
      orphans.left(endpoint('invoices'));
      assert.equal(await orphans.forget(), false);
      assert.deepEqual(await names(), [hook('a'), hook('d'), hook('e')]);
      connected.close();
      await ledger.commit();
      await orphans.forget();
      assert.deepEqual(await names(), [hook('d'), hook('e')]);
      const [{ detail } = { detail: '' }] = await kit.database
        .query(`EXPLAIN QUERY PLAN ${asked[0]}`, ['[]'])
        .then((rows) => rows.slice(1));
      assert.match(String(detail), /SEARCH reader USING INDEX reader_by_name/);
    } finally {
      await ledger.close();
      await kit.dispose();
    }
  },
);
