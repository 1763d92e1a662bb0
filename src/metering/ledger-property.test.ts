import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { ReaderAccount, Tally } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import {
  HandClock,
  batchOf,
  compareInTests,
  positionAt,
  quietLedger,
  requestOf,
  seqOf,
  subscriptionOf,
  temporaryDatabase,
} from './ledger-fixture.ts';
import type { Ledger } from './ledger.ts';
import { verifyCounts } from './verify-counts.ts';
import { verifyRanges } from './verify-ranges.ts';

let kit: Awaited<ReturnType<typeof temporaryDatabase>>;
before(async () => {
  kit = await temporaryDatabase();
});
after(() => kit.dispose());

type Step =
  | { readonly do: 'open'; readonly name: number; readonly from: number }
  | { readonly do: 'deliver'; readonly who: number; readonly n: number; readonly filtered: number }
  | { readonly do: 'drop'; readonly who: number; readonly n: number }
  | { readonly do: 'confirm'; readonly who: number; readonly back: number }
  | { readonly do: 'close' | 'group' | 'leave'; readonly who: number }
  | { readonly do: 'flow'; readonly n: number; readonly filtered: number }
  | { readonly do: 'pass'; readonly milliseconds: number }
  | { readonly do: 'flush' | 'commit' | 'refuse' | 'lose' | 'crash' | 'restart' };

const who = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('open' as const), name: fc.nat(4), from: fc.nat(40) }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constant('deliver' as const), who, n: fc.integer({ min: 0, max: 6 }), filtered: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('group' as const, 'group' as const, 'leave' as const), who }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('flow' as const), n: fc.integer({ min: 0, max: 6 }), filtered: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), who, n: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('confirm' as const), who, back: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('close' as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), milliseconds: fc.integer({ min: -90_000, max: 200_000 }) }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(...(['flush', 'commit', 'commit', 'commit', 'refuse', 'lose'] as const).map((action) => ({ do: action }))),
  },
  { weight: 2, arbitrary: fc.constantFrom({ do: 'crash' as const }, { do: 'restart' as const }) },
);

interface Connection {
  readonly account: ReaderAccount;
  position: number;
  /** As the core keeps it: what was charged before this connection. */
  readonly charged: number;
  isOpen: boolean;
  group: Set<Connection> | undefined;
}

/** Plays the gateway's part and remembers, without the ledger, which events each reader was given. */
class Play {
  readonly clock = new HandClock();
  readonly tenant: string;
  readonly delivered = new Map<string, Set<number>>();
  /** How far each reader had come when a commit was last taken: nothing before may be forgotten. */
  readonly secured = new Map<string, number>();
  #connections: Connection[] = [];
  #groups = new Map<Set<Connection>, Tally>();
  #ledger: Ledger;

  constructor(tenant: string, ledger: Ledger) {
    this.tenant = tenant;
    this.#ledger = ledger;
  }

  async take(step: Step): Promise<void> {
    if (step.do === 'open') await this.#open(step.name, step.name === 2 ? (this.#groupPosition() ?? step.from) : step.from);
    else if (step.do === 'pass') this.clock.at += step.milliseconds;
    else if (step.do === 'flow') this.#flow(step.n, step.filtered);
    else if ('who' in step) this.#act(step);
    else await this.#store(step.do);
  }

  async finish(): Promise<void> {
    await this.#ledger.close();
  }

  #act(step: Extract<Step, { readonly who: number }>): void {
    const open = this.#connections.filter((connection) => connection.isOpen);
    const connection = open[step.who % Math.max(1, open.length)];
    if (connection === undefined) return;
    if (step.do === 'group') this.#group(connection);
    else if (step.do === 'leave') this.#leave(connection);
    else if (step.do === 'deliver') {
      this.#leave(connection);
      this.#deliver(connection, step.n, step.filtered);
    } else if (step.do === 'drop') {
      this.#leave(connection);
      connection.position += step.n;
      connection.account.drop(step.n, positionAt(connection.position), 'dropped');
    } else if (step.do === 'confirm') {
      connection.account.confirm(positionAt(Math.max(0, connection.position - step.back)));
    } else {
      connection.isOpen = false;
      connection.group?.delete(connection);
      connection.account.close();
    }
  }

  /** As the core does: only with nothing left that was charged before, and with those that are at the same place. */
  #group(connection: Connection): void {
    if (connection.group !== undefined || connection.position < connection.charged) return;
    let found = [...this.#groups.keys()].find((group) => [...group][0]?.position === connection.position);
    if (found === undefined) this.#groups.set((found = new Set()), this.#ledger.openTally());
    found.add(connection);
    connection.group = found;
    connection.account.join(this.#groups.get(found) as Tally);
  }

  /** So that some begin where a group is. */
  #groupPosition(): number | undefined {
    for (const [group] of this.#groups) for (const { position } of group) return position;
    return undefined;
  }

  #leave(connection: Connection): void {
    connection.group?.delete(connection);
    connection.group = undefined;
    connection.account.leave();
  }

  #flow(n: number, filtered: number): void {
    for (const [group, tally] of this.#groups) {
      for (const connection of group) if (!connection.isOpen) group.delete(connection);
      const [first] = group;
      if (first === undefined) continue;
      const { position } = first;
      const batch = batchOf(position, position + n, { types: ['a', 'b', 'c'] });
      tally.charge({ ...batch, position: positionAt(position + n + filtered), filtered });
      for (const connection of group) {
        this.#remember(connection, n);
        connection.position += n + filtered;
      }
    }
  }

  async #open(name: number, from: number): Promise<void> {
    const request = requestOf(subscriptionOf(`${this.tenant}-sub`, { tenant: this.tenant }), {
      name: name < 2 ? 'durable' : undefined,
      start: positionAt(from),
      resumes: name > 2,
    });
    const connection: { made?: Connection } = {};
    const account = await this.#ledger.open(request, () => {
      if (connection.made !== undefined) connection.made.isOpen = false;
    });
    // As the gateway does for a durable reader whose client says how far it has come.
    if (request.name !== undefined && from % 2 === 1) account.confirm(positionAt(from));
    const known = this.#connections.find((other) => other.isOpen && other.account.id === account.id);
    assert.equal(known, undefined, 'one connection at a time holds a reader');
    connection.made = { account, position: seqOf(account.cursor), charged: seqOf(account.charged), isOpen: true, group: undefined };
    this.#connections.push(connection.made);
  }

  #deliver(connection: Connection, n: number, filtered: number): void {
    const { account, position } = connection;
    const batch = batchOf(position, position + n, { types: ['a', 'b', 'c'] });
    const whole = { ...batch, position: positionAt(position + n + filtered), filtered };
    account.charge(whole, Math.max(0, Math.min(n, connection.charged - position)));
    this.#remember(connection, n);
    connection.position += n + filtered;
  }

  #remember({ account, position }: Connection, n: number): void {
    let seen = this.delivered.get(account.id);
    if (seen === undefined) this.delivered.set(account.id, (seen = new Set()));
    for (let seq = position + 1; seq <= position + n; seq += 1) seen.add(seq);
  }

  async #store(action: 'flush' | 'commit' | 'refuse' | 'lose' | 'crash' | 'restart'): Promise<void> {
    if (action === 'crash' || action === 'restart') {
      if (action === 'crash') this.#ledger.abandon();
      else await this.#ledger.close();
      for (const connection of this.#connections) connection.isOpen = false;
      this.#groups.clear();
      this.#ledger = await quietLedger({ database: kit.database, clock: this.clock });
      return;
    }
    kit.database.isRefusing = action === 'refuse';
    kit.database.isLosingAnswers = action === 'lose';
    const written = await (action === 'flush' ? this.#ledger.flush() : this.#ledger.commit()).then(
      () => true,
      () => false,
    );
    for (const { account, position, isOpen } of this.#connections) if (written && isOpen) this.secured.set(account.id, position);
    kit.database.isRefusing = kit.database.isLosingAnswers = false;
  }
}

let runs = 0;

test('whatever connections, crashes and a failing store do: ranges tile, and no event is billed twice', async () => {
  const seed = Number(process.env['SLUICE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`seed ${seed}`);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const tenant = `t${(runs += 1)}`;
      const clock = new HandClock();
      const play = new Play(tenant, await quietLedger({ database: kit.database, clock }));
      play.clock.at = clock.at;
      for (const next of steps) await play.take(next);
      await play.finish();
      await check(play);
    }),
    { seed, numRuns: 120 },
  );
});

async function check(play: Play): Promise<void> {
  const verdict = await verifyRanges(kit.database, compareInTests, play.tenant);
  assert.deepEqual({ gaps: verdict['gaps'], overlaps: verdict['overlaps'] }, { gaps: [], overlaps: [] });
  // Every position is an event of the channel.
  const countOf = (_log: string, _address: string, after: Position, upTo: Position) => Promise.resolve(seqOf(upTo) - seqOf(after));
  const { losses, overcharges } = await verifyCounts(kit.database, countOf, play.tenant);
  assert.deepEqual({ losses, overcharges }, { losses: [], overcharges: [] });
  const rows = await kit.database.query(
    `SELECT reader, lo, hi, n_billable, bytes, (SELECT sum(t.value ->> 0) FROM json_each(by_type) t) AS typed FROM usage_range WHERE tenant = ?`,
    [play.tenant],
  );
  const billed = new Map<string, number>();
  const reached = new Map<string, number>();
  for (const row of rows) {
    const reader = String(row['reader']);
    reached.set(reader, Math.max(reached.get(reader) ?? 0, seqOf(row['hi'] as never)));
    const n = Number(row['n_billable']);
    billed.set(String(row['reader']), (billed.get(String(row['reader'])) ?? 0) + n);
    assert.equal(Number(row['bytes']), n * 10);
    assert.equal(Number(row['typed'] ?? 0), n, 'counts by type add up');
    assert.ok(n <= seqOf(row['hi'] as never) - seqOf(row['lo'] as never), 'a range bills no more than it spans');
  }
  for (const [reader, position] of play.secured) {
    assert.ok(
      !reached.has(reader) || (reached.get(reader) as number) >= position,
      `${reader} is on disk up to ${reached.get(reader)}, not ${position}`,
    );
  }
  for (const [reader, n] of billed) {
    const distinct = play.delivered.get(reader)?.size ?? 0;
    assert.ok(n <= distinct, `${reader} was given ${distinct} events and billed ${n}`);
  }
}
