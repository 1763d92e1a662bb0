import { runBenchmark, type Benchmark, type Findings } from './harness/benchmark.ts';
import type { Figures, InstrumentOptions } from './harness/instrument.ts';
import { openFileLimit } from './harness/machine.ts';
import { atMost, medians, type Bar, type Row } from './harness/results.ts';
import { floor } from './peers/floor.ts';
import { batchesUnderWay, windowOf } from './peers/peer.ts';
import { SluiceServer } from './peers/sluice.ts';

const protocols = ['sse', 'ws'] as const;
/** Shows what more sockets cost in the kernel alone. */
const leastServer = floor('tick');

const figures = ['cpu_per_million', 'kernel_per_million', 'deliveries_s', 'events_per_write', 'server_load', 'generator_load'];

/** Events a second that any of them takes at least: so long each channel is warmed up for, until it has had a few. */
const slowest = 3000;
const warmingEvents = 4;

/** Whether a delivery costs more when there are more subscribers, and an event when there are more channels. */
await runBenchmark('scale', async (bench) => {
  const { options } = bench;
  const many = Math.min(options.subscribers ?? (options.quick ? 1000 : 10_000), openFileLimit() - 500);
  const few = Math.round(many / 10);
  const chosen = protocols.filter((protocol) => bench.wants(protocol));
  const withFloor = bench.wants(leastServer.name);
  for (let turn = 1; turn <= options.repeat; turn += 1) {
    for (const subscribers of withFloor ? [few, many] : []) {
      bench.say(`Turn ${turn} of ${options.repeat}: ${leastServer.name}, ${subscribers} …`);
      await floorOf(bench, subscribers);
    }
    for (const protocol of chosen) {
      for (const subscribers of [few, many]) {
        bench.say(`Turn ${turn} of ${options.repeat}: ${protocol}, ${subscribers} …`);
        await oneChannel(bench, protocol, subscribers);
        await manyChannels(bench, protocol, subscribers);
      }
    }
  }
  bench.note(
    'One subscriber each: events are published one a request to the channels in turn, on 16 connections; most of what one costs is its publishing. Each had about four before the clock starts.',
  );
  const servers = [...(withFloor ? [leastServer.name] : []), ...chosen];
  return findings(bench, servers, [few, many]);
});

async function floorOf(bench: Benchmark, subscribers: number): Promise<void> {
  const running = await bench.open(leastServer);
  try {
    const { warm, seconds } = bench.options;
    const fan = { ...running.fan, ...running.burst, n: subscribers, win: windowOf(bench.options), warm, dur: seconds };
    await bench.measure(`${leastServer.name} one channel ${subscribers}`, 'fan', fan);
  } finally {
    await running.stop();
  }
}

async function oneChannel(bench: Benchmark, protocol: 'sse' | 'ws', subscribers: number): Promise<void> {
  await withServer(bench, async (server) => {
    const fan: InstrumentOptions = {
      ...server.subscribe(protocol, 'live'),
      ...server.publish('live'),
      n: subscribers,
      ...batchesUnderWay(bench.options),
      win: windowOf(bench.options),
    };
    await bench.measure(`${protocol} one channel ${subscribers}`, 'fan', { ...fan, warm: bench.options.warm, dur: bench.options.seconds });
  });
}

async function manyChannels(bench: Benchmark, protocol: 'sse' | 'ws', channels: number): Promise<void> {
  await withServer(bench, async (server) => {
    const fan: InstrumentOptions = {
      ...server.subscribe(protocol, 'symbols/s{}'),
      ...server.publish('symbols/s{}'),
      n: channels,
      channels,
      pubs: 16,
      win: 64,
    };
    // What the books have of a reader for the first time is more than what is added later.
    const warm = Math.max(bench.options.warm, Math.ceil((warmingEvents * channels) / slowest));
    await bench.measure(`${protocol} one subscriber each ${channels}`, 'fan', { ...fan, warm, dur: bench.options.seconds });
  });
}

async function withServer(bench: Benchmark, body: (server: SluiceServer) => Promise<void>): Promise<void> {
  const server = await SluiceServer.start(bench);
  try {
    await body(server);
  } finally {
    await server.stop();
  }
}

function findings(bench: Benchmark, servers: readonly string[], [few, many]: readonly [number, number]): Findings {
  const rows: Row[] = [];
  const bars: Bar[] = [];
  for (const server of servers) {
    for (const what of ['one channel', 'one subscriber each']) {
      const of = (n: number): Figures => medians(bench.runs[`${server} ${what} ${n}`] ?? []);
      const ratio = (figure: string): number => (of(many)[figure] ?? Number.NaN) / (of(few)[figure] ?? Number.NaN);
      if (Number.isNaN(ratio('cpu_per_million'))) continue;
      for (const n of [few, many]) rows.push([`${server}, ${what}, ${n}`, ...figures.map((figure) => of(n)[figure] ?? Number.NaN)]);
      rows.push(['×', ratio('cpu_per_million'), ratio('kernel_per_million'), '', '', '', '']);
      if (server !== leastServer.name)
        bars.push(atMost(`${server}, ${what}: CPU per delivery at ${many} / at ${few}`, ratio('cpu_per_million'), 1.15));
    }
  }
  return {
    tables: [
      {
        title: 'Ten times as many',
        columns: ['', 'CPU s/million', 'of it kernel', 'deliveries/s', 'events/write', 'server load', 'generator load'],
        rows,
      },
    ],
    bars,
  };
}
