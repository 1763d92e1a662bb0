import type { RecordWithTtl } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import type { Clock } from '../core/clock.ts';
import { openingHint, type AddressGuard } from './address-guard.ts';
import { Deadline, orEnded } from './deadline.ts';
import { isLocalhost } from './host-names.ts';
import type { HostsFile } from './hosts-file.ts';
import { OutgoingFailure } from './outgoing-failure.ts';
import { Slots } from './slots.ts';

interface NameResolverOptions {
  readonly guard: AddressGuard;
  readonly clock: Clock;
  /** Name servers, `address` or `address:port`; those of the system when left out. */
  readonly servers?: readonly string[] | undefined;
  /** Its names come before those of the name servers. */
  readonly hostsFile?: HostsFile | undefined;
  /** Milliseconds until a lookup that has no answer has failed. */
  readonly timeoutMs?: number | undefined;
  /** Names whose answers are kept; the one not asked for the longest goes first. */
  readonly maxNames?: number | undefined;
  /** Lookups under way at once. */
  readonly maxLookups?: number | undefined;
}

interface Entry {
  readonly answer: Promise<readonly string[]>;
  /** Wall time in milliseconds from which it is asked again; undefined while the answer is on its way. */
  until: number | undefined;
}

interface Found {
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
}

const minTtlSeconds = 5;
const maxTtlSeconds = 300;
/** Seconds for which a failure is remembered. */
const failureTtlSeconds = 5;
/** Lookups that may wait for one under way to end; they give up after the same time as all others. */
const maxWaiting = 4_096;

/**
 * Host names to addresses that may be called. Asks by c-ares and not by getaddrinfo, which would hold the four threads that
 * files and cryptography need too. Refuses a name when any of its addresses is forbidden: an honest one has no such address.
 */
export class NameResolver {
  readonly #guard: AddressGuard;
  readonly #clock: Clock;
  readonly #hostsFile: HostsFile | undefined;
  readonly #timeoutMs: number;
  readonly #maxNames: number;
  readonly #slots: Slots;
  readonly #resolver: Resolver;
  readonly #underWay = new Set<Deadline>();
  /** Least recently asked for first. */
  readonly #entries = new Map<string, Entry>();
  #isClosed = false;

  constructor({ guard, clock, servers, hostsFile, timeoutMs = 2_000, maxNames = 10_000, maxLookups = 256 }: NameResolverOptions) {
    this.#guard = guard;
    this.#clock = clock;
    this.#hostsFile = hostsFile;
    this.#timeoutMs = timeoutMs;
    this.#maxNames = maxNames;
    this.#slots = new Slots({ slots: maxLookups, maxWaiting, full: 'Too many host names are being looked up at this moment.' });
    // Two tries of a third and two thirds of the time, where there is one server; with more of them the deadline decides.
    this.#resolver = new Resolver({ timeout: Math.ceil(timeoutMs / 3), tries: 2, maxTimeout: timeoutMs });
    if (servers !== undefined) this.#resolver.setServers(servers);
  }

  /** Names whose answers are kept now. */
  get names(): number {
    return this.#entries.size;
  }

  /** The addresses of a name in lower case, IPv4 first, at least one; rejects with an OutgoingFailure (`dns`, `blocked`, `overloaded`). */
  async resolve(name: string): Promise<readonly string[]> {
    if (isLocalhost(name)) return this.#loopback();
    const written = await this.#hostsFile?.addressesOf(name);
    if (this.#isClosed) throw stopping();
    if (written !== undefined) return this.#judged(written);
    const entry = this.#fresh(name) ?? this.#begin(name);
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    if (this.#entries.size > this.#maxNames) this.#entries.delete(this.#entries.keys().next().value as string);
    return entry.answer;
  }

  /** Ends the lookups under way; they and all later ones reject as `aborted`. */
  close(): void {
    this.#isClosed = true;
    for (const deadline of this.#underWay) deadline.end(stopping());
    this.#resolver.cancel();
    this.#entries.clear();
  }

  #fresh(name: string): Entry | undefined {
    const entry = this.#entries.get(name);
    if (entry?.until === undefined) return entry;
    const rest = entry.until - this.#clock.now();
    // More than the longest time is left only when the clock was set back.
    return rest > 0 && rest <= maxTtlSeconds * 1_000 ? entry : undefined;
  }

  #begin(name: string): Entry {
    const found = this.#lookUp(name);
    const entry: Entry = { answer: found.then(({ addresses }) => this.#judged(addresses)), until: undefined };
    const keep = (seconds: number): void => {
      entry.until = this.#clock.now() + Math.min(Math.max(seconds, minTtlSeconds), maxTtlSeconds) * 1_000;
    };
    found.then(
      ({ ttlSeconds }) => keep(ttlSeconds),
      ({ class: failureClass }: OutgoingFailure) => {
        keep(failureTtlSeconds);
        // There was no room to ask: that says nothing about the name.
        if (failureClass === 'overloaded') this.#entries.delete(name);
      },
    );
    return entry;
  }

  async #lookUp(name: string): Promise<Found> {
    const late = (): OutgoingFailure => new OutgoingFailure('dns', 'The host name could not be looked up in time.');
    const deadline = new Deadline(this.#timeoutMs, late);
    this.#underWay.add(deadline);
    try {
      await this.#slots.take(deadline.signal);
      let v4: readonly RecordWithTtl[] = [];
      let v6: readonly RecordWithTtl[] = [];
      const faults: string[] = [];
      const answers = Promise.all([
        this.#resolver.resolve4(name, { ttl: true }).then((some) => void (v4 = some), keepCode(faults)),
        this.#resolver.resolve6(name, { ttl: true }).then((some) => void (v6 = some), keepCode(faults)),
      ]);
      // A slot is free again when c-ares has really done with it, not when nobody waits for it any more.
      void answers.finally(() => this.#slots.give());
      await orEnded(answers, deadline.signal).catch((error: unknown) => {
        // One family of addresses has come and the other has not: what came is enough to connect.
        if (v4.length + v6.length === 0) throw error;
      });
      const records = [...v4, ...v6];
      if (records.length === 0) throw failureOfLookup(faults);
      const ttlSeconds = records.reduce((least, { ttl }) => Math.min(least, ttl), maxTtlSeconds);
      return { addresses: records.map(({ address }) => address), ttlSeconds };
    } finally {
      deadline.clear();
      this.#underWay.delete(deadline);
    }
  }

  /** Both loopback addresses, as far as the operator opened them. */
  #loopback(): readonly string[] {
    const addresses = ['127.0.0.1', '::1'].filter((address) => this.#guard.refusal(address) === undefined);
    if (addresses.length === 0) throw blocked('loopback');
    return addresses;
  }

  #judged(addresses: readonly string[]): readonly string[] {
    for (const address of addresses) {
      const reason = this.#guard.refusal(address);
      if (reason !== undefined) throw blocked(reason);
    }
    return addresses;
  }
}

function blocked(reason: OutgoingFailure['reason']): OutgoingFailure {
  return new OutgoingFailure('blocked', `The host name leads to an address that is not on the public internet. ${openingHint}`, { reason });
}

function keepCode(faults: string[]): (error: NodeJS.ErrnoException) => void {
  return ({ code = '' }) => void faults.push(code);
}

function failureOfLookup(faults: readonly string[]): OutgoingFailure {
  const isUnknown = faults.every((code) => code === 'ENOTFOUND' || code === 'ENODATA');
  if (isUnknown) return new OutgoingFailure('dns', 'There is no host of this name.');
  return new OutgoingFailure('dns', `The host name could not be looked up (${faults.join(', ')}).`);
}

function stopping(): OutgoingFailure {
  return new OutgoingFailure('aborted', 'Sluice is stopping.');
}
