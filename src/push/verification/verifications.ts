import { hash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Database } from '../../store/database.ts';
import type { Resource, ResourceStore } from '../../store/resources.ts';
import { authenticatedSend } from '../authentication/authenticated-send.ts';
import type { Send } from '../authentication/token-source.ts';
import { holdReasons } from '../hold-reason.ts';
import type { PushTarget } from '../push-target.ts';
import { challengeCheck } from './challenge.ts';
import { allowedRate, cloudeventsCheck, originHeader } from './cloudevents-consent.ts';
import { signedPing } from './signed-ping.ts';
import { unverified, type Verdict, type VerificationCheck } from './verification-check.ts';
import {
  afterVerdict,
  forgetRecord,
  loadRecords,
  newRecord,
  putRecord,
  subjectOf,
  type VerificationPolicy,
  type VerificationRecord,
} from './verification-record.ts';

type Endpoint = Resource<'endpoint'>;

export interface VerificationsParts {
  readonly store: Pick<ResourceStore, 'list' | 'byId' | 'watch'>;
  readonly database: Pick<Database, 'query' | 'transact'>;
  readonly clock: Clock;
  readonly random: () => number;
  /** So many random bytes as text that a URL may hold. */
  readonly nonce: () => string;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  readonly send: Send;
  /** Throws GatewayError. */
  readonly targetOf: (endpoint: Endpoint) => PushTarget;
  /** DNS name under which Sluice asks CloudEvents receivers. */
  readonly origin: string;
  /** Where a CloudEvents receiver may consent later, and the part of that URL nobody can guess; undefined: it may not. */
  readonly callback: ConsentCallback | undefined;
  /** What may be delivered to an endpoint, by its id, has changed. */
  readonly onChange: (endpoint: string) => void;
  readonly onBug: (error: unknown) => void;
}

/** A URL for each endpoint and what it was asked; `tokenOf` gives the same for the same text, for ever. */
export interface ConsentCallback {
  readonly tokenOf: (text: string) => string;
  readonly urlOf: (endpoint: string, token: string) => string;
}

/** Receivers that are asked at once; the others wait for their turn. */
const mostAsked = 16;
/** So often, in so many milliseconds, somebody may have a receiver asked: nobody is to be called without end. */
const mostByHand = 10;
const byHandWithin = 60_000;
/** Milliseconds until a receiver is asked again after the store failed, or something of ours. */
const afterBug = 30_000;

/** Asks receivers whether they want deliveries, and keeps what they said: an endpoint that has not been verified is held. */
export class Verifications {
  readonly #parts: VerificationsParts;
  readonly #records = new Map<string, VerificationRecord>();
  /** When each is to be asked that is, in wall milliseconds; who was last put here is last. */
  readonly #due = new Map<string, number>();
  readonly #asking = new Map<string, Promise<VerificationRecord>>();
  /** Deliveries a minute with which a target was given out. */
  readonly #given = new WeakMap<Endpoint, number | undefined>();
  /** How often somebody has had an endpoint asked since when. */
  readonly #askedByHand = new Map<string, { readonly since: number; readonly times: number }>();
  readonly #abort = new AbortController();
  #stopWatching: (() => void) | undefined;
  #cancelWake: (() => void) | undefined;

  private constructor(parts: VerificationsParts) {
    this.#parts = parts;
  }

  /** With what earlier runs were told; nobody is asked before `start`. */
  static async open(parts: VerificationsParts): Promise<Verifications> {
    const verifications = new Verifications(parts);
    for (const record of await loadRecords(parts.database, parts.onBug)) verifications.#records.set(record.endpoint, record);
    return verifications;
  }

  start(): void {
    this.#stopWatching = this.#parts.store.watch((changes) => {
      const endpoints = changes.filter(({ resource }) => resource.kind === 'endpoint').map(({ resource }) => resource.id);
      if (endpoints.length > 0) this.#follow(endpoints);
    });
    this.#follow([...this.#parts.store.list('endpoint').map(({ id }) => id), ...this.#records.keys()]);
  }

  /** What is known of an endpoint as it is now; undefined where nothing is to be verified. The same object as long as nothing changes. */
  record(endpoint: Endpoint): VerificationRecord | undefined {
    const subject = subjectOf(endpoint, this.#parts.origin);
    if (subject === undefined) return undefined;
    const known = this.#records.get(endpoint.id);
    if (known?.subject === subject) return known;
    const fresh = newRecord(endpoint, subject, this.#parts.clock.now());
    // Somebody may still hold what the endpoint was before.
    if (this.#isAsked(endpoint.id, subject)) this.#records.set(endpoint.id, fresh);
    return fresh;
  }

  /** Why nothing may be delivered to it yet. */
  refusal(endpoint: Endpoint): GatewayError | undefined {
    const record = this.record(endpoint);
    if (record === undefined || record.state === 'verified') return undefined;
    const why = record.sentence === undefined ? '' : ` ${record.sentence}`;
    const details = { held: 'UNVERIFIED', asked: record.sentence !== undefined };
    return new GatewayError('CONFLICT', `${holdReasons.UNVERIFIED}${why}`, { details });
  }

  /** A target as its receiver has consented to it: with the header and the rate that go with that. Throws while it has not. */
  consented(endpoint: Endpoint, target: PushTarget): PushTarget {
    const refusal = this.refusal(endpoint);
    if (refusal !== undefined) throw refusal;
    const record = this.record(endpoint);
    this.#given.set(endpoint, record?.perMinute);
    if (record === undefined || endpoint.spec.verification !== 'cloudevents') return target;
    const allowed = record.perMinute === undefined ? undefined : record.perMinute / 60;
    return {
      ...target,
      headers: [...target.headers, [originHeader, this.#parts.origin]],
      perSecond: allowed === undefined ? target.perSecond : Math.min(allowed, target.perSecond ?? Infinity),
    };
  }

  /** Why a target that `consented` gave may not be delivered to any more. */
  change(endpoint: Endpoint): GatewayError | undefined {
    const refusal = this.refusal(endpoint);
    if (refusal !== undefined || this.#given.get(endpoint) === this.record(endpoint)?.perMinute) return refusal;
    return new GatewayError('CONFLICT', 'The receiver allows another rate than before.');
  }

  /** Asks now, also one that was asked before; an answer that is a no holds the endpoint. Rejects with CONFLICT where there is nothing to ask, LIMIT_REACHED when that was done ten times in a minute. */
  async verify(endpoint: Endpoint): Promise<VerificationRecord> {
    const record = this.record(endpoint);
    if (record === undefined)
      throw new GatewayError('CONFLICT', 'This endpoint has no verification: set it to challenge, cloudevents or signed-ping first.');
    if (!this.#asking.has(endpoint.id)) this.#countAsked(endpoint.id);
    return await this.#ask(endpoint, { ...record, tries: 0 });
  }

  /** The consent of a CloudEvents receiver that came to the callback, with its WebHook-Allowed-Rate; false: nobody was asked with this token. */
  async consent(id: string, token: string, rate: string | readonly string[] | undefined): Promise<boolean> {
    const { store, database, clock, callback, onChange } = this.#parts;
    const endpoint = store.byId('endpoint', id);
    const record = endpoint?.spec.verification === 'cloudevents' ? this.record(endpoint) : undefined;
    if (endpoint === undefined || record === undefined || callback === undefined) return false;
    if (!isSame(token, callback.tokenOf(`${id} ${record.subject}`))) return false;
    const verdict = allowedRate(rate);
    if (!verdict.isVerified) throw new GatewayError('BAD_REQUEST', verdict.sentence);
    // Who knows the URL may call it without end: what is known already is not written again.
    if (record.state === 'verified' && record.perMinute === verdict.perMinute) return true;
    const next = afterVerdict(record, verdict, { now: clock.now(), random: 0 });
    await database.transact([putRecord(next)]);
    if (this.#keep(record, next)) onChange(id);
    return true;
  }

  /** Ends questions under way, which count as not asked. */
  async close(): Promise<void> {
    this.#stopWatching?.();
    this.#cancelWake?.();
    this.#abort.abort();
    await Promise.allSettled(this.#asking.values());
  }

  /** These have changed: whether they are to be asked, and when. */
  #follow(ids: Iterable<string>): void {
    if (this.#abort.signal.aborted) return;
    const { store } = this.#parts;
    const gone = new Set<string>();
    for (const id of ids) {
      this.#due.delete(id);
      const endpoint = store.byId('endpoint', id);
      const record = endpoint && this.record(endpoint);
      if (record === undefined && this.#records.has(id) && !this.#asking.has(id)) gone.add(id);
      if (record?.nextAt !== undefined && endpoint?.spec.state === 'started') this.#due.set(id, record.nextAt);
    }
    this.#forget(gone);
    this.#look();
  }

  /** Asks whoever is to be asked by now, and sees to it that the others are in time. */
  #look(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    if (this.#abort.signal.aborted) return;
    const { clock, schedule } = this.#parts;
    const now = clock.now();
    let next = Infinity;
    for (const [id, at] of this.#due) {
      if (this.#asking.has(id)) continue;
      if (at > now) next = Math.min(next, at);
      else if (this.#asking.size < mostAsked) this.#askDue(id);
    }
    if (next !== Infinity) this.#cancelWake = schedule(next, () => this.#look());
  }

  #askDue(id: string): void {
    const endpoint = this.#parts.store.byId('endpoint', id);
    const record = endpoint && this.record(endpoint);
    if (endpoint === undefined || record === undefined) return;
    this.#ask(endpoint, record).catch((error: unknown) => this.#parts.onBug(error));
  }

  #forget(gone: ReadonlySet<string>): void {
    for (const id of gone) {
      this.#records.delete(id);
      this.#askedByHand.delete(id);
    }
    if (gone.size > 0) this.#parts.database.transact([...gone].map(forgetRecord)).catch((error: unknown) => this.#parts.onBug(error));
  }

  #countAsked(id: string): void {
    const now = this.#parts.clock.now();
    const last = this.#askedByHand.get(id);
    const { since, times } = last === undefined || now >= last.since + byHandWithin ? { since: now, times: 0 } : last;
    if (times >= mostByHand)
      throw new GatewayError('LIMIT_REACHED', `The receiver was asked ${times} times in the last minute; give it some time.`, {
        retryAfter: since + byHandWithin - now,
      });
    this.#askedByHand.set(id, { since, times: times + 1 });
  }

  /** Whoever asks while somebody does gets the same answer. */
  #ask(endpoint: Endpoint, record: VerificationRecord): Promise<VerificationRecord> {
    const under = this.#asking.get(endpoint.id);
    if (under !== undefined) return under;
    const asking = this.#answered(endpoint, record).finally(() => {
      this.#asking.delete(endpoint.id);
      this.#follow([endpoint.id]);
    });
    this.#asking.set(endpoint.id, asking);
    return asking;
  }

  async #answered(endpoint: Endpoint, record: VerificationRecord): Promise<VerificationRecord> {
    const { clock, random, database, onChange } = this.#parts;
    const before = this.#records.get(endpoint.id);
    try {
      const verdict = await this.#verdict(endpoint, record);
      if (this.#abort.signal.aborted) return record;
      const meanwhile = this.#records.get(endpoint.id);
      // Consent that came to the callback is not taken back by an answer that leaves it out.
      if (!verdict.isVerified && meanwhile !== before && meanwhile?.state === 'verified') return meanwhile;
      const next = afterVerdict(record, verdict, { now: clock.now(), random: random() });
      // What is not on disk does not hold.
      await database.transact([putRecord(next)]);
      if (this.#keep(record, next)) onChange(endpoint.id);
      return next;
    } catch (error) {
      this.#keep(record, { ...record, nextAt: clock.now() + afterBug });
      throw error;
    }
  }

  /** False: meanwhile the endpoint has become another, or is gone. */
  #keep({ endpoint, subject }: VerificationRecord, next: VerificationRecord): boolean {
    if (!this.#isAsked(endpoint, subject)) return false;
    this.#records.set(endpoint, next);
    // It is being asked, or has consented by itself.
    if (next.nextAt === undefined) this.#due.delete(endpoint);
    return true;
  }

  #isAsked(id: string, subject: string): boolean {
    const now = this.#parts.store.byId('endpoint', id);
    return now !== undefined && subjectOf(now, this.#parts.origin) === subject;
  }

  async #verdict(endpoint: Endpoint, record: VerificationRecord): Promise<Verdict> {
    const { targetOf, send, clock } = this.#parts;
    try {
      const target = targetOf(endpoint);
      const { request, judge } = this.#check(endpoint.spec.verification, target, record);
      const outcome = await authenticatedSend(target.authentication, { send, clock })({ ...request, signal: this.#abort.signal });
      return judge(outcome);
    } catch (error) {
      if (error instanceof GatewayError) return unverified(error.message);
      throw error;
    }
  }

  #check(policy: VerificationPolicy | undefined, target: PushTarget, { subject }: VerificationRecord): VerificationCheck {
    const { nonce, clock, origin, callback } = this.#parts;
    if (policy === 'challenge') return challengeCheck(target, nonce());
    if (policy === 'cloudevents') {
      const url = callback?.urlOf(target.id, callback.tokenOf(`${target.id} ${subject}`));
      return cloudeventsCheck(target, { origin, callback: url });
    }
    return signedPing(target, { nonce: nonce(), at: clock.now() });
  }
}

function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', expected, 'buffer'));
}
