import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cacheFolder, requirePackage, findProgram } from './installation.ts';

/** Options of an instrument; undefined ones are left out. */
export type InstrumentOptions = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** What an instrument measured: its line of JSON. */
export type Figures = Readonly<Record<string, number>>;

/** Share of its core past which a generator may itself be what is slow. */
export const highestGeneratorLoad = 0.8;

const sources = resolve(import.meta.dirname, '../instruments');
/** Each with the libraries it needs besides those of C. */
const instruments = { fan: [], floor: [], post: [], storm: [], drain: [], hooks: ['ssl', 'crypto'] } as const;
export type Instrument = keyof typeof instruments;

/** Compiles what is older than its sources. */
export function buildInstruments(): void {
  requirePackage('gcc', () => findProgram('gcc') !== undefined);
  requirePackage('libc6-dev', () => findProgram('gcc') !== undefined);
  requirePackage('libssl-dev', () => existsSync('/usr/include/openssl/ssl.h'));
  mkdirSync(join(cacheFolder, 'instruments'), { recursive: true });
  const changed = Math.max(...readdirSync(sources).map((name) => statSync(join(sources, name)).mtimeMs));
  for (const name of Object.keys(instruments) as Instrument[]) {
    const target = instrumentPath(name);
    if ((statSync(target, { throwIfNoEntry: false })?.mtimeMs ?? 0) > changed) continue;
    const libraries = ['m', ...instruments[name]].map((library) => `-l${library}`);
    // Others may build it at the same time, or run what there is.
    const own = `${target}.${process.pid}`;
    execFileSync('gcc', ['-O2', '-D_GNU_SOURCE', '-o', own, join(sources, `${name}.c`), ...libraries], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    renameSync(own, target);
  }
}

/** Where the compiled instrument is. */
export function instrumentPath(name: Instrument): string {
  return join(cacheFolder, 'instruments', name);
}

export interface InstrumentRun {
  readonly name: Instrument;
  readonly options: InstrumentOptions;
  readonly core: string;
  readonly signal: AbortSignal;
  /** Given each line on stderr, as it comes. */
  readonly onLine?: ((line: string) => void) | undefined;
}

/** An instrument that runs. */
export interface RunningInstrument {
  /** Resolves when it has said that it holds, with the option `hold`; rejects when it ends before. */
  readonly holding: Promise<void>;
  /** Lets it go on. */
  release(): void;
  readonly figures: Promise<Figures>;
}

/** Runs one on its core to its end. */
export async function measure(run: InstrumentRun): Promise<Figures> {
  return await startInstrument(run).figures;
}

export function startInstrument({ name, options, core, signal, onLine }: InstrumentRun): RunningInstrument {
  const child = spawn('taskset', ['-c', core, instrumentPath(name), ...textOf(options)], { signal, stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  let output = '';
  const held = Promise.withResolvers<void>();
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    if (output.includes('"holding"')) held.resolve();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors = (errors + chunk).slice(-4000);
    if (onLine !== undefined) for (const line of chunk.split('\n')) if (line !== '') onLine(line);
  });
  child.stdin.on('error', () => undefined);
  const finish = async (): Promise<Figures> => {
    const [code, killedBy] = (await once(child, 'close')) as [number | null, string | null];
    const line = output.trim().split('\n').at(-1) ?? '';
    if (code !== 0) throw new Error(`${name} ${killedBy === null ? `failed with ${code}` : `was killed by ${killedBy}`}: ${errors.trim()}`);
    return JSON.parse(line) as Figures;
  };
  const figures = finish();
  figures.then(
    () => held.reject(new Error(`${name} ended before it held.`)),
    (error: unknown) => held.reject(error as Error),
  );
  held.promise.catch(() => undefined);
  return { holding: held.promise, release: () => child.stdin.write('\n'), figures };
}

function textOf(options: InstrumentOptions): readonly string[] {
  return Object.entries(options).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const each = typeof value === 'object' ? value : [value];
    return each.map((one) => `${key}=${one}`);
  });
}
