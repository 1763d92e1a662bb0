import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { ReaderAccount, Tally } from '../core/meter.ts';
import {
  batchOf,
  HandClock,
  positionAt,
  quietLedger,
  RefusingDatabase,
  requestOf,
  seqOf,
  subscriptionOf,
  temporaryDatabase,
} from './ledger-fixture.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import type { Ledger } from './ledger.ts';
import { meteringMigrations } from './migrations.ts';
import { recoverTallies } from './tally-journal.ts';

let kit: Awaited<ReturnType<typeof temporaryDatabase>>;
before(async () => {
  kit = await temporaryDatabase();
});
after(() => kit.dispose());

type Step =
  | { readonly do: 'flow'; readonly group: number; readonly n: number; readonly filtered: number }
  | { readonly do: 'join' | 'leave' | 'alone' | 'close'; readonly who: number; readonly group: number }
  | { readonly do: 'pass'; readonly milliseconds: number }
  | { readonly do: 'commit' | 'flush' | 'rush' | 'sample' | 'refuse' | 'lose' };

const readers = 6;
const who = fc.nat(readers - 1);
const group = fc.nat(1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('flow' as const), group, n: fc.nat(3), filtered: fc.nat(1) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'join' as const, 'leave' as const, 'alone' as const), who, group }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), who, group }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), milliseconds: fc.integer({ min: 0, max: 40_000 }) }) },
  {
    weight: 8,
    arbitrary: fc
      .constantFrom(
        'commit' as const,
        'commit' as const,
        'commit' as const,
        'flush' as const,
        'rush' as const,
        'sample' as const,
        'refuse' as const,
        'lose' as const,
      )
      .map((action) => ({ do: action })),
  },
);

interface Member {
  readonly account: ReaderAccount;
  readonly start: number;
  position: number;
  group: number | undefined;
  isOpen: boolean;
  /** Where it was when a commit was last taken. */
  secured: number;
}

interface World {
  readonly ledger: Ledger;
  readonly database: RefusingDatabase;
  readonly clock: HandClock;
  readonly tallies: readonly Tally[];
  readonly places: number[];
  readonly members: Member[];
}

let tenants = 0;

async function open(): Promise<World & { readonly tenant: string }> {
  const clock = new HandClock();
  const tenant = `j${(tenants += 1)}`;
  const database = new RefusingDatabase(kit.database);
  const ledger = await quietLedger({ database, clock });
  const members: Member[] = [];
  for (let n = 0; n < readers; n += 1) {
    const request = requestOf(subscriptionOf(`${tenant}-sub`, { tenant }), { start: positionAt(10 * n) });
    const account = await ledger.open(request, () => undefined);
    members.push({ account, start: 10 * n, position: 10 * n, group: undefined, isOpen: true, secured: 0 });
  }
  return { tenant, ledger, database, clock, tallies: [ledger.openTally(), ledger.openTally()], places: [60, 60], members };
}

async function take(world: World, step: Step): Promise<void> {
  if (step.do === 'flow') flow(world, step);
  else if (step.do === 'pass') world.clock.at += step.milliseconds;
  else if (step.do === 'sample') world.ledger.sample();
  else if (step.do === 'rush') world.ledger.flush().catch(() => undefined);
  else if ('who' in step) act(world, step);
  else await write(world, step.do);
}

function flow({ tallies, places, members }: World, { group, n, filtered }: Extract<Step, { readonly do: 'flow' }>): void {
  const place = places[group] as number;
  const batch = batchOf(place, place + n, { types: ['a', 'b'] });
  places[group] = place + n + filtered;
  tallies[group]?.charge({ ...batch, position: positionAt(place + n + filtered), filtered });
  for (const member of members) if (member.group === group) member.position = place + n + filtered;
}

function act({ tallies, places, members }: World, step: Extract<Step, { readonly who: number }>): void {
  const member = members[step.who] as Member;
  if (!member.isOpen) return;
  if (step.do === 'close') {
    member.isOpen = false;
    member.account.close();
  } else if (step.do === 'leave' || member.group !== undefined) {
    member.account.leave();
    member.group = undefined;
  } else if (step.do === 'alone') {
    member.account.charge(batchOf(member.position, member.position + 2), 0);
    member.position += 2;
  } else {
    const place = places[step.group] as number;
    if (member.position < place) member.account.charge(batchOf(member.position, place), 0);
    if (member.position > place) return;
    member.position = place;
    member.group = step.group;
    member.account.join(tallies[step.group] as Tally);
  }
  if (!member.isOpen) member.group = undefined;
}

async function write({ ledger, database, members }: World, action: 'commit' | 'flush' | 'refuse' | 'lose'): Promise<void> {
  database.isRefusing = action === 'refuse';
  database.isLosingAnswers = action === 'lose';
  const isTaken = await (action === 'flush' ? ledger.flush() : ledger.commit()).then(
    () => true,
    () => false,
  );
  database.isRefusing = database.isLosingAnswers = false;
  if (isTaken) for (const member of members) member.secured = member.position;
}

/** After the crash: every reader's ranges tile, hold exactly what lies between, and reach at least as far as the last commit. */
async function check({ tenant, members }: World & { readonly tenant: string }): Promise<void> {
  for (const { account, start, position, secured } of members) {
    const [row] = await kit.database.query('SELECT * FROM reader WHERE tenant = ? AND id = ?', [tenant, account.id]);
    if (row === undefined) {
      assert.ok(secured <= start, `${account.id} is forgotten`);
      continue;
    }
    const charged = seqOf(row['charged'] as never);
    assert.ok(charged >= secured && charged <= position, `it is charged up to ${charged}; secured ${secured}, given ${position}`);
    assert.deepEqual([row['cursor'], row['tally']], [row['charged'], null]);
    let at = start;
    for (const range of await kit.database.query('SELECT * FROM usage_range WHERE reader = ? ORDER BY serial', [account.id])) {
      assert.equal(seqOf(range['lo'] as never), at, 'ranges tile');
      at = seqOf(range['hi'] as never);
      const events = Number(range['n_billable']);
      assert.equal(events + Number(range['n_filtered']), at - seqOf(range['lo'] as never), 'a range counts what it spans');
      assert.equal(Number(range['bytes']), 10 * events);
      const types = Object.values(JSON.parse(String(range['by_type'])) as Record<string, [number, number]>);
      assert.equal(
        types.reduce((sum, [n]) => sum + n, 0),
        events,
      );
    }
    assert.equal(at, charged);
  }
}

test('whatever groups, a failing store and a crash do: what was committed is charged to each member once', async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`seed ${seed}`);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80, size: 'max' }), async (steps) => {
      const world = await open();
      for (const next of steps) await take(world, next);
      world.ledger.abandon();
      // Nothing of it is written from now on, but what the store has been given already.
      world.database.isRefusing = true;
      await kit.database.transact([{ sql: 'DELETE FROM reader WHERE false', parameters: [] }]);
      const next = await quietLedger({ database: kit.database, clock: world.clock });
      next.abandon();
      await check(world);
    }),
    { seed, numRuns: 60 },
  );
});

test('a commit writes a group once; its members, and nothing of the group any more, are written before a report', async () => {
  const { ledger, members, tallies, tenant } = await open();
  for (const { account, position } of members) {
    account.charge(batchOf(position, 60), 0);
    account.join(tallies[0] as Tally);
  }
  // Their rows do not refer to the group yet.
  await ledger.commit();
  const written = async (): Promise<unknown[]> => {
    const ends = await kit.database.query('SELECT DISTINCT charged FROM reader WHERE tenant = ?', [tenant]);
    const [journal] = await kit.database.query('SELECT count(*) AS rows FROM tally_journal');
    return [ends.map(({ charged }) => charged), journal?.['rows']];
  };
  assert.deepEqual(await written(), [[positionAt(60)], 0]);
  tallies[0]?.charge(batchOf(60, 63));
  await ledger.commit();
  assert.deepEqual(await written(), [[positionAt(60)], 1]);
  await ledger.flush();
  assert.deepEqual(await written(), [[positionAt(63)], 0]);
  ledger.abandon();
});

test('after a store that refused each member is written for itself, and nothing is kept of the group meanwhile', async () => {
  const { ledger, database, members, tallies, tenant } = await open();
  for (const { account, position } of members) {
    account.charge(batchOf(position, 60), 0);
    account.join(tallies[0] as Tally);
  }
  await ledger.commit();
  database.isRefusing = true;
  for (let place = 60; place < 70; place += 1) {
    tallies[0]?.charge(batchOf(place, place + 1));
    await assert.rejects(ledger.commit());
  }
  database.isRefusing = false;
  await ledger.commit();
  const [ends, journal] = await Promise.all([
    kit.database.query('SELECT DISTINCT charged FROM reader WHERE tenant = ?', [tenant]),
    kit.database.query('SELECT entries FROM tally_journal'),
  ]);
  assert.deepEqual([ends.map(({ charged }) => charged), journal], [[positionAt(70)], []]);
  ledger.abandon();
});

test('what an earlier version had written of groups when it was killed is charged to their members', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const before = meteringMigrations.findIndex(({ name }) => name === 'metering-007-journal');
  const old = await openDatabase({ folder, migrations: meteringMigrations.slice(0, before) });
  const reader = `INSERT INTO reader (id, tenant, subscription, application, api, log, address, start, created_at, protocol, cursor, charged, serial, tally, stretch)
    VALUES (?, 't', 'sub', 'app', 'api', 'default/orders', 'orders', ?, 1, 'sse', ?, ?, 0, '7-1', ?)`;
  const stretch = `INSERT INTO tally_stretch VALUES ('7-1', ?, ?, ?, ?, 0, ?, '[["order.created",1,10]]', 1, 2)`;
  const zero = positionAt(0);
  await old.transact([
    { sql: reader, parameters: ['early', zero, zero, zero, 0] },
    { sql: reader, parameters: ['late', zero, positionAt(1), positionAt(1), 1] },
    // A table without rowid has them by their key, in whatever order they came.
    ...[1, 0].map((serial) => ({ sql: stretch, parameters: [serial, serial, positionAt(serial + 1), 1, 10] })),
  ]);
  await old.close();
  const database = await openDatabase({ folder, migrations: meteringMigrations });
  try {
    await recoverTallies(database);
    const ranges = await database.query(
      'SELECT reader, minute, lo, hi, n_billable AS n, by_type AS types FROM usage_range ORDER BY reader, serial',
    );
    const types = '{"order.created":[1,10]}';
    assert.deepEqual(
      ranges.map((row) => ({ ...row })),
      [
        { reader: 'early', minute: 0, lo: zero, hi: positionAt(1), n: 1, types },
        { reader: 'early', minute: 1, lo: positionAt(1), hi: positionAt(2), n: 1, types },
        { reader: 'late', minute: 1, lo: positionAt(1), hi: positionAt(2), n: 1, types },
      ],
    );
  } finally {
    await database.close();
    await rm(folder, { recursive: true });
  }
});
