import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { steadyPort } from './steady-port.ts';

const program = join(import.meta.dirname, '..', '..', 'bin', 'sluice.js');

/** A real `sluice up` to be told to stop, or killed. */
export interface SluiceProcess {
  readonly gateway: string;
  readonly control: string;
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** What it has written to its log so far. */
  readonly log: () => string;
  readonly signal: (name: NodeJS.Signals) => void;
}

export interface ProcessOptions {
  /** Folder with the `sluice.yaml`; its `data` is the data folder. */
  readonly folder: string;
  /** Default: a free one that stays its own when it has ended; the same for the management API. */
  readonly port?: number;
  readonly controlPort?: number;
  readonly args?: readonly string[];
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts it and resolves when it says that it serves; rejects with its log when it ends before. */
export async function startProcess({
  folder,
  port,
  controlPort,
  args = [],
  nodeArgs = [],
  env = {},
}: ProcessOptions): Promise<SluiceProcess> {
  const line = [
    'up',
    '--config',
    'sluice.yaml',
    '--data',
    'data',
    '--port',
    `${port ?? (await steadyPort())}`,
    '--control-port',
    `${controlPort ?? (await steadyPort())}`,
    '--json',
    ...args,
  ];
  const child: ChildProcess = spawn(process.execPath, [...nodeArgs, program, ...line], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  (child.stderr as Readable).on('data', (chunk: Buffer) => (log += chunk.toString()));
  const exited = once(child, 'exit').then(([code, signal]) => (signal as string | null) ?? (code as number));
  const lines = createInterface({ input: child.stdout as Readable });
  const ready = await Promise.race([
    once(lines, 'line').then(([first]) => first as string),
    exited.then((code) => new Error(`sluice up ended with ${code}:\n${log}`)),
  ]);
  if (ready instanceof Error) throw ready;
  const { gateway, control } = JSON.parse(ready) as { gateway: string; control: string };
  return { gateway, control, exited, log: () => log, signal: (name) => void child.kill(name) };
}
