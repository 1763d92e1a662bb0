import type { MessageSchema } from './contract.ts';
import { fromPointer } from './json-pointer.ts';
import { linearPattern, PatternError } from './linear-pattern.ts';
import { finish, quote } from './problem.ts';
import type { SchemaCompiler } from './schema-compiler.ts';
import { causesOf, sentenceOf } from './schema-error.ts';
import { keywordRule, subschemas } from './schema-keywords.ts';

/** One thing wrong with a schema. */
export interface SchemaFault {
  /** Which of the bundle's definitions. */
  readonly definition: string;
  /** Steps below it. */
  readonly steps: readonly string[];
  readonly code: 'payload-schema' | 'pattern' | 'limit';
  readonly sentence: string;
}

/** Milliseconds one schema may take to compile: later it is compiled once more where events wait for it. */
const mostMilliseconds = 1500;

/** What is wrong with a bundled schema, found by compiling it; empty when it can be used. */
export function faultsOf(schema: MessageSchema, compiler: SchemaCompiler): readonly SchemaFault[] {
  const invalid = causesOf(compiler.validate(schema)).map((error) => {
    const path = fromPointer(error.instancePath);
    return fault(path, 'payload-schema', finish(`${path.length > 2 ? quote(path.at(-1)) : 'The schema'} ${sentenceOf(error)}`));
  });
  if (invalid.length > 0) return invalid;
  const patterns = Object.entries((schema.schema as { definitions: object }).definitions).flatMap(([name, definition]) => [
    ...badPatterns(definition, ['definitions', name]),
  ]);
  if (patterns.length > 0) return patterns;
  const start = performance.now();
  try {
    compiler.compile(schema, 'first');
  } catch (thrown) {
    const reason = thrown instanceof RangeError ? 'its references nest too deeply' : String((thrown as Error).message).slice(0, 200);
    return [fault([], 'payload-schema', `The schema cannot be compiled: ${reason}.`)];
  }
  const took = performance.now() - start;
  return took > mostMilliseconds
    ? [fault([], 'limit', `The schema takes ${Math.round(took)} ms to compile, more than ${mostMilliseconds}; make it smaller.`)]
    : [];
}

function fault(path: readonly string[], code: SchemaFault['code'], sentence: string): SchemaFault {
  return { definition: path[0] === 'definitions' ? (path[1] ?? 's0') : 's0', steps: path.slice(2), code, sentence };
}

function* badPatterns(schema: unknown, path: readonly string[]): Generator<SchemaFault> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'pattern' && typeof value === 'string') yield* badPattern(value, [...path, key]);
    if (key === 'patternProperties' && typeof value === 'object' && value !== null) {
      for (const pattern of Object.keys(value)) yield* badPattern(pattern, [...path, key, pattern]);
    }
    const rule = keywordRule(key);
    for (const [steps, inner] of rule === undefined ? [] : subschemas(rule, value)) yield* badPatterns(inner, [...path, key, ...steps]);
  }
}

function* badPattern(pattern: string, path: readonly string[]): Generator<SchemaFault> {
  try {
    linearPattern(pattern);
  } catch (thrown) {
    if (!(thrown instanceof PatternError)) throw thrown;
    yield fault(path, 'pattern', thrown.message);
  }
}
