import { runBenchmark, type Benchmark, type Findings } from './harness/benchmark.ts';
import type { Figures } from './harness/instrument.ts';
import { coresIn } from './harness/machine.ts';
import { atLeast, atMost, medians, type Bar, type Row } from './harness/results.ts';
import { batchesUnderWay, windowOf } from './peers/peer.ts';
import { SluiceServer } from './peers/sluice.ts';

const protocols = ['sse', 'ws'] as const;
const workers = [0, 1, 2] as const;

/** What a second worker brings where there is a core for it, and what it costs where there is none. */
await runBenchmark('workers', async (bench) => {
  const { options } = bench;
  const subscribers = options.subscribers ?? 1000;
  const chosen = protocols.filter((protocol) => bench.wants(protocol));
  for (let turn = 1; turn <= options.repeat; turn += 1) {
    for (const protocol of chosen) {
      for (const count of workers) {
        bench.say(`Turn ${turn} of ${options.repeat}: ${protocol}, ${nameOf(count)} …`);
        await takeTurn(bench, { protocol, count, subscribers });
      }
    }
  }
  const cores = coresIn(options.serverCore);
  bench.note(
    cores > 1
      ? `The server has ${cores} cores: two workers have to bring more deliveries a second than one.`
      : 'The server has one core: two workers cannot bring more than one, and have to cost about as much. With more cores: --server-core 0,2,3.',
  );
  return findings(bench, { chosen, subscribers, hasCores: cores > 1 });
});

interface Turn {
  readonly protocol: 'sse' | 'ws';
  readonly count: number;
  readonly subscribers: number;
}

async function takeTurn(bench: Benchmark, { protocol, count, subscribers }: Turn): Promise<void> {
  const { warm, seconds } = bench.options;
  const server = await SluiceServer.start(bench, { further: count === 0 ? [] : ['--workers', `${count}`] });
  try {
    const fan = { ...server.subscribe(protocol, 'live'), ...server.publish('live'), ...batchesUnderWay(bench.options) };
    const options = { ...fan, n: subscribers, win: windowOf(bench.options), warm, dur: seconds };
    await bench.measure(`${protocol} ${nameOf(count)}`, 'fan', options);
  } finally {
    await server.stop();
  }
}

function nameOf(count: number): string {
  return count === 0 ? 'without workers' : `${count} worker${count === 1 ? '' : 's'}`;
}

interface Shown {
  readonly chosen: readonly ('sse' | 'ws')[];
  readonly subscribers: number;
  /** Whether two workers have a core each. */
  readonly hasCores: boolean;
}

function findings(bench: Benchmark, { chosen, subscribers, hasCores }: Shown): Findings {
  const of = (protocol: string, count: number): Figures => medians(bench.runs[`${protocol} ${nameOf(count)}`] ?? []);
  const ratio = (protocol: string, count: number, figure: string): number =>
    (of(protocol, count)[figure] ?? Number.NaN) / (of(protocol, 1)[figure] ?? Number.NaN);
  const rows = chosen.flatMap((protocol) =>
    workers.map((count): Row => {
      const keys = ['cpu_per_million', 'kernel_per_million', 'deliveries_s', 'events_per_write', 'server_load', 'generator_load'];
      const cells = keys.map((key) => of(protocol, count)[key] ?? Number.NaN);
      return [`${protocol}, ${nameOf(count)}`, ...cells, ratio(protocol, count, 'cpu_per_million'), ratio(protocol, count, 'deliveries_s')];
    }),
  );
  const bars = chosen.map((protocol): Bar =>
    hasCores
      ? atLeast(`${protocol}: deliveries/s of two workers / of one`, ratio(protocol, 2, 'deliveries_s'), 1.6)
      : atMost(`${protocol}: CPU per delivery of two workers / of one`, ratio(protocol, 2, 'cpu_per_million'), 1.2),
  );
  const columns = [
    '',
    'CPU s/million',
    'of it kernel',
    'deliveries/s',
    'events/write',
    'server load',
    'generator load',
    'CPU × one worker',
    'deliveries/s ×',
  ];
  return { tables: [{ title: `Saturated, ${subscribers} subscribers, 200 bytes`, columns, rows }], bars };
}
