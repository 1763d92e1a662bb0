import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments, usage, type RunOptions } from './arguments.ts';
import { cacheFolder } from './installation.ts';
import {
  buildInstruments,
  highestGeneratorLoad,
  measure,
  startInstrument,
  type Figures,
  type Instrument,
  type InstrumentOptions,
  type RunningInstrument,
} from './instrument.ts';
import { describeMachine } from './machine.ts';
import { render, save, type Bar, type Table } from './results.ts';

/** What a benchmark found, in the order it is shown. */
export interface Findings {
  readonly tables: readonly Table[];
  readonly bars?: readonly Bar[];
}

/** A server under its name. */
export interface Startable<Running> {
  readonly name: string;
  start(bench: Benchmark): Promise<Running>;
}

/** Cores that other programs may use during a measurement. */
const highestOtherLoad = 0.25;

/** One run of a benchmark: where things are, and what was measured so far. */
export class Benchmark {
  readonly options: RunOptions;
  /** A folder on a real disk, for the data of servers; gone afterwards. */
  readonly folder: string;
  readonly #signal: AbortSignal;
  readonly #runs: Record<string, Figures[]> = {};
  readonly #versions: Record<string, string> = {};
  readonly #notes: string[] = [];
  readonly #faults: string[] = [];

  constructor(options: RunOptions, folder: string, signal: AbortSignal) {
    this.options = options;
    this.folder = folder;
    this.#signal = signal;
  }

  get runs(): Readonly<Record<string, readonly Figures[]>> {
    return this.#runs;
  }

  get versions(): Readonly<Record<string, string>> {
    return this.#versions;
  }

  get notes(): readonly string[] {
    return this.#notes;
  }

  get faults(): readonly string[] {
    return this.#faults;
  }

  /** Whether this name is to be run. */
  wants(name: string): boolean {
    const { only, without } = this.options;
    return (only.size === 0 || only.has(name)) && !without.has(name);
  }

  /** Starts a server and notes its version; rejects with what to do when it cannot be had. */
  async open<Running extends { readonly version: string }>(peer: Startable<Running>): Promise<Running> {
    try {
      const running = await peer.start(this);
      this.#versions[peer.name] = running.version;
      return running;
    } catch (error) {
      throw new Error(`${peer.name} cannot be had: ${(error as Error).message}\nTo do without it: --without ${peer.name}`, {
        cause: error,
      });
    }
  }

  note(sentence: string): void {
    if (!this.#notes.includes(sentence)) this.#notes.push(sentence);
  }

  /** What makes the whole run worthless. */
  fault(sentence: string): void {
    this.#faults.push(sentence);
    process.stderr.write(`INVALID: ${sentence}\n`);
  }

  say(sentence: string): void {
    process.stderr.write(`${sentence}\n`);
  }

  start(name: Instrument, options: InstrumentOptions, onLine?: (line: string) => void): RunningInstrument {
    return startInstrument({ name, options, core: this.options.generatorCore, signal: this.#signal, onLine });
  }

  /** Runs an instrument and keeps its figures under `key`. */
  async measure(key: string, name: Instrument, options: InstrumentOptions): Promise<Figures> {
    const figures = await measure({ name, options, core: this.options.generatorCore, signal: this.#signal });
    return this.keep(key, figures);
  }

  /** Lets two instruments run at the same time, and keeps the figures of both. */
  async together(parts: Readonly<Record<string, RunningInstrument>>): Promise<Readonly<Record<string, Figures>>> {
    const running = Object.entries(parts);
    const figures = await Promise.all(running.map(([, part]) => part.figures));
    const load = figures.reduce((sum, each) => sum + (each['generator_load'] ?? 0), 0);
    if (load >= highestGeneratorLoad && running.length > 1) {
      this.fault(`${running.map(([key]) => key).join(' and ')}: the generators used ${Math.round(load * 100)} % of their core together.`);
    }
    return Object.fromEntries(running.map(([key], index) => [key, this.keep(key, figures[index] as Figures)]));
  }

  /** Keeps figures, and looks for what would make them worthless. */
  keep(key: string, figures: Figures): Figures {
    (this.#runs[key] ??= []).push(figures);
    const {
      generator_load: load = 0,
      lost = 0,
      closed = 0,
      misordered = 0,
      late = 0,
      retried = 0,
      other_load: others = 0,
      stolen = 0,
    } = figures;
    if (load >= highestGeneratorLoad) {
      this.fault(
        `${key}: the generator used ${Math.round(load * 100)} % of its core; below ${highestGeneratorLoad * 100} % it is sure that the server is what was measured.`,
      );
    }
    if (others + stolen > highestOtherLoad) {
      const sentence = `${key}: other programs used ${(others + stolen).toFixed(2)} cores meanwhile; measure on a quiet machine.`;
      if (this.options.quick) this.note(sentence);
      else this.fault(sentence);
    }
    if (lost + closed + misordered > 0)
      this.note(`${key}: ${lost} deliveries lost, ${closed} connections closed by the server, ${misordered} events out of order.`);
    if (late > 0) this.note(`${key}: ${late} events were published more than 10 ms after their time.`);
    if (retried > 0) this.note(`${key}: ${retried} subscribers were closed while all connected, and tried again.`);
    return figures;
  }
}

/** Runs a benchmark from the command line: prints its tables, keeps its results, sets the exit code. */
export async function runBenchmark(name: string, body: (bench: Benchmark) => Promise<Findings>): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  let options: RunOptions;
  try {
    options = readArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}\n`);
    process.exitCode = 2;
    return;
  }
  const abort = new AbortController();
  const stop = (): void => abort.abort(new Error('stopped'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  mkdirSync(cacheFolder, { recursive: true });
  const folder = mkdtempSync(join(cacheFolder, 'run-'));
  try {
    const machine = describeMachine(folder);
    if (machine.cores < 2) throw new Error('A server and its load need a core each; this machine has one.');
    buildInstruments();
    const bench = new Benchmark(options, folder, abort.signal);
    const { tables, bars = [] } = await body(bench);
    const { versions, notes, faults, runs } = bench;
    const command = ['script/bench', name, ...process.argv.slice(2)].join(' ');
    const results = {
      name,
      date: new Date().toISOString(),
      command,
      quick: options.quick,
      machine,
      versions,
      notes,
      faults,
      tables,
      bars,
      runs,
    };
    process.stdout.write(render(results));
    process.stderr.write(`\nKept in ${save(results, cacheFolder)}\n`);
    if (faults.length > 0) process.exitCode = 1;
  } catch (error) {
    process.stderr.write(`${name}: ${(error as Error).message}\n`);
    process.exitCode = 1;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    rmSync(folder, { recursive: true, force: true });
  }
}
