import { RE2JS } from 're2js';

import { invalidFilter } from './filter-error.ts';
import { functions, methods } from './filter-functions.ts';
import type { FilterFunction } from './filter-functions.ts';
import { compileLoop, loops } from './filter-loops.ts';
import { calculate, element, equal, failed, member, order, spend } from './filter-values.ts';
import type { FilterRun } from './filter-values.ts';

/** A compiled expression: gives a value or `failed`, never throws. */
export type FilterProgram = (run: FilterRun) => unknown;

/** A node of the parser's tree. Its operators and arguments are the parser's published ones; `args` is told apart by `op`. */
export interface ExpressionNode {
  readonly op: string;
  args: unknown;
  readonly start: number;
  readonly input: string;
}

/** Where an expression stands: the loop variables in sight, outermost first, and how many nodes were compiled so far. */
export interface FilterScope {
  readonly variables: readonly string[];
  readonly count: { nodes: number };
}

/** Instructions of a compiled pattern: what it costs per character grows with them. */
const MAX_PATTERN_SIZE = 500;

const attributes: Readonly<Record<string, FilterProgram>> = {
  id: (run) => run.event.id,
  source: (run) => run.event.source,
  type: (run) => run.event.type,
  subject: (run) => run.event.subject ?? '',
  time: (run) => run.event.time ?? '',
  datacontenttype: (run) => run.event.datacontenttype ?? '',
  dataschema: (run) => run.event.dataschema ?? '',
  address: (run) => run.event.address,
  ext: (run) => run.event.extensions,
  data: (run) => run.event.json() ?? null,
};

/** Makes functions of a parsed expression; throws INVALID_FILTER for what filters do not have. */
export function compileExpression(root: unknown): FilterProgram {
  return compileNode(root as ExpressionNode, { variables: [], count: { nodes: 0 } });
}

function compileNode(node: ExpressionNode, scope: FilterScope): FilterProgram {
  scope.count.nodes += 1;
  switch (node.op) {
    case 'value':
      return constant(node);
    case 'id':
      return variable(node, scope);
    case '.':
      return access(node, scope);
    case '[]':
      return binary(node, scope, (_run, value, key) => element(value, key));
    case 'list':
      return list(node, scope);
    case 'call':
      return functionCall(node, scope);
    case 'rcall':
      return methodCall(node, scope);
    case '?:':
      return choice(node, scope);
    case '&&':
      return junction(node, scope, false);
    case '||':
      return junction(node, scope, true);
    case '!_':
      return unary(node, scope, (value) => (typeof value === 'boolean' ? !value : failed));
    case '-_':
      return unary(node, scope, (value) => (typeof value === 'number' || typeof value === 'bigint' ? -value : failed));
    default:
      return operation(node, scope);
  }
}

function operation(node: ExpressionNode, scope: FilterScope): FilterProgram {
  const { op } = node;
  switch (op) {
    case '==':
      return equality(node, scope);
    case '!=': {
      const same = equality(node, scope);
      return (run) => negated(same(run));
    }
    case '<':
      return binary(node, scope, (run, a, b) => compared(order(run, a, b), (rank) => rank < 0));
    case '<=':
      return binary(node, scope, (run, a, b) => compared(order(run, a, b), (rank) => rank <= 0));
    case '>':
      return binary(node, scope, (run, a, b) => compared(order(run, a, b), (rank) => rank > 0));
    case '>=':
      return binary(node, scope, (run, a, b) => compared(order(run, a, b), (rank) => rank >= 0));
    case 'in':
      return membership(node, scope);
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return binary(node, scope, (run, a, b) => calculate(run, op, a, b));
    default:
      throw invalidFilter(op === 'map' ? 'filters have no map literals' : `filters have no ${op}`, node.input, node.start);
  }
}

function constant({ args, input, start }: ExpressionNode): FilterProgram {
  if (typeof args === 'object' && args !== null) throw invalidFilter('filters have no bytes and no unsigned numbers', input, start);
  return () => args;
}

function variable(node: ExpressionNode, { variables }: FilterScope): FilterProgram {
  const name = node.args as string;
  const slot = variables.lastIndexOf(name);
  if (slot >= 0) return (run) => run.slots[slot];
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (attribute === undefined) {
    throw invalidFilter(`there is no ${JSON.stringify(name)}; there are ${Object.keys(attributes).join(', ')}`, node.input, node.start);
  }
  // In the parser's type check `type` is the name of a function, so the attribute is declared as `type_`.
  if (name === 'type') node.args = 'type_';
  return attribute;
}

function access({ args }: ExpressionNode, scope: FilterScope): FilterProgram {
  const [object, key] = args as [ExpressionNode, string];
  const value = compileNode(object, scope);
  return (run) => member(value(run), key);
}

function list({ args }: ExpressionNode, scope: FilterScope): FilterProgram {
  const elements = (args as ExpressionNode[]).map((one) => compileNode(one, scope));
  return (run) => {
    const values: unknown[] = [];
    for (const one of elements) {
      const value = one(run);
      if (value === failed) return failed;
      values.push(value);
    }
    return values;
  };
}

function unary({ args }: ExpressionNode, scope: FilterScope, apply: (value: unknown) => unknown): FilterProgram {
  const operand = compileNode(args as ExpressionNode, scope);
  return (run) => apply(operand(run));
}

function binary({ args }: ExpressionNode, scope: FilterScope, apply: (run: FilterRun, a: unknown, b: unknown) => unknown): FilterProgram {
  const [left, right] = (args as [ExpressionNode, ExpressionNode]).map((one) => compileNode(one, scope)) as [FilterProgram, FilterProgram];
  return (run) => {
    const a = left(run);
    if (a === failed) return failed;
    const b = right(run);
    return b === failed ? failed : apply(run, a, b);
  };
}

function negated(value: unknown): unknown {
  return value === failed ? failed : !value;
}

function compared(rank: number | typeof failed, holds: (rank: number) => boolean): unknown {
  return rank === failed ? failed : holds(rank);
}

function equality(node: ExpressionNode, scope: FilterScope): FilterProgram {
  const [left, right] = node.args as [ExpressionNode, ExpressionNode];
  const text = right.op === 'value' && typeof right.args === 'string' ? right.args : undefined;
  if (text === undefined) return binary(node, scope, equal);
  scope.count.nodes += 1;
  const value = compileNode(left, scope);
  return (run) => {
    const found = value(run);
    return found === failed ? failed : found === text;
  };
}

function membership(node: ExpressionNode, scope: FilterScope): FilterProgram {
  const [wanted, range] = node.args as [ExpressionNode, ExpressionNode];
  const texts = range.op === 'list' ? (range.args as ExpressionNode[]).map(({ op, args }) => (op === 'value' ? args : undefined)) : [];
  if (texts.length === 0 || !texts.every((text) => typeof text === 'string')) return binary(node, scope, isIn);
  const known = new Set<unknown>(texts);
  const value = compileNode(wanted, scope);
  return (run) => {
    const found = value(run);
    return found === failed ? failed : known.has(found);
  };
}

function isIn(run: FilterRun, value: unknown, range: unknown): unknown {
  if (!Array.isArray(range)) {
    if (typeof range !== 'object' || range === null || range instanceof Date) return failed;
    return typeof value === 'string' && Object.hasOwn(range, value);
  }
  for (const one of range as unknown[]) {
    if (!spend(run, 1)) return failed;
    const same = equal(run, value, one);
    if (same !== false) return same;
  }
  return false;
}

function choice({ args }: ExpressionNode, scope: FilterScope): FilterProgram {
  const [condition, yes, no] = (args as ExpressionNode[]).map((one) => compileNode(one, scope)) as [
    FilterProgram,
    FilterProgram,
    FilterProgram,
  ];
  return (run) => {
    const value = condition(run);
    return value === true ? yes(run) : value === false ? no(run) : failed;
  };
}

/** `&&` (decided by false) and `||` (decided by true): the deciding value on either side outweighs a failure on the other. */
function junction({ args }: ExpressionNode, scope: FilterScope, decides: boolean): FilterProgram {
  const [left, right] = (args as ExpressionNode[]).map((one) => compileNode(one, scope)) as [FilterProgram, FilterProgram];
  return (run) => {
    const a = left(run);
    if (a === decides) return decides;
    const b = right(run);
    if (b === decides) return decides;
    return typeof a === 'boolean' && typeof b === 'boolean' ? !decides : failed;
  };
}

function functionCall(node: ExpressionNode, scope: FilterScope): FilterProgram {
  const [name, args] = node.args as [string, ExpressionNode[]];
  if (name === 'has') return presence(node, args, scope);
  const found = known(functions, name, args.length, node, 'function');
  const subject = compileNode(args[0] as ExpressionNode, scope);
  return (run) => {
    const value = subject(run);
    return value === failed ? failed : found.call(run, value);
  };
}

function presence(node: ExpressionNode, args: readonly ExpressionNode[], scope: FilterScope): FilterProgram {
  const [place] = args;
  if (args.length !== 1 || place?.op !== '.') throw invalidFilter('has() takes one member, as in has(data.name)', node.input, node.start);
  const value = compileNode(place, scope);
  return (run) => value(run) !== failed;
}

function methodCall(node: ExpressionNode, scope: FilterScope): FilterProgram {
  const [name, receiver, args] = node.args as [string, ExpressionNode, ExpressionNode[]];
  if (Object.hasOwn(loops, name)) return compileLoop(node, scope, compileNode);
  if (name === 'matches') return pattern(node, scope);
  const found = known(methods, name, args.length, node, 'method');
  const [subject, a, b] = [receiver, ...args].map((one) => compileNode(one, scope)) as [FilterProgram, FilterProgram?, FilterProgram?];
  return (run) => {
    const value = subject(run);
    const first = a?.(run);
    const second = b?.(run);
    return value === failed || first === failed || second === failed ? failed : found.call(run, value, first, second);
  };
}

function known(
  table: Readonly<Record<string, FilterFunction>>,
  name: string,
  given: number,
  node: ExpressionNode,
  word: string,
): FilterFunction {
  const found = Object.hasOwn(table, name) ? table[name] : undefined;
  if (found === undefined) {
    const more = word === 'function' ? ['has'] : ['matches', ...Object.keys(loops)];
    throw invalidFilter(`there is no ${word} ${name}(); there are ${[...more, ...Object.keys(table)].join(', ')}`, node.input, node.start);
  }
  if (!found.arity.includes(given))
    throw invalidFilter(`${name}() takes ${found.arity.join(' or ')} arguments, not ${given}`, node.input, node.start);
  return found;
}

/** `matches` with a pattern known beforehand, in linear time. */
function pattern(node: ExpressionNode, scope: FilterScope): FilterProgram {
  const [, receiver, [expression, ...rest]] = node.args as [string, ExpressionNode, ExpressionNode[]];
  if (expression?.op !== 'value' || typeof expression.args !== 'string' || rest.length > 0) {
    throw invalidFilter('matches() takes one pattern, written as text in the filter itself', node.input, expression?.start ?? node.start);
  }
  const compiled = compilePattern(expression, expression.args);
  const price = 1 + (compiled.programSize() >> 5);
  const subject = compileNode(receiver, scope);
  return (run) => {
    const text = subject(run);
    if (typeof text !== 'string' || !spend(run, 1 + (text.length >> 6) * price)) return failed;
    return compiled.test(text);
  };
}

function compilePattern({ input, start }: ExpressionNode, expression: string): RE2JS {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(expression);
  } catch (thrown) {
    throw invalidFilter('the pattern is not a regular expression (RE2 syntax)', input, start, thrown);
  }
  if (compiled.programSize() > MAX_PATTERN_SIZE)
    throw invalidFilter('the pattern is too large: use fewer or smaller repetitions', input, start);
  return compiled;
}
