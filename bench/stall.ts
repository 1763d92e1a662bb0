import { runBenchmark, type Benchmark } from './harness/benchmark.ts';
import type { Figures } from './harness/instrument.ts';
import { atMost, medians, type Row } from './harness/results.ts';
import { SluiceServer } from './peers/sluice.ts';

const protocols = ['sse', 'ws'] as const;
/** Large events in bursts, so that what a stalled one may have waiting is soon full and the server has to decide. */
const load = { size: 4000, rate: 60, batch: 4 } as const;
/** What the plan lets wait for one subscriber. */
const mayWaitMiB = 1;

/** Half of all subscribers stop reading: what the others and the memory notice of it. */
await runBenchmark('stall', async (bench) => {
  const { options } = bench;
  const subscribers = options.subscribers ?? (options.quick ? 200 : 2000);
  const chosen = protocols.filter((protocol) => bench.wants(protocol));
  for (let turn = 1; turn <= options.repeat; turn += 1) {
    for (const protocol of chosen) {
      bench.say(`Turn ${turn} of ${options.repeat}: ${protocol} …`);
      await takeTurn(bench, protocol, subscribers, 0);
      await takeTurn(bench, protocol, subscribers, Math.floor(subscribers / 2));
    }
  }
  bench.note(
    `${load.rate} events/s of ${load.size} bytes in bursts of ${load.batch}. The plan lets 1 MiB wait for a subscriber and then lets it fall back on the log (overflow: pause); when it reads again it gets everything it missed, or it is counted as lost.`,
  );
  const rows: Row[] = [];
  const bars = chosen.flatMap((protocol) => {
    const [calm, stalled] = ['all read', 'half stalled'].map((how) => medians(bench.runs[`${protocol} ${how}`] ?? []));
    for (const [how, run] of [
      ['all read', calm],
      ['half stalled', stalled],
    ] as const) {
      rows.push([
        `${protocol}, ${how}`,
        ...['p50_ms', 'p99_ms', 'p999_ms', 'cpu_per_million', 'end_mib', 'lost', 'server_load', 'generator_load'].map(
          (key) => run?.[key] ?? Number.NaN,
        ),
      ]);
    }
    const figure = (run: Figures | undefined, key: string): number => run?.[key] ?? Number.NaN;
    const growth = (figure(stalled, 'end_mib') - figure(calm, 'end_mib')) / Math.floor(subscribers / 2);
    return [
      atMost(`${protocol}: p99 of those that read, with stalled ones / without`, figure(stalled, 'p99_ms') / figure(calm, 'p99_ms'), 1.2),
      atMost(`${protocol}: MiB more for each stalled one`, growth, mayWaitMiB),
      atMost(`${protocol}: deliveries lost to stalled ones`, figure(stalled, 'lost'), 0),
    ];
  });
  const columns = ['', 'p50 ms', 'p99 ms', 'p99.9 ms', 'CPU s/million', 'MiB at the end', 'lost', 'server load', 'generator load'];
  return { tables: [{ title: `${subscribers} subscribers`, columns, rows }], bars };
});

async function takeTurn(bench: Benchmark, protocol: 'sse' | 'ws', subscribers: number, stall: number): Promise<void> {
  const { warm, seconds } = bench.options;
  const server = await SluiceServer.start(bench);
  try {
    const fan = { ...server.subscribe(protocol, 'live'), ...server.publish('live'), ...load, n: subscribers, stall, warm, dur: seconds };
    await bench.measure(`${protocol} ${stall > 0 ? 'half stalled' : 'all read'}`, 'fan', fan);
  } finally {
    await server.stop();
  }
}
