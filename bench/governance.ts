import { runBenchmark, type Benchmark, type Findings } from './harness/benchmark.ts';
import { collectable } from './harness/collectable.ts';
import type { Figures } from './harness/instrument.ts';
import { atMost, median, medians, type Bar, type Row, type Table } from './harness/results.ts';
import { batchesUnderWay, windowOf } from './peers/peer.ts';
import { SluiceServer } from './peers/sluice.ts';

type Protocol = 'sse' | 'ws';

const protocols = ['sse', 'ws'] as const;
const saturated = 'saturated';
const paced = '50 events/s';
const eventsPerSecond = 50;

const governed = 'governed';
const withoutLimits = 'without limits';
const ungoverned = 'ungoverned';

/** The same Sluice under more and less of governance. */
const servers = {
  [governed]: { config: 'sluice.yaml' },
  [withoutLimits]: { config: 'bare.yaml' },
  [ungoverned]: {
    config: 'bare.yaml',
    env: { NODE_OPTIONS: `${collectable} --import=${import.meta.resolve('./harness/no-meter.ts')}` },
  },
};

type How = keyof typeof servers;

const ways = Object.keys(servers) as How[];

/** What governance may cost, in times the CPU of the same deliveries without. */
const bound = 1.1;

/** One event to many subscribers under a plan with limits, under one without, and with metering taken out. */
await runBenchmark('governance', async (bench) => {
  const { options } = bench;
  const chosen = protocols.filter((protocol) => bench.wants(protocol));
  for (let turn = 1; turn <= options.repeat; turn += 1) {
    for (const protocol of chosen) {
      // The order changes, so that none is always the one that comes after another.
      for (const how of turn % 2 === 0 ? ways.toReversed() : ways) {
        bench.say(`Turn ${turn} of ${options.repeat}: ${protocol}, ${how} …`);
        await takeTurn(bench, protocol, how);
      }
    }
  }
  bench.note(
    'Governed: a plan with limits of events, connections and time, every delivery metered. Without limits: a plan without any. Ungoverned: also the ledger is told nothing. ' +
      'Keys and contracts are checked and events made durable in all three. Ratios are those of the same turn: their median, lowest and highest.',
  );
  return findings(bench, chosen);
});

async function takeTurn(bench: Benchmark, protocol: Protocol, how: How): Promise<void> {
  const { subscribers = 1000, warm, seconds, quick } = bench.options;
  const server = await SluiceServer.start(bench, servers[how]);
  try {
    // Four times as long as elsewhere: what is asked for is a difference of a few hundredths.
    const both = {
      ...server.subscribe(protocol, 'live'),
      ...server.publish('live'),
      n: subscribers,
      warm,
      dur: quick ? seconds : 4 * seconds,
    };
    const fast = { ...both, gc: 1, ...batchesUnderWay(bench.options), win: windowOf(bench.options) };
    requireAll(bench, keyOf(protocol, how, saturated), await bench.measure(keyOf(protocol, how, saturated), 'fan', fast));
    const slow = { ...both, rate: eventsPerSecond };
    requireAll(bench, keyOf(protocol, how, paced), await bench.measure(keyOf(protocol, how, paced), 'fan', slow));
    await checkBooks(bench, server, { protocol, how, subscribers });
  } finally {
    await server.stop();
  }
}

function requireAll(bench: Benchmark, key: string, { lost = 0, closed = 0, misordered = 0 }: Figures): void {
  if (lost + closed + misordered > 0) bench.fault(`${key}: not everybody got everything once and in order, so costs cannot be compared.`);
}

interface Turn {
  readonly protocol: Protocol;
  readonly how: How;
  readonly subscribers: number;
}

/** What is said to be metered has ranges that tile, for every reader of both runs; what is said not to be has none. */
async function checkBooks(bench: Benchmark, server: SluiceServer, { protocol, how, subscribers }: Turn): Promise<void> {
  const { ok, readers, ranges } = await server.verifyLedger();
  const isAsSaid = how === ungoverned ? readers === 0 && ranges === 0 : ok && readers >= 2 * subscribers && ranges >= readers;
  if (!isAsSaid)
    bench.fault(`${protocol}, ${how}: the ledger has ${readers} readers with ${ranges} ranges, ${ok ? 'which tile' : 'with faults'}.`);
}

function keyOf(protocol: Protocol, how: How, load: string): string {
  return `${protocol} ${how} ${load}`;
}

function findings(bench: Benchmark, chosen: readonly Protocol[]): Findings {
  const { subscribers = 1000 } = bench.options;
  const table = (load: string, shown: Readonly<Record<string, string>>): Table => ({
    title: `${load === saturated ? 'Saturated' : load}, ${subscribers} subscribers, 200 bytes`,
    columns: ['', ...Object.values(shown), 'CPU × ungoverned', 'lowest', 'highest'],
    rows: chosen.flatMap((protocol) =>
      ways.map((how): Row => {
        const run = medians(bench.runs[keyOf(protocol, how, load)] ?? []);
        const ratios = ratiosOf(bench, protocol, how, load);
        const cells = Object.keys(shown).map((figure) => run[figure] ?? Number.NaN);
        return [`${protocol}, ${how}`, ...cells, median(ratios), Math.min(...ratios), Math.max(...ratios)];
      }),
    ),
  });
  const always = { cpu_per_million: 'CPU s/million', kernel_per_million: 'of it kernel' };
  const loads = { server_load: 'server load', generator_load: 'generator load' };
  return {
    tables: [
      table(saturated, {
        ...always,
        deliveries_s: 'deliveries/s',
        events_per_write: 'events/write',
        ...loads,
        kib_per_connection: 'KiB/connection',
      }),
      table(paced, { ...always, p50_ms: 'p50 ms', p99_ms: 'p99 ms', ...loads }),
    ],
    bars: chosen.flatMap((protocol) =>
      [saturated, paced].map((load): Bar =>
        atMost(
          `${protocol}, ${load}: CPU per delivery ${governed} / ${ungoverned}`,
          median(ratiosOf(bench, protocol, governed, load)),
          bound,
        ),
      ),
    ),
  };
}

/** CPU per delivery beside that of the ungoverned run of the same turn, for each turn. */
function ratiosOf(bench: Benchmark, protocol: Protocol, how: How, load: string): readonly number[] {
  const cpu = (of: How): readonly number[] =>
    (bench.runs[keyOf(protocol, of, load)] ?? []).map((figures) => figures['cpu_per_million'] ?? Number.NaN);
  const without = cpu(ungoverned);
  return cpu(how).map((each, turn) => each / (without[turn] ?? Number.NaN));
}
