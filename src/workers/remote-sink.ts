import type { Reader, Sink } from '../core/entrypoint.ts';
import type { GatewayError } from '../core/errors.ts';
import type { WireFormat } from '../core/event.ts';
import { defaultFlush } from '../core/lane.ts';
import type { FlushBound } from '../core/policy.ts';
import type { Outgoing } from './outgoing.ts';

/** Says what there is to say to a sink besides events, in its place among them. */
export interface SinkVoice {
  holdSink(slot: number, error: GatewayError, until: number): void;
  endSink(slot: number, reason: GatewayError): void;
}

/** Stands on the main thread for the sink of a client whose socket a worker has. */
export class RemoteSink implements Sink {
  readonly format: WireFormat;
  readonly slot: number;
  /** Told when there is room again, once there is one. */
  reader: Reader | undefined;
  readonly #outgoing: Outgoing;
  readonly #voice: SinkVoice;

  constructor(format: WireFormat, slot: number, outgoing: Outgoing, voice: SinkVoice) {
    this.format = format;
    this.slot = slot;
    this.#outgoing = outgoing;
    this.#voice = voice;
  }

  write(buffer: Buffer, n: number): boolean {
    return this.#outgoing.hand(this, buffer, n);
  }

  /** How a busy worker may gather what it is handed. */
  get flush(): FlushBound {
    return this.reader?.governor?.flush ?? defaultFlush;
  }

  get buffered(): number {
    return this.#outgoing.buffered(this.slot);
  }

  hold(error: GatewayError, until: number): void {
    this.#voice.holdSink(this.slot, error, until);
  }

  end(reason: GatewayError): void {
    this.#voice.endSink(this.slot, reason);
  }
}
