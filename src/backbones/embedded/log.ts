import { matchesAddress } from '../../core/address.ts';
import type { LogPolicy } from '../../core/backbone.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Event } from '../../core/event.ts';
import type { Position } from '../../core/position.ts';
import type { DedupWindow } from './dedup-window.ts';
import type { Deletions } from './deletions.ts';
import type { LiveConsumer } from './live-consumer.ts';
import { parsePosition, positionAt } from './position-text.ts';

/** An event on its way to the disk: `seq` is 0 until it has its place. */
export interface Claim {
  seq: number;
}

interface LogRow {
  readonly id: number;
  readonly name: string;
  readonly epoch: string;
  readonly head: number;
  readonly oldest: number;
  readonly bytes: number;
  /** Acceptance time of the newest event, or 0. */
  readonly lastAt: number;
  readonly deletions: Deletions;
}

/** Events of one commit on one address. */
export interface Group {
  readonly address: string;
  readonly events: readonly Event[];
}

/** What is known in memory of one API's log: this process is the only one that writes it. */
export class Log {
  readonly id: number;
  readonly name: string;
  readonly epoch: string;
  /** Mixed into the hashes of events; the same for the life of the log. */
  readonly seed: number;
  /** Sequence number of the newest durable event; 0 when there never was one. */
  head: number;
  /** Sequence number of the oldest event kept; head + 1 when there is none. */
  oldest: number;
  bytes: number;
  readonly deletions: Deletions;
  /** Acceptance times never decrease, even where the clock does: a time can then be found by halving. */
  lastAt: number;
  policy: LogPolicy = { dedupWindow: 0 };
  dedup: DedupWindow | undefined;
  /** Keys of events that are not durable yet, with their addresses. */
  readonly unsettled = new Map<string, Claim>();
  readonly #exact = new Map<string, Set<LiveConsumer>>();
  readonly #patterns = new Set<LiveConsumer>();

  constructor(row: LogRow) {
    this.id = row.id;
    this.name = row.name;
    this.epoch = row.epoch;
    this.seed = Number.parseInt(row.epoch, 36) | 0;
    this.head = row.head;
    this.oldest = row.oldest;
    this.bytes = row.bytes;
    this.lastAt = row.lastAt;
    this.deletions = row.deletions;
  }

  position(seq: number): Position {
    return positionAt(this.epoch, seq);
  }

  /** The sequence number to read the address or pattern after; throws POSITION_LOST, also where events of it are gone, or BAD_REQUEST. */
  seqAfter(address: string, position: string): number {
    const seq = this.seqOf(position);
    if (this.deletions.hasAfter(address, seq)) throw this.#lost('is older than what is kept');
    return seq;
  }

  /** The sequence number of a place up to which to read, whatever is still kept before it; throws POSITION_LOST or BAD_REQUEST. */
  seqOf(position: string): number {
    const { epoch, seq } = parsePosition(position);
    if (epoch !== this.epoch) throw this.#lost('belongs to an earlier life of this log, which was deleted and begun anew');
    if (seq > this.head) throw this.#lost('is ahead of this log, which was restored from an older copy');
    return seq;
  }

  add(consumer: LiveConsumer): void {
    if (consumer.isPattern) {
      this.#patterns.add(consumer);
      return;
    }
    let consumers = this.#exact.get(consumer.address);
    if (consumers === undefined) this.#exact.set(consumer.address, (consumers = new Set()));
    consumers.add(consumer);
  }

  remove(consumer: LiveConsumer): void {
    this.#patterns.delete(consumer);
    const consumers = this.#exact.get(consumer.address);
    consumers?.delete(consumer);
    if (consumers?.size === 0) this.#exact.delete(consumer.address);
  }

  /** Hands the events of one commit to whom they concern; groups are in order of sequence numbers. */
  deliver(groups: readonly Group[]): void {
    if (this.#exact.size > 0) {
      for (const { address, events } of groups) {
        const consumers = this.#exact.get(address);
        if (consumers !== undefined) for (const consumer of consumers) consumer.offer(events, events.at(-1)!.position);
      }
    }
    for (const consumer of this.#patterns) {
      const matching = groups.filter((group) => matchesAddress(consumer.address, group.address));
      if (matching.length === 0) continue;
      const events = matching.length === 1 ? matching[0]!.events : matching.flatMap((group) => group.events);
      consumer.offer(events, events.at(-1)!.position);
    }
  }

  *consumers(): Iterable<LiveConsumer> {
    yield* this.#patterns;
    for (const consumers of this.#exact.values()) yield* consumers;
  }

  /** The newest sequence number that no live consumer still needs from the disk. */
  get releasable(): number {
    let seq = this.head;
    for (const consumer of this.consumers()) if (consumer.needsLog) seq = Math.min(seq, parsePosition(consumer.reached).seq);
    return seq;
  }

  #lost(why: string): GatewayError {
    const oldest = this.position(this.oldest - 1);
    return new GatewayError(
      'POSITION_LOST',
      `This position ${why}. Go on from ${oldest}, the oldest that can be used, or from "latest"; the events before it are gone.`,
      {
        details: { oldest },
      },
    );
  }
}
