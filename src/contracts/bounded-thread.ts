import { Worker } from 'node:worker_threads';

export interface ThreadLimits {
  /** Milliseconds, start of the thread included. */
  readonly time: number;
  /** MiB of heap. */
  readonly memory: number;
}

/** The one message of a thread, or which limit ended it. */
export type ThreadOutcome<Result> = { readonly result: Result } | { readonly exceeded: 'time' | 'memory' };

/**
 * Runs a file beside this one (`name`, without its ending) in a thread of its own until its first message, and ends the thread when it takes
 * too long or too much: what it works on cannot hold up the process. Rejects when the thread fails otherwise.
 */
export async function runBounded<Result>(name: string, workerData: unknown, limits: ThreadLimits): Promise<ThreadOutcome<Result>> {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const worker = new Worker(new URL(`./${name}${ending}`, import.meta.url), {
    name: `sluice-${name}`,
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: limits.memory, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 },
    stdout: true,
    stderr: true,
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      timer = setTimeout(() => resolve({ exceeded: 'time' }), limits.time);
      worker.once('message', (result: Result) => resolve({ result }));
      worker.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve({ exceeded: 'memory' });
        else reject(error);
      });
      worker.once('exit', (code) => reject(new Error(`The thread ${name} ended without an answer (exit code ${code}).`)));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
