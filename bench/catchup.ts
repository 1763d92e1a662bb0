import { runBenchmark, type Benchmark } from './harness/benchmark.ts';
import { atMost, medians, type Row } from './harness/results.ts';
import { SluiceServer } from './peers/sluice.ts';

const protocols = ['sse', 'ws'] as const;
const live = { n: 100, rate: 50 } as const;
const batch = 100;

/** Readers that begin at the first event of a long log, while others read what happens now. */
await runBenchmark('catchup', async (bench) => {
  const { options } = bench;
  const readers = options.subscribers ?? (options.quick ? 50 : 1000);
  const events = options.quick ? 20_000 : 100_000;
  const chosen = protocols.filter((protocol) => bench.wants(protocol));
  for (let turn = 1; turn <= options.repeat; turn += 1) {
    for (const protocol of chosen) {
      bench.say(`Turn ${turn} of ${options.repeat}: ${protocol} …`);
      await takeTurn(bench, { protocol, readers, events });
    }
  }
  bench.note(
    `Live: ${live.n} subscribers of another channel of the same log at ${live.rate} events/s, for ${options.seconds} s alone and for ${options.seconds} s that begin with the catching up.`,
  );
  bench.note('Times the log was read: `sluice_backend_read_messages_total` while all caught up, divided by the events there were.');
  const rows = chosen.map((protocol): Row => {
    const [calm, meanwhile, drain] = ['live alone', 'live meanwhile', 'drain'].map((what) =>
      medians(bench.runs[`${protocol} ${what}`] ?? []),
    );
    const cells = ['readers', 'events', 'seconds', 'deliveries_s', 'cpu_per_million', 'log_reads', 'generator_load'].map(
      (key) => drain?.[key] ?? Number.NaN,
    );
    const [before, after] = [calm?.['p99_ms'] ?? Number.NaN, meanwhile?.['p99_ms'] ?? Number.NaN];
    return [protocol, ...cells, before, after, after / before];
  });
  const columns = [
    '',
    'readers',
    'events each',
    'seconds',
    'deliveries/s',
    'CPU s/million',
    'times log read',
    'generator load',
    'live p99 ms alone',
    'meanwhile',
    '×',
  ];
  return {
    tables: [{ title: 'Catching up', columns, rows }],
    bars: rows.flatMap((row) => [
      atMost(`${row[0]}: live p99 while others catch up / alone`, Number(row.at(-1)), 2),
      atMost(`${row[0]}: times the log was read`, Number(row[columns.indexOf('times log read')]), 2),
    ]),
  };
});

interface CatchUp {
  readonly protocol: 'sse' | 'ws';
  readonly readers: number;
  readonly events: number;
}

async function takeTurn(bench: Benchmark, { protocol, readers, events }: CatchUp): Promise<void> {
  const { warm, seconds } = bench.options;
  const server = await SluiceServer.start(bench);
  try {
    // One connection, so that the log has the order of the numbers.
    await bench.measure('history', 'post', { ...server.publish('quiet'), pubs: 1, batch, total: events });
    const liveOptions = { ...server.subscribe(protocol, 'live'), ...server.publish('live'), ...live, dur: seconds };
    await bench.measure(`${protocol} live alone`, 'fan', { ...liveOptions, warm });
    const { path, ...subscription } = server.subscribe(protocol, 'quiet');
    const fromEarliest = { ...subscription, path: `${String(path)}?from=earliest`, expect: events };
    const meanwhile = bench.start('fan', { ...liveOptions, warm: 1, hold: 1 });
    await meanwhile.holding;
    const before = await server.eventsRead();
    const drain = bench.start('drain', { ...fromEarliest, n: readers });
    meanwhile.release();
    const { [`${protocol} drain`]: drained = {} } = await bench.together({
      [`${protocol} drain`]: withLogReads(drain, async () => ((await server.eventsRead()) - before) / events),
      [`${protocol} live meanwhile`]: meanwhile,
    });
    if (drained['done'] !== readers) bench.fault(`${protocol}: only ${drained['done']} of ${readers} readers caught up.`);
    if ((drained['seconds'] ?? 0) < seconds)
      bench.note(
        `${protocol}: all had caught up after ${drained['seconds']} s, so the live p99 is in part undisturbed; use more readers or fewer --seconds.`,
      );
  } finally {
    await server.stop();
  }
}

type Drain = ReturnType<Benchmark['start']>;

function withLogReads(drain: Drain, logReads: () => Promise<number>): Drain {
  const figures = drain.figures.then(async (found) => ({ ...found, log_reads: await logReads() }));
  return { holding: drain.holding, release: () => drain.release(), figures };
}
