import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { wholeNumber } from '../arguments.ts';
import { certificateFiles, followCertificate, readCertificate } from '../certificate.ts';
import { defineCommand, type Context } from '../command.ts';
import { readConfig, withPlaces } from '../config-changes.ts';
import { watchFolderOf } from '../config-watch.ts';
import { CliError, exitOfAnswer } from '../exit-code.ts';
import type { ConfigBundle } from '../../control/config/parse-config.ts';
import { parseDuration } from '../../control/config/quantities.ts';
import { GatewayError } from '../../core/errors.ts';
import type { KeyPair } from '../../listeners/key-pair.ts';
import type { Log } from '../../observe/log.ts';
import { deadLettersKept } from '../../push/dead-letter-retention.ts';
import type { Sluice } from '../wire.ts';
import { boundYoungGeneration } from '../young-generation.ts';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

const options = {
  config: {
    type: 'string',
    short: 'c',
    value: 'FILE',
    describe: 'the configuration file, applied at start and on change; default sluice.yaml where there is one',
  },
  data: { type: 'string', value: 'DIR', default: '.sluice', describe: 'data folder' },
  port: { type: 'string', value: 'PORT', default: '8080', describe: "the gateway's port; 0: any free one" },
  'control-port': { type: 'string', value: 'PORT', default: '8081', describe: "the management API's port; 0: any free one" },
  host: { type: 'string', value: 'ADDRESS', default: '127.0.0.1', describe: 'address the gateway listens on' },
  'control-host': {
    type: 'string',
    value: 'ADDRESS',
    default: '127.0.0.1',
    describe: 'address the management API listens on; elsewhere than on loopback it needs SLUICE_ADMIN_TOKEN',
  },
  'tls-cert': {
    type: 'string',
    value: 'FILE',
    describe:
      'serve https, HTTP/2 and HTTP/1.1, with this certificate (PEM, with those that lead to its issuer); read again when it changes',
  },
  'tls-key': { type: 'string', value: 'FILE', describe: 'the private key of the certificate (PEM)' },
  workers: { type: 'string', value: 'N', describe: "threads that own the clients' connections; without, the main thread does" },
  'open-outgoing': {
    type: 'string',
    value: 'RANGES',
    describe:
      'address ranges besides the public ones, and names of a private network, that webhooks may go to, such as 10.0.0.0/8,svc.cluster.local; never those of metadata services',
  },
  'keep-dead-letters': {
    type: 'string',
    value: 'TIME',
    default: '30d',
    describe: 'how long what endpoints could not be sent is kept to be sent again, 1m to 366d; endpoints may say less',
  },
  'public-url': {
    type: 'string',
    value: 'URL',
    describe: 'where clients reach the gateway when something stands before it, for URLs it gives out; default: the host of each request',
  },
  grace: { type: 'string', value: 'SECONDS', default: '10', describe: 'time for connections to end when it is told to stop' },
  'log-level': { type: 'string', value: 'LEVEL', default: 'info', describe: levels.join(', ') },
  'log-json': { type: 'boolean', describe: 'log JSON lines' },
} as const;

type UpContext = Context<typeof options>;

/** The gateway and the management API, until SIGTERM or SIGINT. */
export const up = defineCommand({
  name: 'up',
  summary: 'start the gateway and the management API',
  details: 'Logs go to stderr. With --json one line on stdout says when it serves: {"event":"ready","gateway":…,"control":…}.',
  options,
  examples: ['sluice up', 'sluice up --config sluice.yaml --port 0 --control-port 0 --json'],
  async run(context) {
    const { values, output, signal } = context;
    const grace = wholeNumber(values.grace, 'grace', 0, 3600) * 1000;
    const log = await openLog(context);
    const file = await configFile(context);
    const bundle = file === undefined ? undefined : await readConfig(file, context);
    const files = certificateFiles(values['tls-cert'], values['tls-key'], context.cwd);
    const tls = files === undefined ? undefined : await readCertificate(files);
    const stopBounding = boundYoungGeneration();
    const sluice = await serve(context, bundle, { log, tls });
    const stopWatching =
      file === undefined || bundle === undefined ? () => undefined : watchFolderOf(file, follower({ context, file, sluice, log }, bundle));
    const stopFollowing =
      files === undefined || tls === undefined
        ? () => undefined
        : followCertificate(files, tls, { renew: (pair) => sluice.renewCertificate(pair), log });
    let failure: Error | undefined;
    try {
      const { gatewayUrl, controlUrl } = sluice;
      await output.show({ event: 'ready', gateway: gatewayUrl, control: controlUrl }, () => `Gateway ${gatewayUrl}\nControl ${controlUrl}`);
      failure = await Promise.race([sluice.failed, stopAsked(signal)]);
      log.info('stopping: clients are told to come back');
    } finally {
      stopBounding();
      stopWatching();
      stopFollowing();
      const stopped = sluice.stop({ grace });
      // What could not be written fails once more on the way out.
      await (failure === undefined ? stopped : stopped.catch((error: unknown) => log.debug({ error }, 'it did not stop in order')));
    }
    if (failure !== undefined) throw new CliError('failed', failure.message, { cause: failure });
  },
});

async function stopAsked(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, 'abort');
}

async function openLog({ values }: UpContext): Promise<Log> {
  const level = levels.find((known) => known === values['log-level']);
  if (level === undefined) throw new CliError('usage', `--log-level takes one of ${levels.join(', ')}.`);
  const { createLog } = await import('../../observe/log.ts');
  return createLog({ level, destination: process.stderr, json: values['log-json'] });
}

/** The file that was named, which must exist, or sluice.yaml if there is one. */
async function configFile({ values, cwd }: UpContext): Promise<string | undefined> {
  if (values.config !== undefined) return resolve(cwd, values.config);
  const file = resolve(cwd, 'sluice.yaml');
  return access(file).then(
    () => file,
    () => undefined,
  );
}

async function serve(
  context: UpContext,
  bundle: ConfigBundle | undefined,
  { log, tls }: { log: Log; tls: KeyPair | undefined },
): Promise<Sluice> {
  const { values, env, cwd, version } = context;
  const keepDeadLetters = keptDeadLetters(values['keep-dead-letters']);
  const { startSluice } = await import('../wire.ts');
  try {
    return await startSluice({
      config: bundle?.config,
      actor: `config:${values.config ?? 'sluice.yaml'}`,
      data: resolve(cwd, values.data),
      port: wholeNumber(values.port, 'port', 0, 65_535),
      controlPort: wholeNumber(values['control-port'], 'control-port', 0, 65_535),
      host: values.host,
      controlHost: values['control-host'],
      workers: values.workers === undefined ? undefined : wholeNumber(values.workers, 'workers', 1, 64),
      openOutgoing: values['open-outgoing']?.split(',').map((range) => range.trim()),
      keepDeadLetters,
      publicUrl: values['public-url'] === undefined ? undefined : publicUrl(values['public-url']),
      tls,
      env,
      version,
      log,
    });
  } catch (error) {
    throw explained(error, values, bundle);
  }
}

function keptDeadLetters(text: string): number {
  const milliseconds = parseDuration(text) ?? 0;
  if (milliseconds < deadLettersKept.least || milliseconds > deadLettersKept.most)
    throw new CliError('usage', `--keep-dead-letters takes a time from 1m to 366d, such as 7d, not "${text}".`);
  return milliseconds;
}

function publicUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== ''
  )
    throw new CliError('usage', '--public-url takes scheme, host and port only, as in https://events.example.com.');
  return url.origin;
}

function explained(error: unknown, values: UpContext['values'], bundle: ConfigBundle | undefined): unknown {
  if (error instanceof GatewayError && bundle !== undefined) {
    return withPlaces(
      new CliError(exitOfAnswer(error.status, error.code), error.message, { details: error.toProblem(), cause: error }),
      bundle,
    );
  }
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return new CliError('conflict', `A port is in use (${message}); choose others with --port and --control-port.`, { cause: error });
  if (code === 'ENOTSUP' && values.workers !== undefined)
    return new CliError('failed', 'This system cannot share a port among threads; leave --workers out.', { cause: error });
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL')
    return new CliError('failed', `It cannot listen on ${values.host}:${values.port}: ${message}.`, { cause: error });
  if ((error as Error).name === 'StoreError') return new CliError(code === 'LOCKED' ? 'conflict' : 'failed', message, { cause: error });
  return error;
}

interface Following {
  readonly context: UpContext;
  readonly file: string;
  readonly sluice: Sluice;
  readonly log: Log;
}

/** Applies the file when what it says has changed, and leaves alone what others changed meanwhile; a file with mistakes is only reported. */
function follower({ context, file, sluice, log }: Following, first: ConfigBundle): () => void {
  let applied = JSON.stringify(first.config);
  const follow = async (): Promise<void> => {
    try {
      const bundle = await readConfig(file, context);
      const wanted = JSON.stringify(bundle.config);
      if (wanted === applied) {
        log.debug('the configuration file says nothing new');
        return;
      }
      const changes = await sluice.apply(bundle.config, `config:${bundle.name}`);
      applied = wanted;
      log.info({ changes: changes.length }, 'the configuration was applied again');
    } catch (error) {
      log.error({ reason: (error as Error).message }, 'the changed configuration is not applied');
    }
  };
  return () => void follow();
}
