import { runBenchmark, type Benchmark, type Findings } from './harness/benchmark.ts';
import type { Figures } from './harness/instrument.ts';
import { atMost, medians, type Row } from './harness/results.ts';
import { freePorts } from './harness/server-process.ts';
import { webhookSluice } from './peers/webhook-sluice.ts';

/** Of them 5 % will never answer, 5 % drip a byte a second, 5 % answer 500. */
const endpoints = 1000;
/** Events a second, each for one endpoint in turn. */
const pace = 500;

const healthy = 'all healthy';
const sick = '15 % sick';

/** A thousand endpoints, of which some fail in the ways that hold up others: what the healthy ones notice of it. */
await runBenchmark('isolation', async (bench) => {
  for (let turn = 1; turn <= bench.options.repeat; turn += 1) {
    // The order changes, so that neither is always the one that comes after the other.
    for (const how of turn % 2 === 0 ? [sick, healthy] : [healthy, sick]) {
      bench.say(`Turn ${turn} of ${bench.options.repeat}: ${how} …`);
      await takeTurn(bench, how);
    }
  }
  bench.note(
    `${endpoints} endpoints, each an address of its own, ${pace} events/s, each for one of them in turn. They fall sick when the clock starts: until their breakers open, ` +
      'what hangs takes up as many slots as it can get. Latencies are those of healthy endpoints.',
  );
  return findings(bench);
});

async function takeTurn(bench: Benchmark, how: string): Promise<void> {
  const { quick, warm, seconds } = bench.options;
  const [port] = (await freePorts(1)) as [number];
  const server = await webhookSluice.start(bench, { count: endpoints, port, isFanOut: false });
  try {
    // Four times as long as elsewhere: an attempt that hangs takes 15 s to be given up.
    const times = { warm: quick ? warm : 2 * warm, dur: 4 * seconds };
    const load = { rate: pace, pubs: 256, size: 1120, sick: how === sick ? 1 : 0, ...times };
    const figures = await bench.measure(how, 'hooks', { ...server.hooks, ...load });
    const { lost = 0, doubled = 0, strayed = 0 } = figures;
    if (lost + doubled + strayed > 0) bench.fault(`${how}: ${lost} lost, ${doubled} delivered twice, ${strayed} delivered to another.`);
  } finally {
    await server.stop();
  }
}

function findings(bench: Benchmark): Findings {
  const of = (how: string): Figures => medians(bench.runs[how] ?? []);
  const keys = [
    'seconds',
    'deliveries_s',
    'after_ack_p50_ms',
    'after_ack_p99_ms',
    'p50_ms',
    'p99_ms',
    'p999_ms',
    'ack_p99_ms',
    'refused',
    'late',
    'connections',
    'end_mib',
    'server_load',
    'generator_load',
  ];
  const columns = [
    '',
    'seconds',
    'deliveries/s to healthy ones',
    'after the acknowledgement p50 ms',
    'p99 ms',
    'after publishing p50 ms',
    'p99 ms',
    'p99.9 ms',
    'acknowledgement p99 ms',
    'attempts on sick ones',
    'late',
    'connections',
    'MiB',
    'server load',
    'generator load',
  ];
  const rows = [healthy, sick].map((how): Row => [how, ...keys.map((key) => of(how)[key] ?? Number.NaN)]);
  const ratio = (key: string): number => (of(sick)[key] ?? Number.NaN) / (of(healthy)[key] ?? Number.NaN);
  return {
    tables: [{ title: `${endpoints} endpoints, ${pace} events/s`, columns, rows }],
    bars: [
      atMost('p99 from the acknowledgement to a healthy endpoint, with sick ones / without', ratio('after_ack_p99_ms'), 1.2),
      atMost('p99 from publishing to a healthy endpoint, with sick ones / without', ratio('p99_ms'), 1.2),
    ],
  };
}
