import { failed, spend, whole } from './filter-values.ts';
import type { FilterRun } from './filter-values.ts';

/** A function of a filter: gets values that did not fail, gives `failed` for arguments of the wrong type. */
export interface FilterFunction {
  /** How many arguments it takes, without the receiver. */
  readonly arity: readonly number[];
  readonly call: (run: FilterRun, subject: unknown, a?: unknown, b?: unknown) => unknown;
}

/** Functions called as `name(value)`. */
export const functions: Readonly<Record<string, FilterFunction>> = {
  size: { arity: [1], call: size },
  string: { arity: [1], call: toText },
  int: { arity: [1], call: toInt },
  double: { arity: [1], call: toDouble },
  bool: { arity: [1], call: toBool },
  timestamp: { arity: [1], call: toTimestamp },
  dyn: { arity: [1], call: (_run, value) => value },
};

/** Functions called as `value.name(…)`. */
export const methods: Readonly<Record<string, FilterFunction>> = {
  size: { arity: [0], call: size },
  startsWith: { arity: [1], call: (_run, text, part) => (bothText(text, part) ? (text as string).startsWith(part as string) : failed) },
  endsWith: { arity: [1], call: (_run, text, part) => (bothText(text, part) ? (text as string).endsWith(part as string) : failed) },
  contains: { arity: [1], call: (run, text, part) => (searchable(run, text, part) ? (text as string).includes(part as string) : failed) },
  indexOf: {
    arity: [1],
    call: (run, text, part) => (searchable(run, text, part) ? BigInt((text as string).indexOf(part as string)) : failed),
  },
  lastIndexOf: {
    arity: [1],
    call: (run, text, part) => (searchable(run, text, part) ? BigInt((text as string).lastIndexOf(part as string)) : failed),
  },
  substring: { arity: [1, 2], call: substring },
  trim: { arity: [0], call: (run, text) => (affordable(run, text) ? text.trim() : failed) },
  lowerAscii: { arity: [0], call: (run, text) => (affordable(run, text) ? text.replace(/[A-Z]+/g, (part) => part.toLowerCase()) : failed) },
  upperAscii: { arity: [0], call: (run, text) => (affordable(run, text) ? text.replace(/[a-z]+/g, (part) => part.toUpperCase()) : failed) },
  getFullYear: ofTime((time) => time.getUTCFullYear()),
  getMonth: ofTime((time) => time.getUTCMonth()),
  getDate: ofTime((time) => time.getUTCDate()),
  getDayOfMonth: ofTime((time) => time.getUTCDate() - 1),
  getDayOfWeek: ofTime((time) => time.getUTCDay()),
  getHours: ofTime((time) => time.getUTCHours()),
  getMinutes: ofTime((time) => time.getUTCMinutes()),
  getSeconds: ofTime((time) => time.getUTCSeconds()),
};

function bothText(text: unknown, part: unknown): boolean {
  return typeof text === 'string' && typeof part === 'string';
}

/** Searching costs up to the product of both lengths, so the price does too. */
function searchable(run: FilterRun, text: unknown, part: unknown): boolean {
  if (typeof text !== 'string' || typeof part !== 'string') return false;
  return spend(run, 1 + Math.floor((text.length * (1 + (part.length >> 4))) / 512));
}

function affordable(run: FilterRun, text: unknown): text is string {
  return typeof text === 'string' && spend(run, 1 + (text.length >> 6));
}

/** Code points of a text, elements of a list, members of a map. */
function size(run: FilterRun, value: unknown): unknown {
  if (Array.isArray(value)) return BigInt(value.length);
  if (typeof value === 'string') {
    if (!affordable(run, value)) return failed;
    let points = 0;
    for (let index = 0; index < value.length; index += (value.codePointAt(index) ?? 0) > 0xff_ff ? 2 : 1) points++;
    return BigInt(points);
  }
  if (typeof value !== 'object' || value === null || value instanceof Date) return failed;
  const { length } = Object.keys(value);
  return spend(run, length >> 2) ? BigInt(length) : failed;
}

function substring(_run: FilterRun, text: unknown, start: unknown, end?: unknown): unknown {
  if (typeof text !== 'string') return failed;
  const from = Number(start);
  const to = end === undefined ? text.length : Number(end);
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || from > to || to > text.length) return failed;
  return text.slice(from, to);
}

function toText(_run: FilterRun, value: unknown): unknown {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  return value instanceof Date ? value.toISOString() : failed;
}

function toInt(_run: FilterRun, value: unknown): unknown {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? whole(BigInt(Math.trunc(value))) : failed;
  if (typeof value === 'string') return /^[+-]?\d{1,19}$/.test(value) ? whole(BigInt(value.replace('+', ''))) : failed;
  return value instanceof Date ? BigInt(Math.floor(value.getTime() / 1_000)) : failed;
}

function toDouble(_run: FilterRun, value: unknown): unknown {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'string' && value.length <= 40 && /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value) ? Number(value) : failed;
}

function toBool(_run: FilterRun, value: unknown): unknown {
  if (typeof value === 'boolean') return value;
  return value === 'true' ? true : value === 'false' ? false : failed;
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

function toTimestamp(_run: FilterRun, value: unknown): unknown {
  if (value instanceof Date) return value;
  const time =
    typeof value === 'string'
      ? rfc3339.test(value)
        ? Date.parse(value)
        : Number.NaN
      : typeof value === 'bigint'
        ? Number(value) * 1_000
        : Number.NaN;
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? failed : date;
}

function ofTime(part: (time: Date) => number): FilterFunction {
  return { arity: [0], call: (_run, time) => (time instanceof Date ? BigInt(part(time)) : failed) };
}
