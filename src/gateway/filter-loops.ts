import { invalidFilter } from './filter-error.ts';
import type { ExpressionNode, FilterProgram, FilterScope } from './filter-program.ts';
import { failed, MAX_COST, spend } from './filter-values.ts';
import type { FilterRun } from './filter-values.ts';

/** What a loop does with its elements: `step` evaluates the body for one of them. */
type Loop = (
  run: FilterRun,
  items: readonly unknown[],
  step: (item: unknown) => unknown,
  transform: ((item: unknown) => unknown) | undefined,
) => unknown;

/** Loops nested deeper than this are refused; no filter on one event needs more. */
const MAX_NESTING = 3;

/** The loops of filters, by the name of the method. */
export const loops: Readonly<Record<string, Loop>> = {
  all: (run, items, step) => quantified(run, items, step, false),
  exists: (run, items, step) => quantified(run, items, step, true),
  exists_one: (_run, items, step) => {
    let found = 0;
    for (const item of items) {
      const holds = step(item);
      if (typeof holds !== 'boolean') return failed;
      if (holds) found += 1;
    }
    return found === 1;
  },
  filter: (_run, items, step) => collected(items, step, (item) => item),
  map: (_run, items, step, transform) => (transform === undefined ? collected(items, () => true, step) : collected(items, step, transform)),
};

/** Compiles `range.name(variable, body)` and `range.map(variable, condition, body)`; maps are walked by their keys. */
export function compileLoop(
  node: ExpressionNode,
  scope: FilterScope,
  compileNode: (node: ExpressionNode, scope: FilterScope) => FilterProgram,
): FilterProgram {
  const [name, receiver, args] = node.args as [string, ExpressionNode, ExpressionNode[]];
  const [variable, body, transform] = args;
  const slot = scope.variables.length;
  if (variable?.op !== 'id' || body === undefined || args.length > (name === 'map' ? 3 : 2)) {
    throw invalidFilter(`${name}() takes a variable and an expression, as in data.items.${name}(item, …)`, node.input, node.start);
  }
  if (slot >= MAX_NESTING) throw invalidFilter(`loops may be nested ${MAX_NESTING} deep`, node.input, node.start);
  const range = compileNode(receiver, scope);
  const inner = { ...scope, variables: [...scope.variables, variable.args as string] };
  const before = scope.count.nodes;
  const first = compileNode(body, inner);
  const second = transform && compileNode(transform, inner);
  const price = 1 + scope.count.nodes - before;
  const loop = loops[name] as Loop;
  return (run) => {
    const items = itemsOf(run, range(run));
    if (items === failed) return failed;
    const bound = (program: FilterProgram) => (item: unknown) => {
      run.slots[slot] = item;
      return program(run);
    };
    const step = bound(first);
    return loop(run, items, (item) => (spend(run, price) ? step(item) : failed), second && bound(second));
  };
}

function itemsOf(run: FilterRun, range: unknown): readonly unknown[] | typeof failed {
  if (Array.isArray(range)) return range as unknown[];
  if (typeof range !== 'object' || range === null || range instanceof Date) return failed;
  const keys = Object.keys(range);
  return spend(run, keys.length >> 2) ? keys : failed;
}

/** An element that decides outweighs others that fail. */
function quantified(run: FilterRun, items: readonly unknown[], step: (item: unknown) => unknown, decides: boolean): unknown {
  let broken = false;
  for (const item of items) {
    const holds = step(item);
    if (holds === decides) return decides;
    if (run.spent > MAX_COST) return failed;
    if (typeof holds !== 'boolean') broken = true;
  }
  return broken ? failed : !decides;
}

function collected(items: readonly unknown[], keep: (item: unknown) => unknown, make: (item: unknown) => unknown): unknown {
  const made: unknown[] = [];
  for (const item of items) {
    const wanted = keep(item);
    if (typeof wanted !== 'boolean') return failed;
    if (!wanted) continue;
    const value = make(item);
    if (value === failed) return failed;
    made.push(value);
  }
  return made;
}
