import { Environment } from '@marcbachmann/cel-js';

import type { Filter } from '../core/batch.ts';
import { GatewayError } from '../core/errors.ts';
import type { Event } from '../core/event.ts';
import { invalidFilter } from './filter-error.ts';
import { compileExpression, type FilterProgram } from './filter-program.ts';
import { MAX_COST } from './filter-values.ts';
import type { FilterRun } from './filter-values.ts';

const MAX_CHARACTERS = 1_024;

/** What the parser lets through at all: far more than a person writes, far less than what is slow to check. */
const limits = { maxAstNodes: 400, maxDepth: 32, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 4 };

/** Declares the variables for the type check; `type` is taken there, so the attribute stands under another name. */
const environment = new Environment({ limits })
  .registerVariable('type_', 'string')
  .registerVariable('id', 'string')
  .registerVariable('source', 'string')
  .registerVariable('subject', 'string')
  .registerVariable('time', 'string')
  .registerVariable('datacontenttype', 'string')
  .registerVariable('dataschema', 'string')
  .registerVariable('address', 'string')
  .registerVariable('ext', 'map<string, dyn>')
  .registerVariable('data', 'dyn');

// CEL keeps whole numbers and doubles apart; JSON does not, so a filter may mix them. Nothing here is evaluated by the parser's package.
const never = (): never => {
  throw new Error('only the types of this operator are used');
};
environment.registerOperator('int == double: bool', never).registerOperator('double % double: double', never);
for (const operator of ['+', '-', '*', '/', '%']) {
  environment.registerOperator(`int ${operator} double: double`, never).registerOperator(`double ${operator} int: double`, never);
}

/** An expression that was read and checked: its tree, and what evaluates it. */
export interface CheckedFilter {
  readonly tree: unknown;
  readonly program: FilterProgram;
}

/** A CEL expression as a filter; throws INVALID_FILTER with line and column. docs/reference/filters.md says what it may use. */
export function compileFilter(expression: string): Filter {
  const { program } = checkFilter(expression);
  const run: FilterRun = { event: undefined as unknown as Event, spent: 0, slots: [] };
  return {
    key: expression,
    test: (event) => {
      run.event = event;
      run.spent = 0;
      return program(run) === true && run.spent <= MAX_COST;
    },
  };
}

/** Throws INVALID_FILTER with line and column. */
export function checkFilter(expression: string): CheckedFilter {
  if (expression.length > MAX_CHARACTERS) {
    throw new GatewayError('INVALID_FILTER', `The filter has ${expression.length} characters; at most ${MAX_CHARACTERS} are allowed.`);
  }
  try {
    const parsed = environment.parse(expression);
    const program = compileExpression(parsed.ast);
    const { valid, type, error } = parsed.check();
    if (!valid) throw error ?? new Error('the type check failed without a reason');
    if (type !== 'bool' && type !== 'dyn') throw invalidFilter(`the result must be true or false, not ${type}`, expression, 0);
    return { tree: parsed.ast, program };
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    const { summary, range } = thrown as { readonly summary?: string; readonly range?: { readonly start: number } };
    throw invalidFilter(summary ?? 'it cannot be read', expression, range?.start ?? 0, thrown);
  }
}
