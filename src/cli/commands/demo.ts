import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mintApiKey } from '../../store/api-key.ts';
import { wholeNumber } from '../arguments.ts';
import { defineCommand, type Context } from '../command.ts';
import { instructions, type DemoPlace } from '../demo/instructions.ts';
import { CliError } from '../exit-code.ts';

const configFile = fileURLToPath(new URL('../../../examples/github/sluice.yaml', import.meta.url));
const secondsPerNote = 60;

const options = {
  rate: { type: 'string', value: 'N', default: '20', describe: 'events per second' },
  port: { type: 'string', value: 'PORT', default: '8080', describe: "the gateway's port; 0: any free one" },
  'control-port': { type: 'string', value: 'PORT', default: '8081', describe: "the management API's port; 0: any free one" },
} as const;

/** A whole Sluice on real input, gone when it ends. */
export const demo = defineCommand({
  name: 'demo',
  summary: 'a running Sluice with real GitHub events, to play with',
  details: 'With --json the first line has the URLs and keys, then there is one line per second.',
  options,
  examples: ['sluice demo', 'sluice demo --rate 200 --port 0 --control-port 0 --json'],
  async run(context) {
    const rate = wholeNumber(context.values.rate, 'rate', 1, 1000);
    const data = await mkdtemp(join(tmpdir(), 'sluice-demo-'));
    try {
      await serve(context, data, rate);
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  },
});

async function serve(context: Context<typeof options>, data: string, rate: number): Promise<void> {
  const { values, env, output, signal } = context;
  const [{ startSluice }, { readConfig }] = await Promise.all([import('../wire.ts'), import('../config-changes.ts')]);
  const keys = { 'github-relay': mintApiKey(), dashboard: mintApiKey(), analytics: mintApiKey() };
  const keyEnv = { GITHUB_RELAY_KEY: keys['github-relay'], DASHBOARD_KEY: keys.dashboard, ANALYTICS_KEY: keys.analytics };
  const { config } = await readConfig(configFile, { cwd: context.cwd, env: { ...env, ...keyEnv } });
  const sluice = await startSluice({
    config,
    data,
    env,
    version: context.version,
    port: wholeNumber(values.port, 'port', 0, 65_535),
    controlPort: wholeNumber(values['control-port'], 'control-port', 0, 65_535),
  }).catch(explain);
  try {
    const place: DemoPlace = { gateway: sluice.gatewayUrl, control: sluice.controlUrl, data, keys };
    await output.show({ event: 'ready', ...place }, () => instructions(place, rate));
    const pump = await startPump(context, place, rate);
    if (!signal.aborted) await once(signal, 'abort');
    await pump.stop();
  } finally {
    await sluice.stop();
  }
}

function explain(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EADDRINUSE') throw error;
  throw new CliError('conflict', `A port is in use (${error.message}); choose others with --port and --control-port, 0 for any free one.`, {
    cause: error,
  });
}

async function startPump(context: Context<typeof options>, place: DemoPlace, rate: number) {
  const [{ Pump }, { loadPayloads, eventOf }, { Publisher }, { channelUrl }] = await Promise.all([
    import('../demo/pump.ts'),
    import('../demo/payloads.ts'),
    import('../client/publisher.ts'),
    import('../servers.ts'),
  ]);
  const { output } = context;
  const payloads = shuffled(await loadPayloads());
  let next = 0;
  let seconds = 0;
  let told = '';
  return new Pump({
    rate,
    async publishNext() {
      const payload = payloads[next % payloads.length];
      next += 1;
      if (payload === undefined) return;
      const channel = channelUrl(`github/${payload.address}`, new URL(place.gateway));
      const body = JSON.stringify(eventOf(payload, Date.now()));
      await new Publisher(channel, place.keys['github-relay']).publish({ contentType: 'application/cloudevents+json', body });
    },
    onSecond(published, total) {
      seconds += 1;
      if (output.json) void output.object({ event: 'published', published, total });
      else if (seconds % secondsPerNote === 0) output.note(`${total} events published`);
    },
    onRefused(error: CliError) {
      if (error.message !== told) output.note(`Not published: ${error.message}`);
      told = error.message;
    },
  });
}

/** Every kind of event turns up early, whatever order the package has them in. */
function shuffled<T>(items: readonly T[]): readonly T[] {
  const list = [...items];
  for (let last = list.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [list[last], list[other]] = [list[other] as T, list[last] as T];
  }
  return list;
}
