import type { Placed } from '../../core/backbone.ts';
import { Event } from '../../core/event.ts';
import type { EventDraft } from '../../core/event.ts';
import type { Database, Statement } from '../../store/database.ts';
import { addressHash } from './address-hash.ts';
import type { Entry } from './appender.ts';
import type { BatchEncoder } from './batch-encoder.ts';
import type { KeyHash } from './event-key.ts';
import type { Group, Log } from './log.ts';

/** Events of one row at most: what a read may have to skip at its ends. */
export const MAX_ROW_EVENTS = 1024;
/** Bytes of one row, passed by one event at most. */
const MAX_ROW_BYTES = 512 * 1024;

const insertBatch = `INSERT INTO event_batch (log, channel, first, last, accepted_at, bytes, address, keys, events, tally)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 + coalesce(
    (SELECT tally FROM event_batch WHERE log = ?1 AND channel = ?2 AND address = ?7 ORDER BY last DESC LIMIT 1), 0))`;
const moveHead = 'UPDATE event_log SET head = ?, bytes = bytes + ? WHERE id = ? AND head = ?';

/** New events of one address, in order of arrival. */
interface Lane {
  readonly address: string;
  readonly drafts: EventDraft[];
  readonly keys: string[];
  readonly hashes: KeyHash[];
  first: number;
}

/** What becomes of one log. */
interface Part {
  readonly log: Log;
  readonly lanes: Map<string, Lane>;
  readonly acceptedAt: number;
  head: number;
  bytes: number;
  groups: Group[];
}

/** The publishes that reach the disk together: sequence numbers without gaps, rows by log and address. */
export class Commit {
  readonly entries: readonly Entry[];
  readonly #parts = new Map<Log, Part>();
  readonly #now: number;
  readonly #encoder: BatchEncoder;

  constructor(entries: readonly Entry[], now: number, encoder: BatchEncoder) {
    this.entries = entries;
    this.#now = now;
    this.#encoder = encoder;
    // Lanes first: the events of an address get neighbouring numbers, and so one row.
    for (const entry of entries) this.#sort(entry);
    this.#number();
  }

  get logs(): Iterable<Log> {
    return this.#parts.keys();
  }

  /** Resolves when everything is on disk. */
  async write(database: Database): Promise<void> {
    if (this.#parts.size === 0) return;
    this.#encoder.reset();
    const statements: Statement[] = [];
    for (const part of this.#parts.values()) this.#encode(part, statements);
    const written = database.transact(statements);
    // The disk takes its time: what the consumers get is made meanwhile.
    for (const part of this.#parts.values()) part.groups = buildGroups(part);
    await written;
  }

  /** Makes memory say what the disk says. */
  advance(): void {
    for (const { log, lanes, head, bytes, acceptedAt } of this.#parts.values()) {
      log.head = head;
      log.bytes += bytes;
      log.lastAt = acceptedAt;
      for (const { first, hashes, keys } of lanes.values()) {
        for (let index = 0; index < hashes.length; index++) {
          log.dedup?.add(hashes[index]!, first + index, acceptedAt);
          log.unsettled.delete(keys[index]!);
        }
      }
    }
  }

  /** Tells consumers and publishers. */
  announce(): void {
    for (const { log, groups } of this.#parts.values()) log.deliver(groups);
    for (const { log, claims, duplicate, resolve } of this.entries) {
      resolve(claims.map((claim, index): Placed => ({ position: log.position(claim!.seq), duplicate: duplicate[index]! })));
    }
  }

  #sort(entry: Entry): void {
    const { log, address, drafts, keys, hashes, claims, duplicate } = entry;
    let lane: Lane | undefined;
    for (let index = 0; index < drafts.length; index++) {
      if (duplicate[index]) continue;
      lane ??= this.#lane(log, address);
      // The place within the lane for now; its number is added when all lanes are full.
      claims[index]!.seq = lane.drafts.length;
      lane.drafts.push(drafts[index]!);
      lane.keys.push(keys[index]!);
      lane.hashes.push(hashes[index]!);
    }
  }

  #lane(log: Log, address: string): Lane {
    let part = this.#parts.get(log);
    if (part === undefined) {
      part = { log, lanes: new Map(), acceptedAt: Math.max(this.#now, log.lastAt), head: log.head, bytes: 0, groups: [] };
      this.#parts.set(log, part);
    }
    let lane = part.lanes.get(address);
    if (lane === undefined) part.lanes.set(address, (lane = { address, drafts: [], keys: [], hashes: [], first: 0 }));
    return lane;
  }

  #number(): void {
    for (const part of this.#parts.values()) {
      for (const lane of part.lanes.values()) {
        lane.first = part.head + 1;
        part.head += lane.drafts.length;
      }
    }
    for (const { log, address, claims, duplicate } of this.entries) {
      const first = this.#parts.get(log)?.lanes.get(address)?.first ?? 0;
      for (let index = 0; index < claims.length; index++) if (!duplicate[index]) claims[index]!.seq += first;
    }
  }

  #encode(part: Part, statements: Statement[]): void {
    const { log, lanes, acceptedAt } = part;
    for (const { address, drafts, hashes, first } of lanes.values()) {
      let from = 0;
      while (from < drafts.length) {
        this.#encoder.begin();
        let to = from;
        while (to < drafts.length && to - from < MAX_ROW_EVENTS && (to === from || this.#encoder.bytes < MAX_ROW_BYTES))
          this.#encoder.add(drafts[to++]!);
        const events = this.#encoder.finish();
        part.bytes += events.byteLength;
        const place = [log.id, addressHash(address), first + from, first + to - 1, acceptedAt, events.byteLength];
        const parameters = [...place, address, packKeys(hashes, from, to), events, to - from];
        statements.push({ sql: insertBatch, parameters });
        from = to;
      }
    }
    statements.push({ sql: moveHead, parameters: [part.head, part.bytes, log.id, log.head], expectChanges: 1 });
  }
}

function buildGroups({ log, lanes, acceptedAt }: Part): Group[] {
  const groups: Group[] = [];
  for (const { address, drafts, first } of lanes.values()) {
    groups.push({ address, events: drafts.map((draft, index) => new Event(draft, address, log.position(first + index), acceptedAt)) });
  }
  return groups;
}

/** 8 bytes an event, low half first, little endian. */
function packKeys(hashes: readonly KeyHash[], from: number, to: number): Uint8Array {
  const keys = Buffer.allocUnsafe(8 * (to - from));
  for (let index = from; index < to; index++) {
    keys.writeUInt32LE(hashes[index]!.low, 8 * (index - from));
    keys.writeUInt32LE(hashes[index]!.high, 8 * (index - from) + 4);
  }
  return keys;
}
