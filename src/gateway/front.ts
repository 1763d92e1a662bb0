import { systemClock } from '../core/clock.ts';
import type { Gateway } from '../core/entrypoint.ts';
import { DeskEntrypoint } from '../entrypoints/desk-entrypoint.ts';
import { HttpListener } from '../listeners/http.ts';
import type { KeyPair } from '../listeners/key-pair.ts';
import { entrypoints } from './registry.ts';

export interface FrontParts {
  readonly gateway: Gateway;
  /** A thrown bug, for the operator's log. */
  readonly onBug: (error: unknown) => void;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  /** Serve https instead of http. */
  readonly tls?: KeyPair | undefined;
}

/** Most sockets of one listener: what file descriptors and memory allow. */
const maxConnections = 100_000;

/** A listener with every protocol clients can speak; it does not listen yet. */
export function openFront({ gateway, onBug, schedule, tls }: FrontParts): HttpListener {
  const http = new HttpListener({ route: (path) => gateway.route(path), onBug, maxConnections, tls });
  new DeskEntrypoint({ gateway, http, isTls: tls !== undefined });
  for (const start of Object.values(entrypoints)) {
    start({ gateway, http, now: () => systemClock.now(), random: Math.random, schedule, onBug });
  }
  return http;
}
