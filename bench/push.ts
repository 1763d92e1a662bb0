import { runBenchmark, type Benchmark, type Findings } from './harness/benchmark.ts';
import { makeCertificate, type CertificateFiles } from './harness/certificate.ts';
import type { Figures, InstrumentOptions } from './harness/instrument.ts';
import { atLeast, atMost, medians, type Bar, type Row } from './harness/results.ts';
import { freePorts } from './harness/server-process.ts';
import { addressOf, type EndpointSetup, type RunningWebhookPeer, type WebhookPeer } from './peers/webhook-peer.ts';
import { webhookNode } from './peers/webhook-node.ts';
import { WebhookSluice, webhookSluice } from './peers/webhook-sluice.ts';

const endpoints = 50;
const transports = ['plain', 'TLS'] as const;
type Transport = (typeof transports)[number];
/** Each event for one endpoint in turn, so that every delivery costs a publish too; or for all of them. */
const shapes = ['one', 'all'] as const;

/** 1 KiB of data, and its envelope. */
const eventSize = 1024 + 96;
/** Events a second of the paced run. */
const pace = 500;
/** Deliveries under way when saturated, where each event is one of them, and where it is fifty. */
const saturated = { one: { win: 256, pubs: 64 }, all: { win: 1024, pubs: 64 } };

const everybody: readonly WebhookPeer[] = [webhookSluice, webhookNode];

/** Webhooks: how many a second with every result durable, how soon after publishing, and how soon again after a crash. */
await runBenchmark('push', async (bench) => {
  const certificate = makeCertificate(
    bench.folder,
    Array.from({ length: endpoints }, (_, endpoint) => addressOf(endpoint)),
  );
  const chosen = everybody.filter(({ name }) => bench.wants(name));
  for (let turn = 1; turn <= bench.options.repeat; turn += 1) {
    for (const transport of transports) {
      for (const peer of chosen) {
        bench.say(`Turn ${turn} of ${bench.options.repeat}: ${peer.name}, ${transport} …`);
        await takeTurn(bench, peer, { transport, certificate });
      }
    }
    if (isKilled(bench)) {
      bench.say(`Turn ${turn} of ${bench.options.repeat}: sluice, killed …`);
      await recover(bench);
    }
  }
  note(bench);
  return findings(bench, chosen);
});

interface Turn {
  readonly transport: Transport;
  readonly certificate: CertificateFiles;
}

async function takeTurn(bench: Benchmark, peer: WebhookPeer, { transport, certificate }: Turn): Promise<void> {
  const tls = transport === 'TLS' ? { certificate } : {};
  for (const shape of shapes) {
    await withPeer(bench, peer, { count: endpoints, isFanOut: shape === 'all', ...tls }, (running) =>
      measure(bench, `${peer.name} ${transport} ${shape}`, running, saturated[shape]),
    );
  }
  await withPeer(bench, peer, { count: endpoints, isFanOut: false, ...tls }, (running) =>
    measure(bench, `${peer.name} ${transport} paced`, running, { rate: pace, pubs: 256 }),
  );
}

async function withPeer(
  bench: Benchmark,
  peer: WebhookPeer,
  setup: Omit<EndpointSetup, 'port'>,
  body: (running: RunningWebhookPeer) => Promise<void>,
): Promise<void> {
  const [port] = (await freePorts(1)) as [number];
  const running = await bench.open({ name: peer.name, start: () => peer.start(bench, { ...setup, port }) });
  try {
    await body(running);
  } finally {
    await running.stop();
  }
}

async function measure(bench: Benchmark, key: string, running: RunningWebhookPeer, how: InstrumentOptions): Promise<void> {
  const { warm, seconds } = bench.options;
  const options = { ...running.hooks, ...how, size: eventSize, warm, dur: seconds };
  const figures = await bench.start('hooks', options).figures;
  const { deliveries = 0, seconds: took = 0, all_deliveries: all = 0, lost = 0, doubled = 0, strayed = 0 } = figures;
  // The clock goes on until the last result is on disk.
  const settled_s = running instanceof WebhookSluice ? await running.resultsOnDisk(all) : 0;
  bench.keep(key, { ...figures, settled_s, durable_s: deliveries / (took + settled_s) });
  if (lost + doubled + strayed > 0) bench.fault(`${key}: ${lost} lost, ${doubled} delivered twice, ${strayed} delivered to another.`);
}

/** With `--only killed` it is all there is. */
function isKilled(bench: Benchmark): boolean {
  return bench.wants('killed') || bench.wants(webhookSluice.name);
}

/** Kills it in the midst of a saturated run, starts it again, and waits until nothing is owed. */
async function recover(bench: Benchmark): Promise<void> {
  const [port] = (await freePorts(1)) as [number];
  const server = await webhookSluice.start(bench, { count: bench.options.endpoints ?? endpoints, port, isFanOut: false });
  try {
    const { warm } = bench.options;
    const hooks = bench.start('hooks', { ...server.hooks, ...saturated.one, outlive: 1, size: eventSize, warm: warm * 2 });
    await hooks.holding;
    const { startedAt, readyAt } = await server.crash();
    const figures = await hooks.figures;
    const { first_at: first = Number.NaN, last_at: last = Number.NaN, lost = 0, strayed = 0 } = figures;
    const times = {
      ready_s: readyAt - startedAt,
      first_s: first - startedAt,
      first_after_ready_s: first - readyAt,
      last_s: last - startedAt,
    };
    bench.keep('killed', { ...figures, ...times });
    if (lost + strayed > 0) bench.fault(`killed: ${lost} acknowledged events were lost, ${strayed} went to another endpoint.`);
  } finally {
    await server.stop();
  }
}

function note(bench: Benchmark): void {
  bench.note(
    `${endpoints} endpoints, each an address of its own; 1 KiB of data an event. Every event that arrives is looked up in a bitmap of its endpoint: none is lost, doubled or at another one. ` +
      'With "one" each event is for one endpoint in turn, so that every delivery costs a durable publish besides; with "all" for all of them.',
  );
  bench.note(
    'Durable deliveries/s: the clock stops when the results of all attempts are committed (SQLite, synchronous=FULL), not when they have arrived.',
  );
  bench.note(
    'node-undici keeps nothing, signs nothing and takes any URL: it is the floor of Node. Svix, Convoy and Hookdeck Outpost are no packages of Debian, and need a PostgreSQL or Redis each.',
  );
}

function findings(bench: Benchmark, chosen: readonly WebhookPeer[]): Findings {
  const of = (key: string): Figures => medians(bench.runs[key] ?? []);
  const cells = (key: string, keys: readonly string[]): readonly number[] => keys.map((each) => of(key)[each] ?? Number.NaN);
  const rows = (kinds: readonly string[], keys: readonly string[]): readonly Row[] =>
    transports.flatMap((transport) =>
      kinds.flatMap((kind) =>
        chosen.map(({ name }): Row => [`${name}, ${transport}, ${kind}`, ...cells(`${name} ${transport} ${kind}`, keys)]),
      ),
    );
  const killed = ['acknowledged', 'delivered_after', 'doubled', 'lost', 'ready_s', 'first_s', 'first_after_ready_s', 'last_s'];
  return {
    tables: [
      {
        title: 'Saturated',
        columns: [
          '',
          'durable deliveries/s',
          'CPU ms/delivery',
          'results on disk after s',
          'connections',
          'MiB',
          'server load',
          'generator load',
        ],
        rows: rows(shapes, [
          'durable_s',
          'cpu_ms_per_delivery',
          'settled_s',
          'most_connections',
          'end_mib',
          'server_load',
          'generator_load',
        ]),
      },
      {
        title: `${pace} events/s, each for one endpoint`,
        columns: [
          '',
          'publish p50 ms',
          'p99 ms',
          'to the endpoint p50 ms',
          'p99 ms',
          'p99.9 ms',
          'after the acknowledgement p99 ms',
          'CPU ms/delivery',
          'late',
        ],
        rows: rows(
          ['paced'],
          ['ack_p50_ms', 'ack_p99_ms', 'p50_ms', 'p99_ms', 'p999_ms', 'after_ack_p99_ms', 'cpu_ms_per_delivery', 'late'],
        ),
      },
      {
        title: `After kill -9 when saturated, ${bench.options.endpoints ?? endpoints} endpoints`,
        columns: [
          '',
          'acknowledged',
          'delivered afterwards',
          'again',
          'lost',
          'serves after s',
          'first delivery after s',
          'of these since it serves',
          'last delivery after s',
        ],
        rows: isKilled(bench) ? [['sluice', ...cells('killed', killed)]] : [],
      },
    ],
    bars: [...(chosen.includes(webhookSluice) ? deliveryBars(of) : []), ...(isKilled(bench) ? killedBars(of) : [])],
  };
}

function deliveryBars(of: (key: string) => Figures): readonly Bar[] {
  const figure = (key: string, name: string): number => of(key)[name] ?? Number.NaN;
  return transports.flatMap((transport) => [
    atLeast(`${transport}: durable deliveries/s`, figure(`sluice ${transport} one`, 'durable_s'), 1500),
    atMost(`${transport}: ms from publishing to the endpoint at ${pace}/s, p99`, figure(`sluice ${transport} paced`, 'p99_ms'), 150),
    atMost(`${transport}: ms until a publish is acknowledged at ${pace}/s, p99`, figure(`sluice ${transport} paced`, 'ack_p99_ms'), 25),
  ]);
}

function killedBars(of: (key: string) => Figures): readonly Bar[] {
  const { first_s: first = Number.NaN, lost = Number.NaN } = of('killed');
  return [
    atMost('seconds from the start after kill -9 to the first delivery', first, 2),
    atMost('acknowledged events lost by kill -9', lost, 0),
  ];
}
