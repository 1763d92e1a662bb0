import { runBenchmark, type Benchmark } from './harness/benchmark.ts';
import { atMost, medians, type Row } from './harness/results.ts';
import { SluiceServer } from './peers/sluice.ts';

const protocols = ['sse', 'ws'] as const;
/** Large events in bursts, so that the kernel's buffers are soon full and the server has to decide. */
const load = { size: 4000, rate: 400, batch: 16 } as const;

/** Half of all subscribers stop reading: what the others and the memory notice of it. */
await runBenchmark('stall', async (bench) => {
  const { options } = bench;
  const subscribers = options.subscribers ?? (options.quick ? 100 : 1000);
  const chosen = protocols.filter((protocol) => bench.wants(protocol));
  for (let turn = 1; turn <= options.repeat; turn += 1) {
    for (const protocol of chosen) {
      bench.say(`Turn ${turn} of ${options.repeat}: ${protocol} …`);
      await takeTurn(bench, protocol, subscribers, 0);
      await takeTurn(bench, protocol, subscribers, Math.floor(subscribers / 2));
    }
  }
  bench.note(`${load.rate} events/s of ${load.size} bytes in bursts of ${load.batch}. The plan lets 1 MiB wait for a subscriber and then lets it fall back on the log (overflow: pause).`);
  const rows: Row[] = [];
  const bars = chosen.map((protocol) => {
    const [calm, stalled] = ['all read', 'half stalled'].map((how) => medians(bench.runs[`${protocol} ${how}`] ?? []));
    for (const [how, run] of [['all read', calm], ['half stalled', stalled]] as const) {
      rows.push([`${protocol}, ${how}`, ...['p50_ms', 'p99_ms', 'p999_ms', 'cpu_per_million', 'end_mib', 'lost', 'server_load', 'generator_load'].map((key) => run?.[key] ?? Number.NaN)]);
    }
    return atMost(`${protocol}: p99 of those that read, with stalled ones / without`, (stalled?.['p99_ms'] ?? Number.NaN) / (calm?.['p99_ms'] ?? Number.NaN), 1.2);
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
