import type { EventDraft } from '../core/event.ts';

/** A channel of a contract as permissions see it. */
export interface RuntimeChannel {
  readonly address: string;
  /** Clients may read. */
  readonly send: boolean;
  /** Clients may publish. */
  readonly receive: boolean;
}

export interface Violation {
  readonly path: string;
  readonly sentence: string;
}

/** A contract at work: routes, permissions and checks. */
export interface ContractRuntime {
  /** The channel a concrete address belongs to. */
  find(address: string): RuntimeChannel | undefined;
  /** Every channel a pattern can match. */
  findAll(pattern: string): readonly RuntimeChannel[];
  check(channel: RuntimeChannel, event: EventDraft): readonly Violation[] | undefined;
  /** The type of an event sent as plain JSON, where the channel has exactly one message. */
  defaultType(channel: RuntimeChannel): string | undefined;
}
