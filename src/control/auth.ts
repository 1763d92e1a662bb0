import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { hashApiKey } from '../store/api-key.ts';
import type { Resource, ResourceStore } from '../store/resources.ts';
import { FailedAttempts } from './failed-attempts.ts';

/** Longer ones are not looked at. */
const maxCredentialLength = 512;

interface AuthenticationParts {
  readonly clock: Clock;
  readonly store: ResourceStore;
  readonly adminToken: string;
}

/** What a request shows of who sends it. */
export interface Presented {
  readonly authorization: string | undefined;
  readonly apiKey: string | undefined;
  readonly remote: string;
}

/** An application and the valid key by which it is known. */
export interface Caller {
  readonly application: Resource<'application'>;
  readonly credential: Resource<'credential'>;
}

/** Tells administrators and applications from strangers; throws UNAUTHENTICATED, or LIMIT_REACHED for those who guess. */
export class Authentication {
  readonly #parts: AuthenticationParts;
  readonly #expected: Buffer;
  readonly #failures: FailedAttempts;
  #listed: readonly Resource<'credential'>[] = [];
  #byHash: ReadonlyMap<string, Resource<'credential'>> = new Map();

  constructor(parts: AuthenticationParts) {
    this.#parts = parts;
    this.#expected = digest(parts.adminToken);
    this.#failures = new FailedAttempts(parts.clock);
  }

  requireAdmin(presented: Presented): void {
    if (!this.#isAdmin(presented)) throw this.#refused(presented, 'This needs the admin token: Authorization: Bearer <token>.');
  }

  /** The application whose valid API key this is. */
  requireApplication(presented: Presented): Caller {
    const caller = this.#callerOf(presented);
    if (caller !== undefined) return caller;
    throw this.#refused(presented, "This needs an application's API key: X-API-Key, or Authorization: Bearer <key>.");
  }

  /** The application whose valid API key this is; undefined for an administrator. */
  requireOwner(presented: Presented): Caller | undefined {
    if (this.#isAdmin(presented)) return undefined;
    const caller = this.#callerOf(presented);
    if (caller !== undefined) return caller;
    throw this.#refused(presented, "This needs the admin token, or an application's API key: Authorization: Bearer <token or key>.");
  }

  #isAdmin({ authorization }: Presented): boolean {
    const token = bearerOf(authorization);
    // Digests have one length and differ everywhere, so the time of the comparison says nothing about the token.
    return token !== undefined && timingSafeEqual(digest(token), this.#expected);
  }

  #callerOf({ apiKey, authorization }: Presented): Caller | undefined {
    const key = apiKey ?? bearerOf(authorization);
    if (key === undefined || key.length > maxCredentialLength) return undefined;
    const hash = hashApiKey(key);
    const { store, clock } = this.#parts;
    const credential = this.#credentialOf(hash);
    if (credential === undefined || credential.spec.revokedAt !== undefined || (credential.spec.expiresAt ?? Infinity) <= clock.now())
      return undefined;
    const application = store.get('application', credential.parent, '', credential.tenant);
    return application === undefined ? undefined : { application, credential };
  }

  /** Looked up by what is kept as long as no credential changes. */
  #credentialOf(hash: string): Resource<'credential'> | undefined {
    const all = this.#parts.store.list('credential');
    if (all !== this.#listed) {
      this.#listed = all;
      this.#byHash = new Map(all.toReversed().map((credential) => [credential.spec.hash, credential]));
    }
    return this.#byHash.get(hash);
  }

  /** Only what is wrong waits: whoever has the right credential is let in, whatever others at the same address try. */
  #refused({ remote, apiKey, authorization }: Presented, sentence: string): GatewayError {
    if (apiKey === undefined && bearerOf(authorization) === undefined) return new GatewayError('UNAUTHENTICATED', sentence);
    const retryAfter = this.#failures.wait(remote);
    if (retryAfter > 0)
      return new GatewayError('LIMIT_REACHED', 'Too many wrong credentials came from your address; wait before you try again.', {
        retryAfter,
      });
    this.#failures.failed(remote);
    return new GatewayError('UNAUTHENTICATED', sentence);
  }
}

function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > maxCredentialLength) return undefined;
  return /^Bearer +([^ ]+) *$/i.exec(authorization)?.[1];
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
