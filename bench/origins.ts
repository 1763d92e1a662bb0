import { runBenchmark, type Benchmark, type Findings } from './harness/benchmark.ts';
import type { Figures } from './harness/instrument.ts';
import { atMost, median, type Row } from './harness/results.ts';
import { freePorts } from './harness/server-process.ts';
import { webhookSluice } from './peers/webhook-sluice.ts';

/** Origins whose connections are kept, and attempts under way at most. */
const connectionsBound = 1024 + 1024;

/** Ten thousand endpoints, each an origin of its own, called in turn again and again: memory stays flat and connections are bounded. */
await runBenchmark('origins', async (bench) => {
  const { options } = bench;
  const minutes = options.quick ? 0.5 : (options.minutes ?? 10);
  const count = options.subscribers ?? (options.quick ? 2000 : 10_000);
  const [port] = (await freePorts(1)) as [number];
  const server = await webhookSluice.start(bench, { count, port, isFanOut: false });
  try {
    bench.say(`${count} origins, ${minutes} minutes …`);
    const samples: Figures[] = [];
    const load = { win: 256, pubs: 64, size: 1120, warm: options.quick ? 2 : 60, dur: minutes * 60, gc: 1, every: options.quick ? 2 : 10 };
    const running = bench.start('hooks', { ...server.hooks, ...load }, (line) => {
      if (!line.startsWith('{')) bench.say(line);
      else samples.push(JSON.parse(line) as Figures);
    });
    return findings(bench, { figures: bench.keep('origins', await running.figures), samples, count });
  } finally {
    await server.stop();
  }
});

interface Origins {
  readonly figures: Figures;
  readonly samples: readonly Figures[];
  readonly count: number;
}

function findings(bench: Benchmark, { figures, samples, count }: Origins): Findings {
  const memory = samples.map((sample) => sample['resident_mb'] ?? Number.NaN);
  const quarter = Math.max(1, Math.floor(memory.length / 4));
  const [early, late] = [median(memory.slice(quarter, 2 * quarter)), median(memory.slice(-quarter))];
  const { lost = 0, doubled = 0, strayed = 0, deliveries = 0 } = figures;
  if (lost + doubled + strayed > 0) bench.fault(`${lost} lost, ${doubled} delivered twice, ${strayed} delivered to another.`);
  for (const [index, sample] of samples.entries())
    if (index % Math.ceil(samples.length / 12) === 0)
      bench.note(`after ${sample['seconds']} s: ${sample['resident_mb']} MiB resident, ${sample['connections']} connections`);
  const keys = [
    'seconds',
    'deliveries_s',
    'cpu_ms_per_delivery',
    'accepted',
    'most_connections',
    'p99_ms',
    'server_load',
    'generator_load',
  ];
  const row: Row = [`${count} origins`, deliveries / count, ...keys.map((key) => figures[key] ?? Number.NaN), early, late];
  const columns = [
    '',
    'rounds',
    'seconds',
    'deliveries/s',
    'CPU ms/delivery',
    'connections made',
    'most at once',
    'p99 ms',
    'server load',
    'generator load',
    'MiB 2nd quarter',
    'MiB last quarter',
  ];
  return {
    tables: [{ title: 'Many origins', columns, rows: [row] }],
    bars: [
      atMost('resident memory, last quarter / second quarter', late / early, 1.1),
      atMost('connections at once', figures['most_connections'] ?? Number.NaN, connectionsBound),
    ],
  };
}
