import { runBenchmark, type Benchmark, type Findings } from './harness/benchmark.ts';
import type { Figures } from './harness/instrument.ts';
import { atLeast, atMost, medians, type Bar, type Row } from './harness/results.ts';
import { SluiceServer } from './peers/sluice.ts';

const protocols = ['sse', 'ws'] as const;
/** Large events in bursts, so that what a stalled one may have waiting is soon full and the server has to decide. */
const load = { size: 4000, rate: 60, batch: 4 } as const;
/** What the plans let wait for one subscriber. */
const mayWaitMiB = 0.25;

/** The stalled ones in turns: the key that stands for their plan, and the figure that counts those that got its answer. */
const plans = [
  { overflow: 'pause', key: 'READER_KEY', counts: 'whole', answer: 'get everything once they read again' },
  { overflow: 'drop-oldest', key: 'DROP_OLDEST_KEY', counts: 'told', answer: 'are told how many they missed' },
  { overflow: 'conflate', key: 'CONFLATE_KEY', counts: 'told', answer: 'are told how many they missed' },
  { overflow: 'disconnect', key: 'DISCONNECT_KEY', counts: 'closed', answer: 'are disconnected' },
] as const;

const allRead = 'all read';
const halfStalled = 'half stalled';

/** Half of all subscribers stop reading: what the others and the memory notice of it, and what becomes of the stalled ones. */
await runBenchmark('stall', async (bench) => {
  const { options } = bench;
  const subscribers = options.subscribers ?? (options.quick ? 200 : 2000);
  const chosen = protocols.filter((protocol) => bench.wants(protocol));
  for (let turn = 1; turn <= options.repeat; turn += 1) {
    for (const protocol of chosen) {
      bench.say(`Turn ${turn} of ${options.repeat}: ${protocol} …`);
      await takeTurn(bench, { protocol, subscribers, stall: 0 });
      await takeTurn(bench, { protocol, subscribers, stall: Math.floor(subscribers / 2) });
    }
  }
  bench.note(
    `${load.rate} events/s of ${load.size} bytes in bursts of ${load.batch}. The stalled ones are of four plans in turns, which let 256 KiB wait and then pause, drop the oldest, ` +
      'conflate, or disconnect. Latencies are those of the same half of the subscribers in both runs.',
  );
  return findings(bench, chosen, subscribers);
});

function findings(bench: Benchmark, chosen: readonly ('sse' | 'ws')[], subscribers: number): Findings {
  const of = (protocol: string, how: string): Figures => medians(bench.runs[`${protocol} ${how}`] ?? []);
  const latencies = chosen.flatMap((protocol) =>
    [allRead, halfStalled].map((how): Row => {
      const keys = ['p50_ms', 'p99_ms', 'p999_ms', 'cpu_per_million', 'end_mib', 'lost', 'server_load', 'generator_load'];
      return [`${protocol}, ${how}`, ...keys.map((key) => of(protocol, how)[key] ?? Number.NaN)];
    }),
  );
  const answers = chosen.flatMap((protocol) =>
    plans.map(({ overflow }, group): Row => {
      const keys = ['stalled', 'whole', 'told', 'closed', 'said_why'];
      return [`${protocol}, ${overflow}`, ...keys.map((key) => of(protocol, halfStalled)[`${key}_${group}`] ?? Number.NaN)];
    }),
  );
  return {
    tables: [
      {
        title: `${subscribers} subscribers`,
        columns: ['', 'p50 ms', 'p99 ms', 'p99.9 ms', 'CPU s/million', 'MiB at the end', 'lost', 'server load', 'generator load'],
        rows: latencies,
      },
      {
        title: 'The stalled ones, once they read again',
        columns: ['', 'stalled', 'got everything', 'told how many they missed', 'disconnected', 'read why'],
        rows: answers,
      },
    ],
    bars: chosen.flatMap((protocol) => barsOf(protocol, { calm: of(protocol, allRead), stalled: of(protocol, halfStalled), subscribers })),
  };
}

interface Compared {
  readonly calm: Figures;
  readonly stalled: Figures;
  readonly subscribers: number;
}

function barsOf(protocol: string, { calm, stalled, subscribers }: Compared): readonly Bar[] {
  const figure = (run: Figures, key: string): number => run[key] ?? Number.NaN;
  const growth = (figure(stalled, 'end_mib') - figure(calm, 'end_mib')) / Math.floor(subscribers / 2);
  return [
    atMost(`${protocol}: p99 of those that read, with stalled ones / without`, figure(stalled, 'p99_ms') / figure(calm, 'p99_ms'), 1.2),
    atMost(`${protocol}: MiB more for each stalled one`, growth, mayWaitMiB),
    ...plans.map(({ overflow, counts, answer }, group) =>
      atLeast(
        `${protocol}: share of the stalled ones under ${overflow} that ${answer}`,
        figure(stalled, `${counts}_${group}`) / figure(stalled, `stalled_${group}`),
        1,
      ),
    ),
    atMost(`${protocol}: deliveries lost that nobody was told of`, figure(stalled, 'lost'), 0),
  ];
}

interface Turn {
  readonly protocol: 'sse' | 'ws';
  readonly subscribers: number;
  readonly stall: number;
}

async function takeTurn(bench: Benchmark, { protocol, subscribers, stall }: Turn): Promise<void> {
  const { warm, seconds } = bench.options;
  const server = await SluiceServer.start(bench, { config: 'slow-readers.yaml', keys: plans.map(({ key }) => key) });
  try {
    const fan = { ...server.subscribe(protocol, 'live'), ...server.publish('live'), ...load, n: subscribers, warm, dur: seconds };
    const sampled = Math.ceil(subscribers / 2);
    const stallheader = plans.map(({ key }) => server.header(key));
    await bench.measure(`${protocol} ${stall > 0 ? halfStalled : allRead}`, 'fan', { ...fan, sampled, stall, stallheader });
  } finally {
    await server.stop();
  }
}
