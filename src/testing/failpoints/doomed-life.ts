import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ArmedFailpoint, isOfWriter, lastWords, type FailpointName } from './failpoint.ts';
import type { Orders } from './sluice-to-kill.ts';

const program = fileURLToPath(new URL('./sluice-to-kill.ts', import.meta.url));
const preload = new URL('./arm-writer.ts', import.meta.url).href;

/** Characters of its log that are kept, the last ones. */
const mostLog = 10_000;

/** Where it is to die, and at which passing, 1 for the first. */
export interface Doom {
  readonly at: FailpointName;
  readonly passings: number;
}

/** One life of a Sluice, from the start of its process to its end by SIGKILL. */
export interface Life {
  /** `performance.now()` when the process was started. */
  readonly startedAt: number;
  /** Its addresses once it serves; undefined when it ends before. */
  readonly ready: Promise<{ readonly gateway: string; readonly control: string } | undefined>;
  /** How it ended: the failpoint, or what else it was. */
  readonly death: Promise<string>;
  /** What it wrote to its log. */
  readonly log: () => string;
  readonly kill: () => void;
}

/** Without a doom it lives until `kill`. */
export function beginLife(orders: Orders, doom: Doom | undefined): Life {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [program, JSON.stringify(orders)], {
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
      ...(doom && ArmedFailpoint.variableOf(doom.at, doom.passings)),
      ...(doom && isOfWriter(doom.at) && { NODE_OPTIONS: `--import=${preload}` }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = `${log}${chunk.toString()}`.slice(-mostLog)));
  const death = once(child, 'close').then(([code, signal]) => {
    const place = log.trimEnd().split('\n').at(-1) ?? '';
    return place.startsWith(lastWords) ? place.slice(lastWords.length) : String(signal ?? code);
  });
  const ready = Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(
      ([line]) => JSON.parse(line as string) as { gateway: string; control: string },
    ),
    death.then(() => undefined),
  ]);
  return { startedAt, ready, death, log: () => log, kill: () => void child.kill('SIGKILL') };
}
