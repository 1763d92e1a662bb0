import { readFileSync } from 'node:fs';
import { runBenchmark, type Benchmark } from './harness/benchmark.ts';
import { openFileLimit } from './harness/machine.ts';
import { medians, type Row } from './harness/results.ts';
import { SluiceServer } from './peers/sluice.ts';

const protocols = ['sse', 'ws'] as const;
const live = { n: 100, rate: 50 } as const;

/** Everybody loses the connection and comes back at once, while others go on reading. */
await runBenchmark('connect', async (bench) => {
  const { options } = bench;
  const wanted = options.subscribers ?? (options.quick ? 1000 : 10_000);
  const clients = Math.min(wanted, openFileLimit() - 500);
  if (clients < wanted) bench.note(`${clients} clients instead of ${wanted}: a process may open ${openFileLimit()} files here.`);
  const chosen = protocols.filter((protocol) => bench.wants(protocol));
  for (let turn = 1; turn <= options.repeat; turn += 1) {
    for (const protocol of chosen) {
      bench.say(`Turn ${turn} of ${options.repeat}: ${protocol} …`);
      await takeTurn(bench, protocol, clients);
    }
  }
  bench.note(
    `Live: ${live.n} subscribers of another channel at ${live.rate} events/s, measured for ${options.seconds} s alone and for ${options.seconds} s that begin with the storm.`,
  );
  bench.note(
    `The system holds ${readFileSync('/proc/sys/net/core/somaxconn', 'utf8').trim()} connections that are not accepted yet (net.core.somaxconn); clients past that try again after 1, 3 and 7 s, which the times include.`,
  );
  bench.note(
    'Each client comes back with ?from= its last position and has missed 10 events; it counts as caught up when it has all of them, once and in order.',
  );
  const rows = chosen.map((protocol): Row => {
    const storm = medians(bench.runs[`${protocol} storm`] ?? []);
    const calm = medians(bench.runs[`${protocol} live alone`] ?? []);
    const meanwhile = medians(bench.runs[`${protocol} live meanwhile`] ?? []);
    const cells = ['clients', 'connects_s', 'cpu_us_per_connect', 'p50_ms', 'p99_ms', 'caught_up_seconds', 'incomplete'].map(
      (key) => storm[key] ?? Number.NaN,
    );
    return [
      protocol,
      ...cells,
      calm['p99_ms'] ?? Number.NaN,
      meanwhile['p99_ms'] ?? Number.NaN,
      (meanwhile['p99_ms'] ?? Number.NaN) / (calm['p99_ms'] ?? Number.NaN),
    ];
  });
  const columns = [
    '',
    'clients',
    'connects/s',
    'CPU µs/connect',
    'connected p50 ms',
    'p99 ms',
    'all caught up s',
    'incomplete',
    'live p99 ms alone',
    'meanwhile',
    '×',
  ];
  return { tables: [{ title: 'Reconnecting at once', columns, rows }] };
});

async function takeTurn(bench: Benchmark, protocol: 'sse' | 'ws', clients: number): Promise<void> {
  const { warm, seconds } = bench.options;
  const server = await SluiceServer.start(bench);
  try {
    const liveOptions = { ...server.subscribe(protocol, 'live'), ...server.publish('live'), ...live, dur: seconds };
    await bench.measure(`${protocol} live alone`, 'fan', { ...liveOptions, warm });
    const storm = bench.start('storm', { ...server.subscribe(protocol, 'quiet'), ...server.publish('quiet'), n: clients, hold: 1 });
    await storm.holding;
    const meanwhile = bench.start('fan', { ...liveOptions, warm: 1, hold: 1 });
    await meanwhile.holding;
    storm.release();
    meanwhile.release();
    const { [`${protocol} storm`]: figures } = await bench.together({
      [`${protocol} storm`]: storm,
      [`${protocol} live meanwhile`]: meanwhile,
    });
    if ((figures?.['incomplete'] ?? 0) > 0) bench.fault(`${protocol}: ${figures?.['incomplete']} clients did not get what they missed.`);
  } finally {
    await server.stop();
  }
}
