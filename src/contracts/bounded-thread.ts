import { Worker } from 'node:worker_threads';

export interface ThreadLimits {
  /** Milliseconds of processor time, start of the thread included. On a clock it may take `patience` times as long. */
  readonly time: number;
  /** MiB of heap. */
  readonly memory: number;
}

/** Times as long as its limit a thread may take on a clock, when it gets little of a busy processor. */
const patience = 12;
/** Milliseconds between two looks at least. */
const shortestLook = 20;

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
  let cancel = (): void => undefined;
  try {
    return await new Promise((resolve, reject) => {
      cancel = whenSpent(worker, limits.time, () => resolve({ exceeded: 'time' }));
      worker.once('message', (result: Result) => resolve({ result }));
      worker.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve({ exceeded: 'memory' });
        else reject(error);
      });
      worker.once('exit', (code) => reject(new Error(`The thread ${name} ended without an answer (exit code ${code}).`)));
    });
  } finally {
    cancel();
    await worker.terminate();
  }
}

/** Calls back once the thread has used its milliseconds of processor time, or has not come to an end for very long; returns how to stop. */
function whenSpent(worker: Worker, milliseconds: number, onSpent: () => void): () => void {
  const latest = setTimeout(onSpent, milliseconds * patience);
  let isStopped = false;
  let next: NodeJS.Timeout;
  const lookAfter = (left: number): void => {
    if (!isStopped) next = setTimeout(look, Math.max(left, shortestLook));
  };
  const look = (): void => {
    worker.cpuUsage().then(
      ({ user, system }) => {
        const left = milliseconds - (user + system) / 1000;
        if (left > 0) lookAfter(left);
        else onSpent();
      },
      // Before it has begun there is nothing to ask; once it has ended there is no need to.
      () => lookAfter(milliseconds),
    );
  };
  lookAfter(milliseconds);
  return () => {
    isStopped = true;
    clearTimeout(latest);
    clearTimeout(next);
  };
}
