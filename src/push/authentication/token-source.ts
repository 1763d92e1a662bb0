import type { Clock } from '../../core/clock.ts';
import { orEnded } from '../../outgoing/deadline.ts';
import type { OutgoingRequest } from '../../outgoing/http-sender.ts';
import type { Outcome } from '../../outgoing/outcome.ts';
import { readAccessToken } from './access-token.ts';
import { basicCredentials, type OAuthClient } from './authentication.ts';

/** The guarded door, or what stands before it. */
export type Send = (request: OutgoingRequest) => Promise<Outcome>;

export interface AccessToken {
  readonly text: string;
  /** Wall times in milliseconds. */
  readonly fetchedAt: number;
  readonly renewAt: number;
  readonly expiresAt: number;
}

/** Why there is no token, with what became of the request for it. */
export interface NoToken {
  readonly sentence: string;
  readonly outcome: Outcome;
}

interface TokenSourceParts {
  readonly client: OAuthClient;
  readonly send: Send;
  readonly clock: Clock;
}

/** Part of its life after which a token is renewed while it still serves. */
const renewAfter = 0.8;
/** Milliseconds for one answer of the token server. */
const timeout = 10_000;
/** Milliseconds after a failure in which the server is not asked again. */
const failurePause = 1_000;

/** The access token of one endpoint: kept while it lives, renewed before it ends, and asked for once however many wait for it. */
export class TokenSource {
  readonly #parts: TokenSourceParts;
  #token: AccessToken | undefined;
  #asking: Promise<AccessToken | NoToken> | undefined;
  #failed: { readonly until: number; readonly why: NoToken } | undefined;

  constructor(parts: TokenSourceParts) {
    this.#parts = parts;
  }

  /** A token that has not expired; rejects with the signal's reason where that comes first. */
  async take(signal: AbortSignal): Promise<AccessToken | NoToken> {
    const now = this.#parts.clock.now();
    const token = this.#token;
    // A clock that was set back must not keep a token alive.
    if (token === undefined || now >= token.expiresAt || now < token.fetchedAt) return await orEnded(this.#ask(now), signal);
    // Whoever needs the next one is told what became of it.
    if (now >= token.renewAt) this.#ask(now).catch(() => undefined);
    return token;
  }

  /** Another one than the one that was refused. */
  async replace(refused: AccessToken, signal: AbortSignal): Promise<AccessToken | NoToken> {
    if (this.#token === refused) this.#token = undefined;
    return await this.take(signal);
  }

  #ask(now: number): Promise<AccessToken | NoToken> {
    if (this.#asking !== undefined) return this.#asking;
    if (this.#failed !== undefined && now < this.#failed.until && now >= this.#failed.until - failurePause)
      return Promise.resolve(this.#failed.why);
    this.#asking = this.#fetch().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #fetch(): Promise<AccessToken | NoToken> {
    const { client, send, clock } = this.#parts;
    const fetchedAt = clock.now();
    const outcome = await send(tokenRequest(client));
    const granted = readAccessToken(outcome);
    if (typeof granted === 'string') {
      const why = { sentence: granted, outcome };
      this.#failed = { until: clock.now() + failurePause, why };
      return why;
    }
    this.#failed = undefined;
    const { text, lifetime } = granted;
    this.#token = { text, fetchedAt, renewAt: fetchedAt + lifetime * renewAfter, expiresAt: fetchedAt + lifetime };
    return this.#token;
  }
}

/** RFC 6749, section 4.4.2; `audience` is what several servers want besides. */
function tokenRequest({ tokenUrl, clientId, clientSecret, scope, audience, style }: OAuthClient): OutgoingRequest {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (scope !== undefined) form.set('scope', scope);
  if (audience !== undefined) form.set('audience', audience);
  if (style === 'post') {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  }
  // Section 2.3.1: both are encoded as in a form before they are put together.
  const credentials = basicCredentials(inForm(clientId), inForm(clientSecret));
  return {
    url: tokenUrl,
    method: 'POST',
    headers: [
      ['content-type', 'application/x-www-form-urlencoded'],
      ['accept', 'application/json'],
      ...(style === 'basic' ? [['authorization', credentials] as const] : []),
    ],
    body: Buffer.from(form.toString()),
    limits: { totalMs: timeout, answerMs: timeout },
  };
}

function inForm(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
