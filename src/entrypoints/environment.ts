import type { Gateway } from '../core/entrypoint.ts';
import type { HttpListener } from '../listeners/http.ts';

/** What every entrypoint is started with. */
export interface EntrypointEnvironment {
  readonly gateway: Gateway;
  readonly http: HttpListener;
  readonly now: () => number;
  /** A thrown bug, for the operator's log. */
  readonly onBug: (error: unknown) => void;
  /** 0 to 1: spreads what would otherwise come all at once. */
  readonly random: () => number;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
}
