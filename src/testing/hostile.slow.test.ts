import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
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
/** Most milliseconds from publish to delivery: of half the neighbour's events, and of all but one in a hundred. */
interface Delays {
  readonly p50: number;
  readonly p99: number;
}

/** While connections only drip; what is allowed beyond a few milliseconds is for what else runs on the machine. */
const calm: Delays = { p50: 25, p99: 250 };
/** While ten connections at once send what is largest and hardest to read, from the same machine. */
const stormy: Delays = { p50: 100, p99: 1000 };
/** While commands start and end, which takes the processor from everybody. */
const crowded: Delays = { p50: Infinity, p99: Infinity };

describe('bad input at every door', { timeout: 600_000 }, () => {
  let victim: Victim;
  let neighbour: Neighbour;
  const secrets = Object.values(keys);

  before(async () => {
    victim = await Victim.start();
    neighbour = await Neighbour.start(victim.gateway);
  });
  after(async () => {
    await neighbour?.stop();
    await victim?.stop();
  });

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

  it('leaves the neighbour every event, whatever commands do to the machine', async () =>
    assertUndisturbed(await neighbour.report(), crowded));

  it(`is answered the same on ${connections} connections at once, round after round, with memory flat and the neighbour undisturbed`, async (t) => {
    const seed = testSeed();
    t.diagnostic(`seed ${seed}`);
    const random = seededRandom(seed);
    const complaints: string[] = [];
    const round = async (): Promise<void> => void complaints.push(...(await attack(shuffled(quick, random))));
    for (let at = 0; at < warmRounds; at += 1) await round();
    const [memory, descriptors] = [await victim.resident(), await victim.descriptors()];
    await neighbour.report();
    const residents: number[] = [];
    for (let at = 0; at < measuredRounds; at += 1) {
      await round();
      residents.push(await victim.resident());
    }
    const report = await neighbour.report();
    t.diagnostic(`resident MiB: ${[memory, ...residents].map(mebibytes).join(', ')}; neighbour: ${JSON.stringify(report)}`);
    assert.deepEqual(complaints, []);
    assert.ok((residents.at(-1) as number) <= memory + mayGrow, 'memory grows');
    assert.ok((await victim.descriptors()) <= descriptors + connections, 'sockets or files stay open');
    assertUndisturbed(report, stormy);
  });

  it('drips until its time is over, which the neighbour does not notice', async (t) => {
    await neighbour.report();
    const complaints = await Promise.all(slow.map(complaint));
    const report = await neighbour.report();
    t.diagnostic(`neighbour: ${JSON.stringify(report)}`);
    assert.deepEqual(
      complaints,
      slow.map(() => undefined),
    );
    assertUndisturbed(report, calm);
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

function assertUndisturbed(report: NeighbourReport, most: Delays): void {
  const { published, refused, received, missing, misplaced, p50, p99 } = report;
  assert.ok(published > 0);
  assert.deepEqual({ refused, received, missing, misplaced }, { refused: 0, received: published, missing: 0, misplaced: 0 });
  assert.ok(p50 <= most.p50 && p99 <= most.p99, `${p50} ms in the middle, p99 ${p99} ms`);
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
