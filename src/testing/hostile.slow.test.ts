import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom, testSeed } from './hostile-input.ts';
import { argumentCases } from './hostile/argument-cases.ts';
import { configurationCases } from './hostile/configuration-cases.ts';
import { contractCases } from './hostile/contract-cases.ts';
import { credentialCases } from './hostile/credential-cases.ts';
import { complaintAbout, type HostileCase } from './hostile/hostile-case.ts';
import { managementCases } from './hostile/management-cases.ts';
import { Neighbour, type NeighbourReport } from './hostile/neighbour.ts';
import { publishCases } from './hostile/publish-cases.ts';
import { readCases } from './hostile/read-cases.ts';
import { requestLineCases } from './hostile/request-line-cases.ts';
import { Victim } from './hostile/victim.ts';
import { keys } from './hostile/victim-world.ts';
import { websocketCases } from './hostile/websocket-cases.ts';
import { until } from './until.ts';

const sent = [
  ...publishCases,
  ...requestLineCases,
  ...readCases,
  ...websocketCases,
  ...managementCases,
  ...credentialCases,
  ...contractCases,
];
const quick = sent.filter(({ isSlow }) => isSlow !== true);
const slow = sent.filter(({ isSlow }) => isSlow === true);
const typed = [...configurationCases, ...argumentCases];

/** Rounds of the whole table before memory is measured, until the collector has found its size, and after it. */
const warmRounds = 5;
const measuredRounds = 8;
const connections = 10;
/** Bytes of resident memory that all measured rounds together may leave behind: what collectors keep, under 20 KiB for each request. */
const mayGrow = 96 * 1024 * 1024;
/** Milliseconds between two looks at the neighbours while connections drip. */
const look = 3000;
/**
 * Most milliseconds from publish to delivery, of half the neighbour's events and of all but one in a hundred, beyond what it takes in the
 * same moments at a Sluice that nobody attacks: what else runs on the machine delays both. In the middle of all looks, since one of the
 * processes may stand still for once.
 */
interface Delays {
  readonly p50: number;
  readonly p99: number;
}

/** While connections only drip. */
const calm: Delays = { p50: 25, p99: 250 };
/** While ten connections at once send what is largest and hardest to read, from the same machine. */
const stormy: Delays = { p50: 100, p99: 1000 };

describe('bad input at every door', { timeout: 600_000 }, () => {
  let victim: Victim;
  let neighbour: Neighbour;
  let other: Victim;
  let distant: Neighbour;
  const secrets = Object.values(keys);

  before(async () => {
    victim = await Victim.start();
    neighbour = await Neighbour.start(victim.gateway);
    other = await Victim.start();
    distant = await Neighbour.start(other.gateway);
  });
  after(async () => {
    await neighbour?.stop();
    await victim?.stop();
    await distant?.stop();
    await other?.stop();
  });

  async function lookAtBoth(): Promise<Look> {
    const [attacked, spared] = await Promise.all([neighbour.report(), distant.report()]);
    return { attacked, spared };
  }

  async function complaint(one: HostileCase): Promise<string | undefined> {
    try {
      return complaintAbout(one, await one.send(victim), [...secrets, victim.admin]);
    } catch (error) {
      return (error as Error).message;
    }
  }

  it('is tried with more than 200 cases, and a dozen at each door', () => {
    const all = [...sent, ...typed];
    const byDoor = Map.groupBy(all, ({ door }) => door);
    assert.ok(all.length > 200, `${all.length} cases`);
    for (const [door, cases] of byDoor) assert.ok(cases.length >= 12, `${door}: ${cases.length} cases`);
    for (const [door, cases] of byDoor) assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length, `${door}: a name twice`);
  });

  for (const [door, cases] of Map.groupBy(quick, (one) => one.door)) {
    describe(`at ${door}`, () => {
      for (const one of cases) it(one.name, async () => assert.equal(await complaint(one), undefined));
    });
  }

  describe('in commands', { concurrency: 2 }, () => {
    for (const one of typed) it(`${one.door}: ${one.name}`, async () => assert.equal(await complaint(one), undefined));
  });

  it('leaves the neighbour every event, whatever commands do to the machine', async () => assertWhole(await neighbour.report()));

  it(`is answered the same on ${connections} connections at once, round after round, with memory flat and the neighbour undisturbed`, async (t) => {
    const seed = testSeed();
    t.diagnostic(`seed ${seed}`);
    const random = seededRandom(seed);
    const complaints: string[] = [];
    const round = async (): Promise<void> => void complaints.push(...(await attack(shuffled(quick, random))));
    for (let at = 0; at < warmRounds; at += 1) await round();
    const [memory, descriptors] = [await victim.resident(), await victim.descriptors()];
    await lookAtBoth();
    const residents: number[] = [];
    const looks: Look[] = [];
    for (let at = 0; at < measuredRounds; at += 1) {
      await round();
      looks.push(await lookAtBoth());
      residents.push(await victim.resident());
    }
    t.diagnostic(`resident MiB: ${[memory, ...residents].map(mebibytes).join(', ')}; neighbours: ${JSON.stringify(looks)}`);
    assert.deepEqual(complaints, []);
    assert.ok((residents.at(-1) as number) <= memory + mayGrow, 'memory grows');
    let left = Infinity;
    await until(
      async () => (left = await victim.descriptors()) <= descriptors + connections,
      () => `sockets or files stay open: ${left}, and there were ${descriptors}`,
    );
    assertUndisturbed(looks, stormy);
  });

  it('drips until its time is over, which the neighbour does not notice', async (t) => {
    await lookAtBoth();
    let isOver = false;
    const dripping = Promise.all(slow.map(complaint)).finally(() => (isOver = true));
    const looks: Look[] = [];
    while (!isOver) {
      await pause(look);
      looks.push(await lookAtBoth());
    }
    const complaints = await dripping;
    t.diagnostic(`neighbours: ${JSON.stringify(looks)}`);
    assert.deepEqual(
      complaints,
      slow.map(() => undefined),
    );
    assertUndisturbed(looks, calm);
  });

  it('leaves no secret in the log, and no error of our own', () => {
    const { log } = victim;
    assert.match(log, /EVENT_REJECTED/, 'refusals are logged at all');
    for (const secret of [...secrets, victim.admin]) assert.ok(!log.includes(secret), `the log has ${secret.slice(0, 6)}…`);
    const errors = log.split('\n').filter((line) => /"level":("error"|"fatal"|50|60)/.test(line));
    assert.deepEqual(errors, []);
  });

  it('leaves it up, and it stops as it should', async () => {
    assert.ok(victim.isUp);
    await neighbour.stop();
    assert.equal(await victim.stop(), 0);
  });

  /** The cases, so many at a time; answers the complaints. */
  async function attack(cases: readonly HostileCase[]): Promise<string[]> {
    const complaints: string[] = [];
    const waiting = cases.values();
    const attacker = async (): Promise<void> => {
      for (const one of waiting) {
        const said = await complaint(one);
        if (said !== undefined) complaints.push(`${one.door}: ${one.name}: ${said}`);
      }
    };
    await Promise.all(Array.from({ length: connections }, attacker));
    return complaints;
  }
});

/** What the neighbour of whoever is attacked saw, and that of the other in the same time. */
interface Look {
  readonly attacked: NeighbourReport;
  readonly spared: NeighbourReport;
}

function assertWhole({ published, refused, received, missing, misplaced }: NeighbourReport): void {
  assert.ok(published > 0);
  assert.deepEqual({ refused, received, missing, misplaced }, { refused: 0, received: published, missing: 0, misplaced: 0 });
}

function assertUndisturbed(looks: readonly Look[], most: Delays): void {
  for (const { attacked } of looks) assertWhole(attacked);
  for (const share of ['p50', 'p99'] as const) {
    const beyond = looks.map(({ attacked, spared }) => attacked[share] - spared[share]).toSorted((a, b) => a - b);
    const middle = beyond[beyond.length >> 1] as number;
    assert.ok(middle <= most[share], `${share} is ${middle} ms later than where nobody attacks`);
  }
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((item) => ({ item, place: random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
