import { RE2JS } from 're2js';
import type { CheckBudget } from './check-budget.ts';

interface Pattern {
  test(text: string): boolean;
  /** Tells patterns apart for the compiler of schemas. */
  toString(): string;
}

const mostPatternCharacters = 4096;
/** Counted repetitions are unrolled: `a{500}` is 500 states, and each state may cost time on each character. */
const mostRepeats = 5000;

/** A regular expression that cannot be used: not valid, or needing look-around or back-references, which no linear-time engine has. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** Compiles an ECMA-262 pattern for an engine whose time grows only linearly with the text. Throws PatternError. */
export function linearPattern(source: string, budget?: CheckBudget): Pattern {
  if (source.length > mostPatternCharacters) {
    throw new PatternError(`The pattern has ${source.length} characters, more than the ${mostPatternCharacters} allowed.`);
  }
  if (repeatsOf(source) > mostRepeats) {
    throw new PatternError(`The pattern's counted repetitions add up to more than ${mostRepeats}; use \`maxLength\` or smaller counts.`);
  }
  const compiled = compile(source);
  const states = compiled.programSize();
  const test = (text: string): boolean => {
    budget?.charge(text.length * states);
    return compiled.test(text);
  };
  return { test, toString: () => `/${source}/u` };
}

/** The `code.regExp` of Ajv: one engine for `pattern` and `patternProperties`, charging what it does. */
export function linearEngine(budget: CheckBudget): ((source: string) => Pattern) & { code: string } {
  return Object.assign((source: string) => linearPattern(source, budget), { code: 'linearPattern' });
}

function compile(source: string): RE2JS {
  if (/(^|[^\\])(\\\\)*\\([1-9]|k<)/.test(source)) {
    throw new PatternError('The pattern uses a back-reference, which is not supported; say it without.');
  }
  try {
    return RE2JS.compile(RE2JS.translateRegExp(source));
  } catch (thrown) {
    if (/\(\?<?[=!]/.test(source)) {
      throw new PatternError('The pattern uses look-around (`(?=`, `(?!`, `(?<=`, `(?<!`), which is not supported; say it without.');
    }
    const reason = thrown instanceof Error ? thrown.message.replace(/^error parsing regexp: /, '').slice(0, 120) : 'it cannot be read';
    throw new PatternError(`The pattern is not a valid regular expression (${reason}).`);
  }
}

/** Nested counts multiply, but the engine itself refuses a product over 1,000. */
function repeatsOf(source: string): number {
  let sum = 0;
  for (const [, low, high] of source.matchAll(/\{(\d+)(?:,(\d*))?\}/g)) sum += Math.max(Number(low), Number(high ?? 0));
  return sum;
}
