import { runBenchmark, type Benchmark, type Findings } from './harness/benchmark.ts';
import type { Figures } from './harness/instrument.ts';
import { atMost, medians, type Bar, type Row } from './harness/results.ts';
import { windowOf, type Peer } from './peers/peer.ts';
import { peers } from './peers/peers.ts';

const saturated = 'saturated';
const paced = '50 events/s';
const eventsPerSecond = 50;

/** What is claimed of Sluice over each protocol: a figure is at most so many times that of another server. */
const claims = [
  { how: saturated, figure: 'cpu_per_million', to: 'floor-coalescing', bound: 1.5 },
  { how: saturated, figure: 'cpu_per_million', to: 'nchan-ws', bound: 0.2 },
  { how: saturated, figure: 'cpu_per_million', to: 'nats-ws', bound: 0.8 },
  { how: paced, figure: 'cpu_per_million', to: 'floor-one-write', bound: 1.4 },
  { how: paced, figure: 'cpu_per_million', to: 'nchan-ws', bound: 1 },
  { how: paced, figure: 'p99_ms', to: 'nchan-ws', bound: 1 },
] as const;

const words = { cpu_per_million: 'CPU per delivery', p99_ms: 'p99' } as const;

/** One event to many subscribers: every peer in turn, saturated and paced. */
await runBenchmark('fanout', async (bench) => {
  const { options } = bench;
  const chosen = peers.filter(({ name }) => bench.wants(name));
  for (let turn = 1; turn <= options.repeat; turn += 1) {
    for (const peer of chosen) {
      bench.say(`Turn ${turn} of ${options.repeat}: ${peer.name} …`);
      await takeTurn(bench, peer);
    }
  }
  bench.note(
    `Saturated: at most ${windowOf(options)} events under way, published in bursts of 8 to every server; a server that takes one event a request gets them on ${windowOf(options) / 2} connections. ` +
      'Latencies are those of the paced runs; saturated they only say how long the queue is.',
  );
  return findings(
    bench,
    chosen.map(({ name }) => name),
  );
});

async function takeTurn(bench: Benchmark, peer: Peer): Promise<void> {
  const { subscribers = 1000, seconds, warm } = bench.options;
  const running = await bench.open(peer);
  try {
    const both = { ...running.fan, n: subscribers, warm, dur: seconds };
    await bench.measure(`${peer.name} ${saturated}`, 'fan', { ...both, ...running.burst, win: windowOf(bench.options) });
    await bench.measure(`${peer.name} ${paced}`, 'fan', { ...both, gc: undefined, rate: eventsPerSecond });
  } finally {
    await running.stop();
  }
}

function findings(bench: Benchmark, names: readonly string[]): Findings {
  const of = (name: string, how: string): Figures => medians(bench.runs[`${name} ${how}`] ?? []);
  const ratio = (name: string, how: string, to: string, figure = 'cpu_per_million'): number =>
    (of(name, how)[figure] ?? Number.NaN) / (of(to, how)[figure] ?? Number.NaN);
  const saturatedRows = names.map((name): Row => {
    const run = of(name, saturated);
    const figures = [
      'cpu_per_million',
      'kernel_per_million',
      'deliveries_s',
      'events_per_write',
      'bytes_per_event',
      'server_load',
      'generator_load',
      'kib_per_connection',
    ];
    return [
      name,
      ...figures.map((figure) => run[figure] ?? Number.NaN),
      ratio(name, saturated, 'floor-coalescing'),
      ratio(name, saturated, 'nchan-ws'),
      ratio(name, saturated, 'nats-ws'),
    ];
  });
  const pacedRows = names.map((name): Row => {
    const run = of(name, paced);
    const figures = ['cpu_per_million', 'p50_ms', 'p99_ms', 'p999_ms', 'server_load', 'generator_load'];
    return [
      name,
      ...figures.map((figure) => run[figure] ?? Number.NaN),
      ratio(name, paced, 'floor-one-write'),
      ratio(name, paced, 'nchan-ws'),
    ];
  });
  const { subscribers = 1000 } = bench.options;
  return {
    tables: [
      {
        title: `Saturated, ${subscribers} subscribers, 200 bytes`,
        columns: [
          'server',
          'CPU s/million',
          'of it kernel',
          'deliveries/s',
          'events/write',
          'bytes/event',
          'server load',
          'generator load',
          'KiB/connection',
          '× floor',
          '× Nchan WS',
          '× NATS WS',
        ],
        rows: saturatedRows,
      },
      {
        title: `${eventsPerSecond} events/s, ${subscribers} subscribers, 200 bytes`,
        columns: ['server', 'CPU s/million', 'p50 ms', 'p99 ms', 'p99.9 ms', 'server load', 'generator load', '× floor', '× Nchan WS'],
        rows: pacedRows,
      },
    ],
    bars: [...bars(names, ratio), ...losses(bench, names)],
  };
}

type Ratio = (name: string, how: string, to: string, figure?: string) => number;

/** The bars whose both sides were measured. */
function bars(names: readonly string[], ratio: Ratio): readonly Bar[] {
  return names
    .filter((name) => name.startsWith('sluice-'))
    .flatMap((name) =>
      claims
        .filter(({ to }) => names.includes(to))
        .map(({ how, figure, to, bound }) => atMost(`${name}, ${how}: ${words[figure]} / ${to}`, ratio(name, how, to, figure), bound)),
    );
}

/** Cheap deliveries count for nothing when some do not arrive: over all runs of Sluice none may be missing or come twice. */
function losses(bench: Benchmark, names: readonly string[]): readonly Bar[] {
  return names
    .filter((name) => name.startsWith('sluice-'))
    .map((name) => {
      const runs = [saturated, paced].flatMap((how) => bench.runs[`${name} ${how}`] ?? []);
      return atMost(
        `${name}: deliveries lost or doubled`,
        runs.reduce((sum, { lost = 0, closed = 0 }) => sum + lost + closed, 0),
        0,
      );
    });
}
