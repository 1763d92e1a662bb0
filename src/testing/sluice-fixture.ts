import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startSluice, type Sluice } from '../cli/wire.ts';
import { ManagementClient } from '../cli/client/management.ts';
import { parseConfig } from '../control/config/parse-config.ts';
import { readTextFile } from '../control/config/read-config-file.ts';
import { createLog } from '../observe/log.ts';
import type { KeyPair } from '../listeners/key-pair.ts';
import type { WorkerPool } from '../workers/worker-pool.ts';
import { steadyPort } from './steady-port.ts';

/** A whole Sluice for one test, on free ports and a data folder of its own. */
export interface SluiceFixture {
  /** Base URL without a slash at the end; the port stays the same over a restart. */
  readonly gateway: string;
  readonly control: string;
  /** Administrator's token. */
  readonly admin: string;
  readonly data: string;
  /** Speaks the management API as the administrator. */
  client(): ManagementClient;
  /** Applies another configuration text to what runs. */
  apply(yaml: string): Promise<void>;
  /** The threads that own the sockets. */
  readonly workers: WorkerPool;
  /** Stops and starts it on the same folder and ports, from then on with these ranges opened where some are named. */
  restart(options?: RestartOptions): Promise<void>;
  /** New connections are shown this certificate from now on. */
  renewCertificate(pair: KeyPair): void;
  /** Open connections, as the status page counts them. */
  connections(): Promise<number>;
  stop(): Promise<void>;
}

interface RestartOptions {
  readonly grace?: number;
  readonly openOutgoing?: readonly string[];
}

export interface FixtureOptions {
  /** Files beside the configuration, by relative path: contracts. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Threads that own the sockets; default: what `WORKERS` in the environment says, else none. */
  readonly workers?: number;
  /** Serve https with this certificate. */
  readonly tls?: KeyPair;
  /** Most connections that wait to be let in at once. */
  readonly mostWaiting?: number;
  /** Address ranges besides the public ones that webhooks may go to. */
  readonly openOutgoing?: readonly string[];
  readonly keepDeadLetters?: number;
  /** Where clients and receivers are told that the gateway is. */
  readonly publicUrl?: string;
  /** Where log lines go; silent without. */
  readonly onLog?: (line: string) => void;
}

/** Starts a Sluice with the text of a `sluice.yaml`, or with the resolved object `parseConfig` gives. */
export async function openSluice(config: string | Readonly<Record<string, unknown>>, options: FixtureOptions = {}): Promise<SluiceFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  try {
    await writeFiles(folder, options.files ?? {});
    const fixture = new RunningSluice(folder, options);
    await fixture.start(typeof config === 'string' ? await fixture.parse(config) : config);
    return fixture;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** `WORKERS=2 node --test …` tries everything over two workers. */
const workersOfAll = process.env['WORKERS'] === undefined ? undefined : Number(process.env['WORKERS']);

class RunningSluice implements SluiceFixture {
  readonly #folder: string;
  #options: FixtureOptions;
  #sluice: Sluice | undefined;
  /** What a failed test left behind must not outlive the fixture. */
  #restarting: Promise<void> = Promise.resolve();

  constructor(folder: string, options: FixtureOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  get gateway(): string {
    return this.#running.gatewayUrl;
  }

  get control(): string {
    return this.#running.controlUrl;
  }

  get admin(): string {
    return this.#running.adminToken;
  }

  get workers(): WorkerPool {
    const { workers } = this.#running;
    if (workers === undefined) throw new Error('This Sluice has no workers.');
    return workers;
  }

  get data(): string {
    return join(this.#folder, 'data');
  }

  client(): ManagementClient {
    return new ManagementClient(new URL(this.control), this.admin);
  }

  async apply(yaml: string): Promise<void> {
    await this.#running.apply(await this.parse(yaml), 'test');
  }

  renewCertificate(pair: KeyPair): void {
    this.#running.renewCertificate(pair);
  }

  async connections(): Promise<number> {
    const { gateway } = await this.client().get(['status']);
    return (gateway as { connections: number }).connections;
  }

  restart(options: RestartOptions = {}): Promise<void> {
    const restarted = this.#restart(options);
    this.#restarting = restarted.catch(() => {});
    return restarted;
  }

  async #restart({ openOutgoing, ...options }: RestartOptions): Promise<void> {
    if (openOutgoing !== undefined) this.#options = { ...this.#options, openOutgoing };
    const [port, controlPort] = [portOf(this.gateway), portOf(this.control)];
    await this.#running.stop(options);
    await this.start(undefined, port, controlPort);
  }

  async stop(): Promise<void> {
    await this.#restarting;
    await this.#sluice?.stop({ grace: 200 });
    this.#sluice = undefined;
    await rm(this.#folder, { recursive: true, force: true });
  }

  async start(config: Readonly<Record<string, unknown>> | undefined, port?: number, controlPort?: number): Promise<void> {
    const { onLog, workers = workersOfAll, mostWaiting, tls, openOutgoing, keepDeadLetters, publicUrl } = this.#options;
    const destination = { write: (line: string) => onLog?.(line) };
    const log = createLog({ level: onLog === undefined ? 'silent' : 'info', destination, json: true });
    this.#sluice = await startSluice({
      config,
      data: this.data,
      port: port ?? (await steadyPort()),
      controlPort: controlPort ?? (await steadyPort()),
      workers,
      mostWaiting,
      openOutgoing,
      keepDeadLetters,
      publicUrl,
      tls,
      log,
      env: {},
    });
  }

  async parse(yaml: string): Promise<Readonly<Record<string, unknown>>> {
    const { env = {} } = this.#options;
    return (await parseConfig(yaml, { name: 'sluice.yaml', env, readFile: readTextFile, baseFolder: this.#folder })).config;
  }

  get #running(): Sluice {
    if (this.#sluice === undefined) throw new Error('This Sluice was stopped.');
    return this.#sluice;
  }
}

async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
