import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Database, SqlValue } from '../store/database.ts';
import { quietLedger, HandClock, requestOf, subscriptionOf, temporaryDatabase } from './ledger-fixture.ts';
import { ReaderSearch } from './reader-search.ts';

const subscription = subscriptionOf('sub_1');
const nameOf = (name: string) => ({ subscription: subscription.id, name, address: requestOf(subscription, { name }).address });

describe('rows of durable readers', () => {
  let kit: Awaited<ReturnType<typeof temporaryDatabase>>;
  let queries = 0;
  const counting: Pick<Database, 'query'> = {
    query: (sql: string, parameters?: readonly SqlValue[]) => {
      queries += 1;
      return kit.database.query(sql, parameters);
    },
  };

  beforeEach(async () => {
    kit = await temporaryDatabase();
    const ledger = await quietLedger({ database: kit.database, clock: new HandClock() });
    for (let nth = 0; nth < 300; nth += 1) await ledger.open(requestOf(subscription, { name: `r${nth}` }), () => undefined);
    await ledger.close();
    queries = 0;
  });
  afterEach(() => kit.dispose());

  test('that are asked for in one turn are read together, and each asker gets its own', async () => {
    const search = new ReaderSearch(counting);
    const rows = await Promise.all(Array.from({ length: 300 }, (_, nth) => search.find(nameOf(`r${nth}`))));
    assert.deepEqual(
      rows.map((row) => row?.['name']),
      Array.from({ length: 300 }, (_, nth) => `r${nth}`),
    );
    assert.equal(queries, 2);
    assert.equal((await search.find(nameOf('r7')))?.['name'], 'r7');
    assert.equal(queries, 3);
  });

  test('that are not there are not found, and neither is one of another address or subscription', async () => {
    const search = new ReaderSearch(counting);
    const wanted = [nameOf('nobody'), { ...nameOf('r1'), address: 'elsewhere' }, { ...nameOf('r1'), subscription: 'sub_2' }, nameOf('r1')];
    const rows = await Promise.all(wanted.map((name) => search.find(name)));
    assert.deepEqual(
      rows.map((row) => row?.['name']),
      [undefined, undefined, undefined, 'r1'],
    );
  });

  test('cannot be found while the store cannot be read, which everybody who asked is told', async () => {
    const search = new ReaderSearch({ query: () => Promise.reject(new Error('no store')) });
    const asked = await Promise.allSettled([search.find(nameOf('r1')), search.find(nameOf('r2'))]);
    assert.deepEqual(
      asked.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
  });
});
