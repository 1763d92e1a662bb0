import type { Benchmark } from '../harness/benchmark.ts';
import type { InstrumentOptions } from '../harness/instrument.ts';

/** A server that acknowledges an event once it is on the disk. */
export interface DurablePeer {
  readonly name: string;
  start(bench: Benchmark): Promise<RunningDurablePeer>;
}

export interface RunningDurablePeer {
  readonly version: string;
  /** How the generator publishes. */
  readonly post: InstrumentOptions;
  stop(): Promise<void>;
}
