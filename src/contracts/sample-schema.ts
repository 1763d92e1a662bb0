import { setImmediate } from 'node:timers/promises';
import type { MessageSchema } from './contract.ts';
import { PatternCache } from './pattern-cache.ts';
import { finish } from './problem.ts';
import { SampleError } from './sample-error.ts';
import { SampleRandom } from './sample-random.ts';
import { sampleValue, type Richness } from './sample-value.ts';

/** What is wrong with a value, as a sentence; `hopeless` when another one would not do better. */
export interface SampleFault {
  readonly sentence: string;
  readonly hopeless: boolean;
}

/** How rich each try is; the richest that holds is taken. */
const tries: readonly Richness[] = ['full', 'full', 'some', 'some', 'some', 'least', ...Array<Richness>(18).fill('some')];

/** A value of a JSON Schema in which `judge` finds no fault, the same for the same seed, or the last fault found. Other work goes on between two tries. */
export async function sampleSchema(
  { schema, dialect }: Pick<MessageSchema, 'schema' | 'dialect'>,
  seed: number,
  judge: (value: unknown) => SampleFault | undefined,
): Promise<{ readonly value: unknown } | SampleFault> {
  const wishes = { dialect: dialect ?? '2020-12', random: new SampleRandom(seed), patterns: new PatternCache() };
  let fault: SampleFault = { sentence: 'Nothing was tried.', hopeless: true };
  for (const richness of tries) {
    try {
      const value = sampleValue(schema, { ...wishes, richness });
      const found = judge(value);
      if (found === undefined) return { value };
      fault = found;
    } catch (thrown) {
      if (!(thrown instanceof SampleError)) throw thrown;
      fault = { sentence: finish(thrown.message), hopeless: thrown.hopeless };
    }
    if (fault.hopeless) break;
    await setImmediate();
  }
  return fault;
}
