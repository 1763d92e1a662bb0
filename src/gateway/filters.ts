import type { Filter } from '../core/batch.ts';
import { compileFilter } from './filter.ts';

/** Filters kept compiled: clients choose the expressions, so there must be an end. */
const maxFilters = 1000;

/** Compiled filters by expression, so that readers with equal filters share one and a reconnecting client costs no parsing. */
export class Filters {
  /** Least recently asked for first. */
  readonly #compiled = new Map<string, Filter>();

  get size(): number {
    return this.#compiled.size;
  }

  /** Throws INVALID_FILTER; undefined where there is no expression. */
  of(expression: string | undefined): Filter | undefined {
    if (expression === undefined) return undefined;
    const filter = this.#compiled.get(expression) ?? compileFilter(expression);
    this.#compiled.delete(expression);
    this.#compiled.set(expression, filter);
    if (this.#compiled.size > maxFilters) this.#compiled.delete(this.#compiled.keys().next().value as string);
    return filter;
  }
}
