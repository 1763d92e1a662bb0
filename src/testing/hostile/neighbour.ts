import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

/** What the neighbour saw since its last report. */
export interface NeighbourReport {
  readonly published: number;
  /** Publishes that were answered otherwise than with 202. */
  readonly refused: number;
  readonly received: number;
  /** Published and not come back within half a minute. */
  readonly missing: number;
  /** Events nobody waited for any more, or not in the order of their positions. */
  readonly misplaced: number;
  /** Milliseconds from the publish to the event: median, 99th percentile and longest. */
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

/** A publisher and reader that behaves, as a process beside those who do not. */
export class Neighbour {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  /** Resolves when it has ended. */
  readonly #ended: Promise<undefined>;

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    this.#lines = lines;
    this.#ended = once(child, 'exit').then(() => undefined);
  }

  static async start(gateway: string): Promise<Neighbour> {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'neighbour-process.ts'), gateway], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    const started = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => undefined)]);
    if (started === undefined) throw new Error('the neighbour did not start');
    return new Neighbour(child, lines);
  }

  /** Rejects when its stream was ended, which ends the neighbour too. */
  async report(): Promise<NeighbourReport> {
    if (this.#child.exitCode !== null) throw new Error('the neighbour lost its stream');
    const line = once(this.#lines, 'line') as Promise<[string]>;
    this.#child.stdin?.write('\n');
    const answer = await Promise.race([line, this.#ended]);
    if (answer === undefined) throw new Error('the neighbour lost its stream');
    return JSON.parse(answer[0]) as NeighbourReport;
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
  }
}
