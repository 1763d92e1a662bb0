import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { RefusalRecord } from '../core/meter.ts';
import { createLog } from '../observe/log.ts';
import { Metrics } from '../observe/metrics.ts';
import { HandClock, quietLedger, temporaryDatabase } from './ledger-fixture.ts';

let kit: Awaited<ReturnType<typeof temporaryDatabase>>;
before(async () => {
  kit = await temporaryDatabase();
});
after(() => kit.dispose());

function refusal(over: Partial<RefusalRecord> = {}): RefusalRecord {
  return {
    tenant: 'default',
    application: 'dashboard',
    subscription: 'sub_1',
    api: 'orders',
    plan: 'free',
    protocol: 'publish',
    address: 'orders',
    stage: 'publish',
    code: 'LIMIT_REACHED',
    reason: 'eventCount',
    sentence: 'The plan free allows 10 events a day.',
    events: 1,
    retryAfter: 1000,
    ...over,
  };
}

function listening() {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level: 'info',
    json: true,
    destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  return { lines, log };
}

test('a refusal is one row, one wide line and one metric', async () => {
  const { lines, log } = listening();
  const metrics = new Metrics();
  const clock = new HandClock();
  const ledger = await quietLedger({ database: kit.database, clock, log, metrics });
  ledger.refused(refusal({ subscription: 'sub_one' }));
  await ledger.close();
  const rows = await kit.database.query(`SELECT * FROM refusal WHERE subscription = 'sub_one'`);
  assert.equal(rows.length, 1);
  assert.equal(rows[0]?.['at'], clock.at);
  assert.equal(lines.length, 1);
  const { event, stage, code, reason, subscription, plan, retryAfter } = lines[0] as Record<string, unknown>;
  assert.deepEqual(
    { event, stage, code, reason, subscription, plan, retryAfter },
    {
      event: 'decision',
      stage: 'publish',
      code: 'LIMIT_REACHED',
      reason: 'eventCount',
      subscription: 'sub_one',
      plan: 'free',
      retryAfter: 1000,
    },
  );
  assert.match((await metrics.scrape()).body, /^sluice_limit_hits_total\{api="orders",plan="free",kind="eventCount"\} 1$/m);
});

test('the same refusal within a second is one row with a count, and two lines', async () => {
  const { lines, log } = listening();
  const clock = new HandClock();
  const ledger = await quietLedger({ database: kit.database, clock, log });
  for (let index = 0; index < 500; index += 1) {
    ledger.refused(refusal({ subscription: 'sub_flood', events: 2 }));
    if (index === 250) await ledger.flush();
  }
  clock.at += 1000;
  ledger.tick();
  await ledger.close();
  const rows = await kit.database.query(`SELECT count, events FROM refusal WHERE subscription = 'sub_flood'`);
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [{ count: 500, events: 1000 }],
  );
  assert.deepEqual(
    lines.map((line) => line['repeats']),
    [undefined, 499],
  );
  const [sum] = await kit.database.query(`SELECT sum(decisions) AS n FROM refusal_count WHERE subscription = 'sub_flood'`);
  assert.equal(sum?.['n'], 500);
});

test('each subscription keeps about its newest thousand, others are left alone', async () => {
  const clock = new HandClock();
  const ledger = await quietLedger({ database: kit.database, clock });
  ledger.refused(refusal({ subscription: 'sub_quiet', reason: 'old' }));
  for (let index = 0; index < 2500; index += 1) {
    clock.at += 1000;
    ledger.refused(refusal({ subscription: 'sub_many', reason: `reason-${index}` }));
    if (index % 50 === 0) await ledger.flush();
  }
  await ledger.close();
  const [many] = await kit.database.query(`SELECT count(*) AS n, max(at) AS newest FROM refusal WHERE subscription = 'sub_many'`);
  assert.ok(Number(many?.['n']) <= 1150 && Number(many?.['n']) >= 1000, String(many?.['n']));
  assert.equal(many?.['newest'], clock.at);
  assert.equal((await kit.database.query(`SELECT 1 FROM refusal WHERE subscription = 'sub_quiet'`)).length, 1);
});

test('a hostile variety of refusals while the store refuses costs bounded memory, and every one is counted', async () => {
  const clock = new HandClock();
  const ledger = await quietLedger({ database: kit.database, clock });
  kit.database.isRefusing = true;
  for (let index = 0; index < 30_000; index += 1) {
    if (index % 100 === 0) clock.at += 10;
    ledger.refused(
      refusal({
        tenant: 'hostile',
        subscription: undefined,
        application: undefined,
        address: `a/${index}`,
        reason: 'x'.repeat(2000) + String(index),
      }),
    );
  }
  await assert.rejects(ledger.flush());
  kit.database.isRefusing = false;
  await ledger.close();
  const [rows] = await kit.database.query(`SELECT count(*) AS n, max(length(reason)) AS longest FROM refusal WHERE tenant = 'hostile'`);
  assert.ok(Number(rows?.['n']) <= 2000, String(rows?.['n']));
  assert.ok(Number(rows?.['longest']) <= 512);
  assert.ok(ledger.refusalsForgone > 20_000);
  const [counts] = await kit.database.query(
    `SELECT count(*) AS n, sum(decisions) AS decisions FROM refusal_count WHERE tenant = 'hostile'`,
  );
  assert.ok(Number(counts?.['n']) <= 5001, String(counts?.['n']));
  assert.equal(counts?.['decisions'], 30_000);
});
