import { Worker } from 'node:worker_threads';
import type { MessageSchema } from './contract.ts';
import type { SchemaFault } from './schema-faults.ts';

export interface TrialLimits {
  /** Milliseconds for all schemas together, thread start included. */
  readonly time: number;
  /** MiB of heap. */
  readonly memory: number;
}

export const trialLimits: TrialLimits = { time: 5000, memory: 192 };

/**
 * Compiles schemas in a thread of their own that is ended when it takes too long or too much, so that none can hold up the process. Resolves to
 * the faults of each schema, in order.
 */
export async function trialCompile(schemas: readonly MessageSchema[], limits: TrialLimits = trialLimits): Promise<readonly (readonly SchemaFault[])[]> {
  if (schemas.length === 0) return [];
  const current = new Int32Array(new SharedArrayBuffer(4));
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const worker = new Worker(new URL(`./trial-worker${ending}`, import.meta.url), {
    name: 'sluice-schemas',
    workerData: { schemas, current },
    resourceLimits: { maxOldGenerationSizeMb: limits.memory, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 },
    stdout: true,
    stderr: true,
  });
  const outcome = await outcomeOf(worker, limits);
  await worker.terminate();
  if (typeof outcome !== 'string') return outcome;
  const index = Atomics.load(current, 0);
  const fault: SchemaFault = { definition: 's0', steps: [], code: 'limit', sentence: outcome };
  return schemas.map((_, each) => (each === index ? [fault] : []));
}

/** The faults, or a sentence when the thread had to be ended. */
function outcomeOf(worker: Worker, limits: TrialLimits): Promise<readonly (readonly SchemaFault[])[] | string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(`Compiling the schemas took more than ${limits.time} ms and was at this one; make it smaller.`), limits.time);
    const settled = (): void => clearTimeout(timer);
    worker.once('message', (faults: readonly (readonly SchemaFault[])[]) => {
      settled();
      resolve(faults);
    });
    worker.once('error', (error: NodeJS.ErrnoException) => {
      settled();
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve(`Compiling this schema took more than ${limits.memory} MiB; make it smaller.`);
      else reject(error);
    });
    worker.once('exit', () => {
      settled();
      resolve('Compiling this schema ended without a result; make it smaller.');
    });
  });
}
