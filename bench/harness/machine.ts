import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** What a figure depends on besides the program. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Open files one process may have, which bounds its connections. */
  readonly openFiles: number;
  readonly fileSystem: string;
  /** Appends of 256 bytes, each followed by fdatasync, in a second: what one writer without batching could commit. */
  readonly syncsPerSecond: number;
  readonly commit: string;
}

/** Describes this machine; `folder` is where the servers keep their data. */
export function describeMachine(folder: string): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    openFiles: openFileLimit(),
    fileSystem: fileSystemOf(folder),
    syncsPerSecond: measureSyncs(folder),
    commit: execFileSync('git', ['describe', '--always', '--dirty'], { cwd: import.meta.dirname, encoding: 'utf8' }).trim(),
  };
}

/** Open files that each process may have. */
export function openFileLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? 1024);
}

/** How many CPUs a list of taskset names, as in `0`, `0,2` or `0-3`. */
export function coresIn(list: string): number {
  return list.split(',').reduce((sum, part) => {
    const [first = '0', last = first] = part.split('-');
    return sum + Number(last) - Number(first) + 1;
  }, 0);
}

const tmpfsMagic = 0x01021994;

function fileSystemOf(folder: string): string {
  if (statfsSync(folder).type === tmpfsMagic)
    throw new Error(`${folder} is in memory (tmpfs): a durable write costs nothing there, so nothing can be measured.`);
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const holding = mounts.filter(([, at = '']) => folder === at || folder.startsWith(at === '/' ? '/' : `${at}/`));
  return holding.toSorted((a, b) => (b[1]?.length ?? 0) - (a[1]?.length ?? 0))[0]?.[2] ?? 'unknown';
}

function measureSyncs(folder: string): number {
  const file = join(folder, 'syncs');
  const descriptor = openSync(file, 'w');
  const bytes = Buffer.alloc(256, 1);
  const end = performance.now() + 500;
  let count = 0;
  while (performance.now() < end) {
    writeSync(descriptor, bytes);
    fdatasyncSync(descriptor);
    count += 1;
  }
  closeSync(descriptor);
  rmSync(file);
  return count * 2;
}
