import { runBenchmark, type Benchmark } from './harness/benchmark.ts';
import type { Figures } from './harness/instrument.ts';
import { atMost, median, type Row } from './harness/results.ts';
import { batchesUnderWay, windowOf } from './peers/peer.ts';
import { SluiceServer } from './peers/sluice.ts';

const subscribers = 1000;
/** Connections cut and resumed in a second. */
const churn = 10;

/** Half of what it can do, for an hour, with connections coming and going: memory stays flat, nothing is lost, and the ledger tiles. */
await runBenchmark('soak', async (bench) => {
  const { options } = bench;
  const minutes = options.quick ? 0.25 : (options.minutes ?? 60);
  const n = options.subscribers ?? (options.quick ? 200 : subscribers);
  const server = await SluiceServer.start(bench);
  try {
    const fan = { ...server.subscribe('ws', 'live'), ...server.publish('live'), n, ...batchesUnderWay(options) };
    const { events_s: most = 0 } = await bench.measure('saturated', 'fan', {
      ...fan,
      win: windowOf(options),
      warm: options.warm,
      dur: options.seconds,
    });
    const rate = Math.floor(most / 2);
    bench.say(`${minutes} minutes at ${rate} events/s, half of what it can do …`);
    const samples: Figures[] = [];
    // Each sample is taken after a collection, which holds the server up for a moment.
    const every = minutes < 10 ? 3 : 60;
    // The first minute fills caches and settles the heap; it is delivered and counted like the rest.
    const soak = bench.start(
      'fan',
      { ...fan, pubs: 1, rate, churn, every, gc: 1, warm: options.quick ? 2 : 60, dur: minutes * 60 },
      (line) => note(bench, samples, line),
    );
    const { soak: figures = {} } = await bench.together({ soak });
    const ledger = await server.verifyLedger();
    if (!ledger.ok) bench.fault('The ledger does not tile: sluice usage verify found gaps or overlaps.');
    bench.note(
      `usage verify afterwards: ${ledger.ranges} ranges of ${ledger.readers} readers, ${ledger.ok ? 'no gap, no overlap' : 'faulty'}.`,
    );
    return findings(bench, { figures, samples, rate, isTiled: ledger.ok });
  } finally {
    await server.stop();
  }
});

function note(bench: Benchmark, samples: Figures[], line: string): void {
  if (!line.startsWith('{')) {
    bench.say(line);
    return;
  }
  const sample = JSON.parse(line) as Figures;
  samples.push(sample);
  if (samples.length % 30 === 1) bench.say(line);
}

interface Soak {
  readonly figures: Figures;
  readonly samples: readonly Figures[];
  readonly rate: number;
  /** Whether the ledger has neither gap nor overlap. */
  readonly isTiled: boolean;
}

function findings(bench: Benchmark, { figures, samples, rate, isTiled }: Soak) {
  const memory = samples.map((sample) => sample['resident_mb'] ?? Number.NaN);
  const quarter = Math.max(1, Math.floor(memory.length / 4));
  const [early, late] = [median(memory.slice(quarter, 2 * quarter)), median(memory.slice(-quarter))];
  const { lost = 0, closed = 0, misordered = 0 } = figures;
  if (lost + closed + misordered > 0)
    bench.fault(`${lost} deliveries lost, ${closed} connections closed by the server, ${misordered} events out of order.`);
  bench.note(
    `${churn} connections a second are cut and go on from their last event; every subscriber's events are counted and summed to the end.`,
  );
  for (const [index, sample] of samples.entries())
    if (index % Math.ceil(samples.length / 12) === 0)
      bench.note(`after ${sample['seconds']} s: ${sample['resident_mb']} MiB resident, p99 ${sample['p99_ms']} ms`);
  const keys = [
    'seconds',
    'deliveries',
    'reconnects',
    'lost',
    'misordered',
    'p50_ms',
    'p99_ms',
    'p999_ms',
    'server_load',
    'generator_load',
    'cpu_per_million',
  ];
  const row: Row = [`${rate} events/s`, ...keys.map((key) => figures[key] ?? Number.NaN), early, late];
  const columns = [
    '',
    'seconds',
    'deliveries',
    'reconnects',
    'lost',
    'out of order',
    'p50 ms',
    'p99 ms',
    'p99.9 ms',
    'server load',
    'generator load',
    'CPU s/million',
    'MiB 2nd quarter',
    'MiB last quarter',
  ];
  return {
    tables: [{ title: 'Soak', columns, rows: [row] }],
    bars: [
      atMost('resident memory, last quarter / second quarter', late / early, 1.1),
      atMost('deliveries lost or doubled', lost, 0),
      atMost('faults in the ledger', isTiled ? 0 : 1, 0),
    ],
  };
}
