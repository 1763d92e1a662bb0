import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import type { WebhookHeaders } from '../standard-webhooks/one-header.ts';
import type { Believing, Verdict } from '../standard-webhooks/verdict.ts';

/** A webhook as it came in. */
export interface WebhookRequest {
  readonly method: string;
  /** Absolute, letter for letter as the provider was given it: some sign it. */
  readonly url: string;
  readonly headers: WebhookHeaders;
  /** The bytes as they came, before any parsing. */
  readonly body: Buffer;
}

/** A webhook about to go out in a provider's format. */
export interface OutgoingWebhook {
  /** The same for every attempt. */
  readonly id: string;
  /** When this attempt is made, in Unix seconds. */
  readonly timestamp: number;
  readonly url: string;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

/** What events are given that the provider leaves out. */
export interface EventDefaults {
  /** CloudEvents source of what does not say where it comes from. */
  readonly source: string;
}

/** An answer that a provider wants before it sends events. */
export interface ChallengeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How one provider signs its webhooks and what its events are called here. Pure: all it is told comes in as arguments. */
export interface ProviderWebhook {
  /** By which configuration names it. */
  readonly name: string;
  /** Whether the signature covers the id in the verdict. Where it does not, a replayed request may come with another id. */
  readonly isIdSigned: boolean;
  /** What is wrong with a secret, as a sentence; undefined when it can be one. */
  secretFault(secret: string): string | undefined;
  /** Judges a request by any of the secrets, in constant time for each; never throws. */
  verify(request: WebhookRequest, secrets: readonly string[], believing: Believing): Verdict;
  /** The events in a request that `verify` believed, ids the same for every attempt. Throws CloudEventError. */
  toEvents(request: WebhookRequest, defaults: EventDefaults): readonly CloudEvent[];
  /**
   * The headers that sign a webhook in this format: by all secrets where the format has room for them, else by the first. Left out where
   * the signature is no header. Throws ProviderWebhookError or StandardWebhookError.
   */
  sign?(outgoing: OutgoingWebhook, secrets: readonly string[]): Readonly<Record<string, string>>;
  /** What to answer a believed request that asks for a proof instead of bringing events; undefined for all others. */
  challenge?(request: WebhookRequest): ChallengeAnswer | undefined;
}
