import type { WindowUnit } from '../core/policy.ts';

/** The calendar windows a limit may count over, shortest first. */
export const windowUnits: readonly WindowUnit[] = ['second', 'minute', 'hour', 'day', 'week', 'month'];

const fixedLength: Readonly<Record<Exclude<WindowUnit, 'month'>, number>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
};

/** Wall time in milliseconds at which the UTC window began that ends at `end`. */
export function windowStart(end: number, unit: WindowUnit): number {
  if (unit !== 'month') return end - fixedLength[unit];
  const date = new Date(end);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - 1, 1);
}

/** Wall time in milliseconds at which the window after the one that ends at `end` ends. */
export function nextWindowEnd(end: number, unit: WindowUnit): number {
  if (unit !== 'month') return end + fixedLength[unit];
  const date = new Date(end);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}
