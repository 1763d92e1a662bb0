import type { Event } from '../core/event.ts';

/** The value of what cannot be evaluated on this event: a missing member, an operand of the wrong type, a budget used up. */
export const failed: unique symbol = Symbol('failed');

/** One evaluation: the event, what it has cost so far, and the values of loop variables by nesting. */
export interface FilterRun {
  event: Event;
  spent: number;
  readonly slots: unknown[];
}

/**
 * Most units one event may cost: about a visited node of a loop or some hundred characters of text each. A filter runs for every
 * event on the thread that serves everybody, so a client must not be able to buy more than a few milliseconds with one event.
 */
export const MAX_COST = 20_000;

/** Deeper than this two values are not compared. */
const MAX_EQUAL_DEPTH = 64;

const MAX_INT = 9_223_372_036_854_775_807n;
const MIN_INT = -9_223_372_036_854_775_808n;

/** False when the budget is used up. */
export function spend(run: FilterRun, units: number): boolean {
  run.spent += units;
  return run.spent <= MAX_COST;
}

/** A value's own member; nothing inherited can be named. */
export function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key)) return failed;
  return (value as Readonly<Record<string, unknown>>)[key];
}

/** `value[key]` of lists by number and of maps by text. */
export function element(value: unknown, key: unknown): unknown {
  if (typeof key === 'string') return member(value, key);
  if (!Array.isArray(value) || (typeof key !== 'bigint' && typeof key !== 'number')) return failed;
  const index = Number(key);
  return Number.isInteger(index) && index >= 0 && index < value.length ? (value[index] as unknown) : failed;
}

/** Equality over all types: values of different kinds are different, numbers are compared as numbers. */
export function equal(run: FilterRun, a: unknown, b: unknown, depth = 0): boolean | typeof failed {
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length !== b.length) return false;
    return a.length < 1_024 || spend(run, a.length >> 8) ? a === b : failed;
  }
  if (a === b) return true;
  if (isNumber(a) && isNumber(b)) return a == b; // oxlint-disable-line eqeqeq -- the only operator that compares bigint with number
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Date || b instanceof Date) return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  if (depth > MAX_EQUAL_DEPTH || !spend(run, 1)) return failed;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && equalLists(run, a, b, depth);
  return equalMaps(run, a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>, depth);
}

function equalLists(run: FilterRun, a: readonly unknown[], b: readonly unknown[], depth: number): boolean | typeof failed {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) {
    if (!spend(run, 1)) return failed;
    const same = equal(run, a[index], b[index], depth + 1);
    if (same !== true) return same;
  }
  return true;
}

function equalMaps(
  run: FilterRun,
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
  depth: number,
): boolean | typeof failed {
  const keys = Object.keys(a);
  if (!spend(run, keys.length)) return failed;
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key)) return false;
    const same = equal(run, a[key], b[key], depth + 1);
    if (same !== true) return same;
  }
  return true;
}

/** Negative, 0 or positive; NaN when a NaN is compared; failed when the two have no order. */
export function order(run: FilterRun, a: unknown, b: unknown): number | typeof failed {
  if (isNumber(a) && isNumber(b)) return ranked(a, b);
  if (typeof a === 'string' && typeof b === 'string') {
    return spend(run, Math.min(a.length, b.length) >> 8) ? ranked(a, b) : failed;
  }
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  return failed;
}

function ranked(a: number | bigint | string, b: number | bigint | string): number {
  if (a < b) return -1;
  if (a > b) return 1;
  return a == b ? 0 : Number.NaN; // oxlint-disable-line eqeqeq -- the only operator that compares bigint with number
}

/** `+ - * / %`: whole numbers stay within 64 bits; a whole number and a double give a double, as data knows only doubles. */
export function calculate(run: FilterRun, operator: string, a: unknown, b: unknown): unknown {
  if (typeof a === 'bigint' && typeof b === 'bigint') return calculateWhole(operator, a, b);
  if (isNumber(a) && isNumber(b)) return calculateDouble(operator, Number(a), Number(b));
  if (operator !== '+') return failed;
  if (typeof a === 'string' && typeof b === 'string') return spend(run, 1 + ((a.length + b.length) >> 6)) ? a + b : failed;
  if (Array.isArray(a) && Array.isArray(b))
    return spend(run, 1 + a.length + b.length) ? [...(a as unknown[]), ...(b as unknown[])] : failed;
  return failed;
}

function calculateWhole(operator: string, a: bigint, b: bigint): bigint | typeof failed {
  if (b === 0n && (operator === '/' || operator === '%')) return failed;
  const result = operator === '+' ? a + b : operator === '-' ? a - b : operator === '*' ? a * b : operator === '/' ? a / b : a % b;
  return whole(result);
}

function calculateDouble(operator: string, a: number, b: number): number {
  return operator === '+' ? a + b : operator === '-' ? a - b : operator === '*' ? a * b : operator === '/' ? a / b : a % b;
}

/** A whole number when it has at most 64 bits. */
export function whole(value: bigint): bigint | typeof failed {
  return value <= MAX_INT && value >= MIN_INT ? value : failed;
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
