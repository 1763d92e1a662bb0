import { runBenchmark, type Benchmark, type Findings } from './harness/benchmark.ts';
import type { Figures, InstrumentOptions } from './harness/instrument.ts';
import { openFileLimit } from './harness/machine.ts';
import { atMost, medians, type Bar, type Row } from './harness/results.ts';
import { batchesUnderWay, windowOf } from './peers/peer.ts';
import { SluiceServer } from './peers/sluice.ts';

const protocols = ['sse', 'ws'] as const;

/** Whether a delivery costs more when there are more subscribers, and an event when there are more channels. */
await runBenchmark('scale', async (bench) => {
  const { options } = bench;
  const many = Math.min(options.subscribers ?? (options.quick ? 1000 : 10_000), openFileLimit() - 500);
  const few = Math.round(many / 10);
  const chosen = protocols.filter((protocol) => bench.wants(protocol));
  for (let turn = 1; turn <= options.repeat; turn += 1) {
    for (const protocol of chosen) {
      for (const subscribers of [few, many]) {
        bench.say(`Turn ${turn} of ${options.repeat}: ${protocol}, ${subscribers} …`);
        await oneChannel(bench, protocol, subscribers);
        await manyChannels(bench, protocol, subscribers);
      }
    }
  }
  bench.note(
    'One subscriber each: events are published one a request to the channels in turn, on 16 connections; most of what one costs is its publishing.',
  );
  return findings(bench, chosen, [few, many]);
});

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
    await bench.measure(`${protocol} one subscriber each ${channels}`, 'fan', {
      ...fan,
      warm: bench.options.warm,
      dur: bench.options.seconds,
    });
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

function findings(bench: Benchmark, chosen: readonly ('sse' | 'ws')[], [few, many]: readonly [number, number]): Findings {
  const of = (protocol: string, what: string, n: number): Figures => medians(bench.runs[`${protocol} ${what} ${n}`] ?? []);
  const rows: Row[] = [];
  const bars: Bar[] = [];
  for (const protocol of chosen) {
    for (const what of ['one channel', 'one subscriber each']) {
      const [small, large] = [of(protocol, what, few), of(protocol, what, many)];
      const ratio = (large['cpu_per_million'] ?? Number.NaN) / (small['cpu_per_million'] ?? Number.NaN);
      for (const [n, run] of [
        [few, small],
        [many, large],
      ] as const) {
        rows.push([
          `${protocol}, ${what}, ${n}`,
          ...['cpu_per_million', 'deliveries_s', 'server_load', 'generator_load'].map((key) => run[key] ?? Number.NaN),
        ]);
      }
      bars.push(atMost(`${protocol}, ${what}: CPU per delivery at ${many} / at ${few}`, ratio, 1.15));
    }
  }
  return {
    tables: [{ title: 'Ten times as many', columns: ['', 'CPU s/million', 'deliveries/s', 'server load', 'generator load'], rows }],
    bars,
  };
}
