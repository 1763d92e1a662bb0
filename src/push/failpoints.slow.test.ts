import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { failpoints, isOfOpening, type FailpointName } from '../testing/failpoints/failpoint.ts';
import { KillWorld, type Tally } from '../testing/failpoints/kill-world.ts';
import { Provocations } from '../testing/failpoints/provocations.ts';
import { randomOf } from '../testing/seeded-random.ts';

/** Kills at each failpoint; 100 for the whole of it. */
const kills = Number(process.env['KILLS'] ?? 2);
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** Milliseconds from the start of a process to its first delivery: of the quickest, since a machine that is busy with something else makes some longer, and a slow start all. */
const longestRecovery = 5000;

/** Milliseconds in which everything that was held back arrives, on a machine that may be busy with something else. */
const arrivedWithin = 60_000 + kills * 2000;

/** Up to which passing of each place a life goes, in two halves that run beside each other. */
const most: Readonly<Record<FailpointName, number>> = {
  'publish-parsed': 12,
  'publish-committed': 12,
  'publish-answered': 12,
  'slice-read': 8,
  'slot-taken': 60,
  'request-sent': 60,
  'answer-received': 60,
  'results-collected': 2,
  'results-committed': 2,
  'group-begun': 20,
  'group-between-statements': 80,
  'group-complete': 20,
  'group-committed': 20,
  'gone-received': 1,
  'gone-committed': 1,
  'start-answered': 1,
  'rotation-asked': 1,
  'rotation-committed': 1,
  'rotation-answered': 1,
  'redrive-within-page': 2,
  'replay-answered': 1,
  'replay-under-way': 5,
  'deletion-asked': 1,
  'deletion-committed': 1,
  'deletion-forgetting': 1,
  'retention-due': 1,
  'retention-committed': 1,
  'opening-keys': 1,
  'opening-structure': 60,
};
const wanted = process.env['FAILPOINTS']?.split(',');
const names = (Object.keys(failpoints) as FailpointName[]).filter((name) => wanted?.includes(name) ?? true);
const tallies = new Map(
  names.map((name): [FailpointName, Tally] => [name, { kills: 0, acknowledged: 0, requests: 0, duplicates: 0, recoveries: [] }]),
);

describe(
  `a Sluice that is killed at each failpoint, ${kills} times, loses nothing and repeats only what was under way`,
  { concurrency: 2 },
  () => {
    for (const half of [0, 1]) {
      const own = names.filter((_, index) => index % 2 === half);
      describe(`half ${half}`, { concurrency: 1 }, () => killAll(own, seed + half));
    }
    after(() => process.stdout.write(table()));
  },
);

function killAll(own: readonly FailpointName[], ownSeed: number): void {
  let world!: KillWorld;
  let provocations: Provocations;
  before(async () => {
    world = await KillWorld.open(randomOf(ownSeed));
    provocations = new Provocations(world);
    await world.addHook({ name: 'plain', failing: 0.15 }, {});
    await world.addHook({ name: 'keyed', order: 'per-key', failing: 0.1, wants: (n) => n % 2 === 0 }, { filter: 'data.n % 2 == 0' });
    await world.addHook({ name: 'strict', order: 'strict', failing: 0.03 }, {});
    await world.addHook({ name: 'dying', aborting: 0.5, wants: (n) => n % 2 === 1 }, { filter: 'data.n % 2 == 1' });
    await world.addHook({ name: 'gone', wants: (n) => n % 5 === 0 }, { filter: 'data.n % 5 == 0' });
    world.startPublishing();
    await world.kill();
  });
  // Also when it could not be opened.
  after(async () => await (world as KillWorld | undefined)?.close());

  for (const name of own.filter(isOfOpening)) test(`${name}: ${failpoints[name]}`, () => dieOpening(name, ownSeed));
  for (const name of own.filter((one) => !isOfOpening(one))) {
    test(`${name}: ${failpoints[name]}`, async (t) => {
      t.diagnostic(`seed ${ownSeed}`);
      const tally = tallies.get(name)!;
      for (let kill = 0; kill < kills; kill += 1) {
        const passings = 1 + Math.floor(world.random() * most[name]);
        await world.die({ at: name, passings }, tally, () => provocations.provoke(name));
        assert.deepEqual(world.faults.splice(0), []);
      }
      // At once, whatever becomes of the rest.
      process.stdout.write(`${row(name)}\n`);
    });
  }

  test('in the end everything has arrived where it was wanted, and the books are right', async () => {
    await world.live();
    await world.stopPublishing();
    for (const hook of world.server.hooks.values()) hook.isCalm = true;
    const deadline = performance.now() + arrivedWithin;
    while (missing(world).length > 0 && performance.now() < deadline) {
      world.takeNote();
      await provocations.startGone();
      await world.expect('POST', `/endpoints/${world.hook('dying').id}/deliveries/retry`, { state: 'dead', limit: 1000 });
      await pause(50);
    }
    assert.deepEqual(
      missing(world),
      [],
      `${JSON.stringify((await world.ask('GET', `/endpoints/${world.hook('plain').id}/replays`))?.json)} ${world.log}`,
    );
    const { json } = await world.expect('GET', '/usage/verify');
    assert.equal(json.ok, true, JSON.stringify(json));
    const { orphans } = await world.kill();
    assert.deepEqual(orphans, [], 'nothing is kept of endpoints that are deleted');
    assert.deepEqual(world.faults, []);
    const recoveries = own.flatMap((name) => tallies.get(name)!.recoveries);
    assert.ok(recoveries.length === 0 || Math.min(...recoveries) < longestRecovery, `first delivery after ${recoveries.join(', ')} ms`);
  });
}

/** Each folder is died on three times before it is opened, and then is as any other. */
async function dieOpening(at: FailpointName, ownSeed: number): Promise<void> {
  const tally = tallies.get(at)!;
  const random = randomOf(ownSeed);
  while (tally.kills < kills) {
    const world = await KillWorld.open(random, { at, deaths: Math.min(3, kills - tally.kills), most: most[at], tally });
    try {
      const hook = await world.addHook({ name: 'plain' }, {});
      world.startPublishing();
      while (hook !== undefined && hook.taken.size < 5) await pause(5);
      await world.stopPublishing();
    } finally {
      await world.close();
    }
  }
  process.stdout.write(`${row(at)}\n`);
}

/** The first events that were acknowledged and have not arrived, or arrived and the store does not know. */
function missing(world: KillWorld): readonly string[] {
  const lacking: string[] = [];
  for (const hook of world.server.hooks.values()) {
    if (hook.name.startsWith('brief')) continue;
    lacking.push(...hook.notReplayed.slice(0, 5));
    for (const [id, n] of world.acknowledged) {
      if (lacking.length >= 5) return lacking;
      if (hook.wants(n) && !hook.isStored(id))
        lacking.push(`${hook.name}: ${id} is ${hook.taken.has(id) ? 'taken, and not stored as delivered' : 'not taken'}`);
    }
  }
  return lacking;
}

function table(): string {
  return `| failpoint | kills | events | deliveries | duplicates | recovery ms | slowest |\n| --- | --: | --: | --: | --: | --: | --: |\n${names.map((name) => `${row(name)}\n`).join('')}`;
}

/** What came of one failpoint: the middle and the slowest of what it took from the start of a process to its first delivery. */
function row(name: FailpointName): string {
  const { kills: count, acknowledged, requests, duplicates, recoveries } = tallies.get(name)!;
  const sorted = recoveries.toSorted((a, b) => a - b).map(Math.round);
  return `| ${[name, count, acknowledged, requests, duplicates, sorted[sorted.length >> 1] ?? '', sorted.at(-1) ?? ''].join(' | ')} |`;
}
