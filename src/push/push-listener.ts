import type { GatewayError } from '../core/errors.ts';
import type { Resource } from '../store/resources.ts';
import type { Transition } from './failing-state.ts';

/** What becomes of endpoints, for the operator's log and the owner's notices. */
export interface PushListener {
  /** It changed between started, failing and stopped. */
  moved(endpoint: Resource<'endpoint'>, transition: Transition): void;
  /** It cannot be delivered to for a reason of its configuration, its subscription or its reader. */
  refused(endpoint: Resource<'endpoint'>, error: GatewayError): void;
  /** It may have room for dead letters again: half of what it may owe is free, or it begins to be delivered to. */
  hasRoom?(endpoint: string): void;
  bug(error: unknown): void;
}
