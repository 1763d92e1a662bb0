import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandClock, quietLedger, requestOf, subscriptionOf, temporaryDatabase } from '../metering/ledger-fixture.ts';
import type { Resource } from '../store/resources.ts';
import { forgetOrphanReaders } from './orphan-readers.ts';

const subscription = subscriptionOf('sub_1');
const hook = (digit: string): string => `hook-${digit.repeat(24)}`;
const websub = (digit: string): string => `websub-${digit.repeat(8)}-1111-4111-8111-${digit.repeat(12)}`;

function endpoint(name: string, createdAt: number): Resource<'endpoint'> {
  return { name, createdAt, spec: { subscription: subscription.id } } as Resource<'endpoint'>;
}

test('readers that came with a WebSub or REST Hooks subscriber go with it, and all others stay', { timeout: 20_000 }, async () => {
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
    const endpoints = [endpoint(websub('b'), clock.now()), endpoint(hook('c'), clock.now()), endpoint(hook('b'), clock.now() + 1)];
    const forgetReader = async (reader: string): Promise<void> => void (await ledger.forget(subscription.tenant, reader));
    assert.equal(await forgetOrphanReaders({ database: kit.database, forgetReader }, endpoints), false);
    const rows = await kit.database.query('SELECT name FROM reader WHERE name IS NOT NULL');
    const names = rows.map(({ name }) => String(name));
    assert.deepEqual(names.toSorted(), [...kept.map(([name]) => name), hook('d')].toSorted());
  } finally {
    await ledger.close();
    await kit.dispose();
  }
});
