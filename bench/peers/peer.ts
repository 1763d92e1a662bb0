import type { RunOptions } from '../harness/arguments.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import type { InstrumentOptions } from '../harness/instrument.ts';

/** A server that brings events to subscribers. */
export interface Peer {
  /** As `--only` and `--without` name it. */
  readonly name: string;
  /** Installs what is missing and starts it, bound to the server's core; rejects when it cannot be had. */
  start(bench: Benchmark): Promise<RunningPeer>;
}

export interface RunningPeer {
  readonly version: string;
  /** How the generator subscribes and publishes. */
  readonly fan: InstrumentOptions;
  /** How it publishes when it saturates: eight events a burst, by whatever this server takes at once. */
  readonly burst: InstrumentOptions;
  stop(): Promise<void>;
}

/** Events that come at once when a server is saturated: the same for every server. */
export const burstEvents = 8;

/** Events under way at most when a server is saturated: the same for every server. */
export function windowOf({ window = 2 * burstEvents }: RunOptions): number {
  return window;
}

/** A burst as one request or one write. */
export const oneBatch: InstrumentOptions = { batch: burstEvents };

/** A burst as one request, for a server that acknowledges: as many under way as fill the window, as with any client that does not wait. */
export function batchesUnderWay(options: RunOptions): InstrumentOptions {
  return { ...oneBatch, pubs: Math.ceil(windowOf(options) / burstEvents) };
}

/** A burst as so many requests on so many connections, for a server that takes one event a request. */
export function singlesUnderWay(options: RunOptions): InstrumentOptions {
  return { pubs: Math.ceil(windowOf(options) / 2) };
}
