import type { WindowUnit } from '../core/policy.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
/** 1970-01-05, the first Monday. */
const FIRST_MONDAY = 4 * DAY;

const fixed: Readonly<Record<Exclude<WindowUnit, 'month'>, { readonly length: number; readonly origin: number }>> = {
  second: { length: SECOND, origin: 0 },
  minute: { length: MINUTE, origin: 0 },
  hour: { length: HOUR, origin: 0 },
  day: { length: DAY, origin: 0 },
  week: { length: WEEK, origin: FIRST_MONDAY },
};

/** Start of the calendar window in UTC that holds `at`; weeks begin on Monday (ISO 8601). Milliseconds. */
export function windowStart(unit: WindowUnit, at: number): number {
  if (unit === 'month') {
    const date = new Date(at);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
  }
  const { length, origin } = fixed[unit];
  return Math.floor((at - origin) / length) * length + origin;
}

/** First millisecond after the window that begins at `start`. */
export function windowEnd(unit: WindowUnit, start: number): number {
  if (unit === 'month') {
    const date = new Date(start);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
  }
  return start + fixed[unit].length;
}

/** Minutes since 1970: what usage is kept by. */
export function minuteOf(at: number): number {
  return Math.floor(at / MINUTE);
}
