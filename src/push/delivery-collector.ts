import type { Place } from './delivery-window.ts';
import { Delivery, newItem, owedItem, type Item } from './delivery.ts';
import type { OwedDelivery } from './owed-delivery.ts';

/** How much goes together. */
export interface BatchBound {
  readonly events: number;
  /** Of all bodies together; one event may be larger. */
  readonly bytes: number;
  /** Milliseconds the first waits for others. */
  readonly wait: number;
}

const alone: BatchBound = { events: 1, bytes: 0, wait: 0 };

interface Gathering {
  readonly items: Item[];
  bytes: number;
  /** Wall time in milliseconds. */
  readonly closesAt: number;
  /** What an earlier run sent together, with how many of it are still to come; empty for what is new. */
  readonly owed: OwedDelivery[];
  awaited: number;
}

/**
 * Gathers what is read of the log, event by event, into deliveries: each holds consecutive events, up to a number, a size and a time.
 * What failed together in an earlier run is gathered together again, and never with others.
 */
export class DeliveryCollector {
  readonly #bound: BatchBound;
  readonly #now: () => number;
  #gathering: Gathering | undefined;

  constructor(bound: BatchBound | undefined, now: () => number) {
    this.#bound = bound ?? alone;
    this.#now = now;
  }

  /** Wall time at which what was gathered goes even if nothing more comes; Infinity when there is nothing. */
  get closesAt(): number {
    return this.#gathering?.closesAt ?? Infinity;
  }

  /** Takes the next event of the log, whose body has so many bytes; gives what is complete by that. */
  add(place: Place, bytes: number): readonly Delivery[] {
    const open = this.#gathering;
    if (open === undefined && this.#bound.events === 1) return [new Delivery([newItem(place)])];
    const complete: Delivery[] = [];
    if (open !== undefined && (open.owed.length > 0 || open.bytes + bytes > this.#bound.bytes)) complete.push(...this.close());
    this.#gathering ??= { items: [], bytes: 0, closesAt: this.#now() + this.#bound.wait, owed: [], awaited: 0 };
    this.#gathering.items.push(newItem(place));
    this.#gathering.bytes += bytes;
    if (this.#gathering.items.length >= this.#bound.events || this.#gathering.bytes >= this.#bound.bytes) complete.push(...this.close());
    return complete;
  }

  /** The same for one that an earlier run owed together with `others`, itself among them, that are still ahead. */
  addOwed(owed: OwedDelivery, place: Place, others: number): readonly Delivery[] {
    const complete: Delivery[] = [];
    const batch = this.#gathering?.owed[0]?.batch;
    if (this.#gathering !== undefined && (batch === undefined || batch !== owed.batch)) complete.push(...this.close());
    this.#gathering ??= { items: [], bytes: 0, closesAt: this.#now(), owed: [], awaited: others };
    const { items, owed: known } = this.#gathering;
    items.push(owedItem(owed, place));
    known.push(owed);
    if (items.length >= this.#gathering.awaited) complete.push(...this.close());
    return complete;
  }

  /** Gives what was gathered so far. */
  close(): readonly Delivery[] {
    const gathering = this.#gathering;
    this.#gathering = undefined;
    if (gathering === undefined) return [];
    const { items, owed } = gathering;
    return [owed.length === 0 ? new Delivery(items) : Delivery.from(items, owed)];
  }
}
