import { GatewayError } from '../core/errors.ts';

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** Below it nothing is spared that the turns of the loop do not spare already. */
const minInterval = 50;
/** Above it a reader is better off asking for a page now and then. */
const maxInterval = 3_600_000;

/** The interval of a conflation in milliseconds, written as `250ms`, `1s`, `5m` or `1h`. Throws BAD_REQUEST. */
export function readInterval(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,7})(ms|s|m|h)$/.exec(text) ?? [];
  const interval = Number(digits) * (units[unit] ?? 0);
  if (interval >= minInterval && interval <= maxInterval) return interval;
  throw new GatewayError('BAD_REQUEST', 'conflate takes an interval from 50ms to 1h, as 250ms, 1s or 5m.');
}
