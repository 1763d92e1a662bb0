import { runBounded } from './bounded-thread.ts';
import type { ThreadLimits } from './bounded-thread.ts';
import type { MessageSchema } from './contract.ts';
import type { SchemaFault } from './schema-faults.ts';

/** What compiling all schemas of one contract may take. */
export const trialLimits: ThreadLimits = { time: 5000, memory: 192 };

/**
 * Compiles schemas in a thread with limits, so that none can hold up the process. Resolves to the faults of each schema, in order; the one at
 * work when a limit was reached has that as its fault.
 */
export async function trialCompile(
  schemas: readonly MessageSchema[],
  limits: ThreadLimits = trialLimits,
): Promise<readonly (readonly SchemaFault[])[]> {
  if (schemas.length === 0) return [];
  const current = new Int32Array(new SharedArrayBuffer(4));
  const outcome = await runBounded<readonly (readonly SchemaFault[])[]>('trial-worker', { schemas, current }, limits);
  if ('result' in outcome) return outcome.result;
  const index = Atomics.load(current, 0);
  const sentence =
    outcome.exceeded === 'time'
      ? `Compiling the schemas took more than ${limits.time} ms and was at this one; make it smaller.`
      : `Compiling the schemas took more than ${limits.memory} MiB and was at this one; make it smaller.`;
  const fault: SchemaFault = { definition: 's0', steps: [], code: 'limit', sentence };
  return schemas.map((_, each) => (each === index ? [fault] : []));
}
