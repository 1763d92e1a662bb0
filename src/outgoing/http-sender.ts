import { hash } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { AddressGuard } from './address-guard.ts';
import type { Connection, WireRequest } from './connection.ts';
import { Connector } from './connector.ts';
import { Deadline } from './deadline.ts';
import type { Answer, ExchangeLimits } from './exchange.ts';
import type { NameResolver } from './name-resolver.ts';
import { OriginPool } from './origin-pool.ts';
import { failureOf, OutgoingFailure } from './outgoing-failure.ts';
import { checkOutgoingUrl, type OutgoingUrl, type UrlRules } from './outgoing-url.ts';
import type { Outcome } from './outcome.ts';
import { Phases } from './phases.ts';
import { wireHeaders } from './request-headers.ts';

/** Certificates of one endpoint, PEM. They are part of what tells connections apart, so that two endpoints never share one. */
export interface TlsIdentity {
  /** Our certificate and its key, shown to a server that asks (mutual TLS). */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The authorities trusted in place of the well-known ones. */
  readonly ca?: string | undefined;
}

export interface SendLimits extends ExchangeLimits {
  /** Milliseconds for name, connection and TLS together. */
  readonly connectMs: number;
  /** Milliseconds for everything, the wait for a free connection included. */
  readonly totalMs: number;
}

export interface OutgoingRequest {
  readonly url: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined;
  /** Sent as it is, and not to be changed before the outcome is there. */
  readonly body?: Uint8Array | undefined;
  readonly limits?: Partial<SendLimits> | undefined;
  readonly tls?: TlsIdentity | undefined;
  readonly httpsOnly?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Asked when there is a connection and nothing was written: false ends it as `aborted`. What may take seconds has gone before. */
  readonly isWanted?: (() => boolean) | undefined;
}

interface HttpSenderOptions extends Pick<UrlRules, 'ports' | 'openedNames'> {
  readonly guard: AddressGuard;
  readonly resolver: NameResolver;
  /** Connections to one origin with one set of certificates. */
  readonly maxConnectionsPerOrigin?: number | undefined;
  /** Requests that may wait for one of them. */
  readonly maxWaitingPerOrigin?: number | undefined;
  /** Origins whose connections are kept; the one not used for the longest is closed first. */
  readonly maxOrigins?: number | undefined;
  /** Monotonic milliseconds. */
  readonly now?: (() => number) | undefined;
}

/** What one call of `send` has come to. */
interface Run {
  readonly phases: Phases;
  readonly limits: SendLimits;
  readonly signal: AbortSignal;
  readonly isWanted: OutgoingRequest['isWanted'];
  connection: Connection | undefined;
  resent: boolean;
}

const defaultLimits: SendLimits = { connectMs: 5_000, answerMs: 15_000, bodyMs: 5_000, totalMs: 20_000, maxBodyBytes: 16 * 1024 };
/** RFC 8996. */
const minVersion = 'TLSv1.2';

/**
 * The one door through which Sluice calls others over HTTP/1.1. Goes only where the guard allows, follows no redirect, and is
 * done in bounded time with bounded memory, whatever the other side does.
 */
export class HttpSender {
  readonly #rules: UrlRules;
  readonly #connector: Connector;
  readonly #maxConnections: number;
  readonly #maxWaiting: number;
  readonly #maxOrigins: number;
  readonly #now: () => number;
  /** By origin and certificates, the one used last at the end. */
  readonly #pools = new Map<string, OriginPool>();
  readonly #underWay = new Set<Deadline>();
  #publicContext: SecureContext | undefined;
  #isClosed = false;

  constructor(options: HttpSenderOptions) {
    const { guard, resolver, ports, openedNames } = options;
    this.#rules = { guard, ports, openedNames };
    this.#connector = new Connector({ guard, resolver });
    this.#maxConnections = options.maxConnectionsPerOrigin ?? 16;
    this.#maxWaiting = options.maxWaitingPerOrigin ?? 1_024;
    this.#maxOrigins = options.maxOrigins ?? 1_024;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Origins whose connections are kept now. */
  get origins(): number {
    return this.#pools.size;
  }

  /** Rejects only for a bug. Sends at most twice: again only when a connection used before turns out dead and no byte of an answer came. */
  async send(request: OutgoingRequest): Promise<Outcome> {
    const limits = { ...defaultLimits, ...request.limits };
    const late = (): OutgoingFailure => new OutgoingFailure('timeout', `It was not over within ${limits.totalMs / 1_000} s.`);
    const deadline = new Deadline(limits.totalMs, late, request.signal);
    const phases = new Phases(this.#now);
    const run: Run = { phases, limits, signal: deadline.signal, isWanted: request.isWanted, connection: undefined, resent: false };
    this.#underWay.add(deadline);
    try {
      if (this.#isClosed) throw stopping();
      const answer = await this.#sendWith(request, run);
      return { kind: 'answered', ...answer, ...factsOf(run) };
    } catch (thrown) {
      const failure = failureOf(thrown, run.phases.current);
      const { class: failureClass, message: sentence, reason, cause } = failure;
      return { kind: 'failed', class: failureClass, phase: run.phases.current, sentence, reason, cause, ...factsOf(run) };
    } finally {
      deadline.clear();
      this.#underWay.delete(deadline);
    }
  }

  /** Ends requests under way, which fail as `aborted`, and closes all connections. */
  close(): void {
    this.#isClosed = true;
    for (const deadline of this.#underWay) deadline.end(stopping());
    for (const pool of this.#pools.values()) pool.close();
    this.#pools.clear();
  }

  async #sendWith(request: OutgoingRequest, run: Run): Promise<Answer> {
    const checked = checkOutgoingUrl(request.url, { ...this.#rules, httpsOnly: request.httpsOnly });
    if ('refusal' in checked) throw new OutgoingFailure('blocked', checked.refusal.sentence, { reason: checked.refusal.reason });
    const { url } = checked;
    const wire: WireRequest = { method: request.method, path: url.path, headers: wireHeaders(request.headers ?? []), body: request.body };
    const pool = this.#poolOf(url, request.tls);
    try {
      return await exchangeOn(pool, wire, run, false);
    } catch (error) {
      if (!(error instanceof OutgoingFailure) || error.retry === undefined) throw error;
      run.resent = error.retry === 'stale';
      return await exchangeOn(pool, wire, run, true);
    }
  }

  #poolOf(url: OutgoingUrl, tls: TlsIdentity | undefined): OriginPool {
    const identity = url.isSecure ? identityOf(tls) : '';
    const key = `${url.origin} ${identity}`;
    const pool = this.#pools.get(key) ?? this.#newPool(url, identity === '' ? undefined : tls);
    this.#pools.delete(key);
    this.#pools.set(key, pool);
    return pool;
  }

  #newPool(url: OutgoingUrl, tls: TlsIdentity | undefined): OriginPool {
    if (this.#pools.size >= this.#maxOrigins && !this.#closeOne())
      throw new OutgoingFailure('overloaded', 'Too many hosts are being called at this moment.');
    return new OriginPool({
      url,
      connector: this.#connector,
      secureContext: url.isSecure ? this.#contextOf(tls) : undefined,
      maxConnections: this.#maxConnections,
      maxWaiting: this.#maxWaiting,
    });
  }

  /** Closes the pool that has been unused for the longest; false when all are in use. */
  #closeOne(): boolean {
    for (const [key, pool] of this.#pools) {
      if (!pool.isUnused) continue;
      pool.close();
      return this.#pools.delete(key);
    }
    return false;
  }

  #contextOf(tls: TlsIdentity | undefined): SecureContext {
    if (tls === undefined) return (this.#publicContext ??= createSecureContext({ minVersion }));
    try {
      return createSecureContext({ cert: tls.cert, key: tls.key, ca: tls.ca, minVersion });
    } catch (error) {
      throw new OutgoingFailure('tls', 'The certificate, its key or the authorities given for this endpoint cannot be used.', {
        cause: error,
      });
    }
  }
}

async function exchangeOn(pool: OriginPool, wire: WireRequest, run: Run, isFresh: boolean): Promise<Answer> {
  const { phases, limits, signal } = run;
  const connection = await pool.take({ isFresh, connectMs: limits.connectMs, phases, signal });
  run.connection = connection;
  try {
    if (run.isWanted?.() === false) throw new OutgoingFailure('aborted', 'When there was a connection it was not wanted any more.');
    return await connection.exchange(wire, run);
  } finally {
    pool.give(connection);
  }
}

/** Names the certificates; empty for none. */
function identityOf({ cert, key, ca }: TlsIdentity = {}): string {
  return cert === undefined && key === undefined && ca === undefined ? '' : hash('sha256', JSON.stringify([cert, key, ca]));
}

function factsOf({ phases, connection, resent }: Run): Pick<Outcome, 'timings' | 'remoteAddress' | 'reused' | 'resent'> {
  return { timings: phases.timings(), remoteAddress: connection?.remoteAddress, reused: connection?.isReused ?? false, resent };
}

function stopping(): OutgoingFailure {
  return new OutgoingFailure('aborted', 'Sluice is stopping.');
}
