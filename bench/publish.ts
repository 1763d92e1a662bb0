import { runBenchmark, type Benchmark } from './harness/benchmark.ts';
import type { Figures } from './harness/instrument.ts';
import { atLeast, medians, type Bar, type Row } from './harness/results.ts';
import type { DurablePeer } from './peers/durable-peer.ts';
import { durableSluice } from './peers/durable-sluice.ts';
import { jetStream } from './peers/nats-jetstream.ts';
import { redisStream } from './peers/redis-stream.ts';

/** One event a request on many connections, and a hundred a request on a few. */
const shapes = [
  { name: 'single', pubs: 64, batch: 1 },
  { name: 'batches', pubs: 8, batch: 100 },
] as const;

const everybody: readonly DurablePeer[] = [durableSluice, jetStream, redisStream];

/** Publishing that is acknowledged once it is on the disk, beside servers that are told to do the same. */
await runBenchmark('publish', async (bench) => {
  const chosen = everybody.filter(({ name }) => bench.wants(name));
  for (let turn = 1; turn <= bench.options.repeat; turn += 1) {
    for (const peer of chosen) {
      bench.say(`Turn ${turn} of ${bench.options.repeat}: ${peer.name} …`);
      await takeTurn(bench, peer);
    }
  }
  bench.note(
    'Every server acknowledges after fsync: Sluice as always, NATS JetStream with sync_interval: always, Redis with appendfsync always.',
  );
  bench.note(
    'Sluice checks the key, the contract and the limits of each event and remembers source and id against repetition; its peers store bytes.',
  );
  const figures = (name: string, shape: string): Figures => medians(bench.runs[`${name} ${shape}`] ?? []);
  const tables = shapes.map(({ name: shape, pubs, batch }) => ({
    title: `${shape}: ${pubs} connections, ${batch} event${batch === 1 ? '' : 's'} a request, 200 bytes`,
    columns: ['server', 'events/s', 'requests/s', 'CPU µs/event', 'p50 ms', 'p99 ms', 'server load', 'generator load', '× Sluice events/s'],
    rows: chosen.map(({ name }): Row => {
      const run = figures(name, shape);
      const cells = ['events_s', 'requests_s', 'cpu_us_per_event', 'p50_ms', 'p99_ms', 'server_load', 'generator_load'].map(
        (key) => run[key] ?? Number.NaN,
      );
      return [name, ...cells, (run['events_s'] ?? Number.NaN) / (figures(durableSluice.name, shape)['events_s'] ?? Number.NaN)];
    }),
  }));
  return { tables, bars: bars(chosen, figures) };
});

async function takeTurn(bench: Benchmark, peer: DurablePeer): Promise<void> {
  const { warm, seconds } = bench.options;
  for (const { name, pubs, batch } of shapes) {
    const running = await bench.open(peer);
    try {
      await bench.measure(`${peer.name} ${name}`, 'post', { ...running.post, pubs, batch, warm, dur: seconds });
    } finally {
      await running.stop();
    }
  }
}

function bars(chosen: readonly DurablePeer[], figures: (name: string, shape: string) => Figures): readonly Bar[] {
  if (!chosen.includes(durableSluice)) return [];
  return [
    atLeast('single-event HTTP publishes/s', figures(durableSluice.name, 'single')['events_s'] ?? Number.NaN, 10_000),
    atLeast('events/s in batches', figures(durableSluice.name, 'batches')['events_s'] ?? Number.NaN, 40_000),
  ];
}
