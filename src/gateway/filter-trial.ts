import type { Event } from '../core/event.ts';
import { checkFilter } from './filter.ts';
import { compileExpression, type FilterProgram } from './filter-program.ts';
import { failed, MAX_COST, type FilterRun } from './filter-values.ts';

/** What a filter makes of one event; a fault, which lets the event pass over as `no` does, says why in a sentence. */
export type TrialResult = 'yes' | 'no' | { readonly fault: string };

interface Member {
  /** As written: `data.user.name`. */
  readonly text: string;
  readonly program: FilterProgram;
}

/** A filter that says why it fails where it does; throws INVALID_FILTER with line and column. */
export function tryFilter(expression: string): (event: Event) => TrialResult {
  const { tree, program } = checkFilter(expression);
  const members = membersOf(tree);
  return (event) => {
    const run: FilterRun = { event, spent: 0, slots: [] };
    const value = program(run);
    if (run.spent > MAX_COST) return { fault: 'It costs more on this event than a filter may.' };
    if (typeof value === 'boolean') return value ? 'yes' : 'no';
    if (value !== failed) return { fault: `The result is ${kindOf(value)}, not true or false.` };
    const missing = members.find((member) => member.program({ event, spent: 0, slots: [] }) === failed);
    if (missing !== undefined) return { fault: `The event has no ${missing.text}.` };
    return { fault: 'Two values do not fit together, such as a text that is compared with a number.' };
  };
}

/** The members of data and extensions that an expression names, outer ones first, without those it only asks for with `has`. */
function membersOf(tree: unknown): readonly Member[] {
  const found = new Map<string, Member>();
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) for (const one of part) visit(one);
    if (!isNode(part)) return;
    const { op, args } = part;
    if (op === 'call' && Array.isArray(args) && args[0] === 'has') return;
    visit(args);
    const text = pathOf(part);
    if (text?.includes('.') === true && !found.has(text)) found.set(text, { text, program: compileExpression(part) });
  };
  visit(tree);
  return [...found.values()];
}

interface Node {
  readonly op: string;
  readonly args: unknown;
}

function isNode(part: unknown): part is Node {
  return typeof part === 'object' && part !== null && 'op' in part && 'args' in part;
}

function pathOf({ op, args }: Node): string | undefined {
  if (op === 'id') return args === 'data' || args === 'ext' ? args : undefined;
  if (op !== '.' || !Array.isArray(args) || !isNode(args[0])) return undefined;
  const outer = pathOf(args[0]);
  return outer && `${outer}.${String(args[1])}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'a text';
  return typeof value === 'number' || typeof value === 'bigint' ? 'a number' : 'a map';
}
