import { CheckBudget } from './check-budget.ts';
import { linearPattern } from './linear-pattern.ts';

/** Patterns of one schema, each compiled once, with a common bound on the work of all matches. */
export class PatternCache {
  readonly #budget = new CheckBudget();
  readonly #compiled = new Map<string, ReturnType<typeof linearPattern>>();

  /** Throws TooExpensive when the work of all calls together is too much, and PatternError for a pattern that cannot be used. */
  matches(pattern: string, text: string): boolean {
    let compiled = this.#compiled.get(pattern);
    if (compiled === undefined) {
      compiled = linearPattern(pattern, this.#budget);
      this.#compiled.set(pattern, compiled);
    }
    return compiled.test(text);
  }
}
