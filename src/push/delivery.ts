import type { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import type { Place } from './delivery-window.ts';
import type { OwedDelivery } from './owed-delivery.ts';
import { noTries, type Tries } from './retry-schedule.ts';

/** One event of a delivery. */
export interface Item {
  readonly position: Position;
  readonly eventId: string;
  readonly eventType: string;
  readonly key: string | undefined;
  /** Charged before, so that it is not billed again. */
  readonly isBilled: boolean;
  /** Undefined once it is owed: what waits for hours is read from the store when it is due. */
  event: Event | undefined;
  /** Its place in the reader's window; undefined when an earlier run passed it over. */
  readonly place: Place | undefined;
}

/** An event that nothing was done with. */
export function newItem(place: Place): Item {
  const { event, isBilled } = place;
  const { position, id, type, subject } = event;
  return { position, eventId: id, eventType: type, key: subject, isBilled, event, place };
}

/** What an earlier run has left of one. */
export function owedItem(owed: OwedDelivery, place: Place | undefined): Item {
  const { position, eventId, eventType, key, isBilled } = owed;
  return { position, eventId, eventType, key, isBilled: place?.isBilled ?? isBilled, event: undefined, place };
}

/** One event on its way to one endpoint, or several that go together. */
export class Delivery {
  /** In the order of the log, at least one. */
  readonly items: readonly Item[];
  isOwed = false;
  /** The queue gave it out, and has not been told what became of it. */
  isGivenOut = false;
  /** The plan's limits have been charged for it. */
  isSpent = false;
  attempts = 0;
  tries: Tries = noTries;
  /** Wall time in milliseconds. */
  dueAt = 0;
  /** Why the last attempt did not deliver it. */
  reason: string | undefined = undefined;

  constructor(items: readonly Item[]) {
    if (items.length === 0) throw new Error('A delivery of nothing.');
    this.items = items;
  }

  /** What an earlier run left of the items: the progress of the one that has come furthest. */
  static from(items: readonly Item[], owed: readonly OwedDelivery[]): Delivery {
    const delivery = new Delivery(items);
    delivery.isOwed = true;
    for (const { attempts, tries, reason } of owed) {
      if (attempts < delivery.attempts) continue;
      delivery.attempts = attempts;
      delivery.tries = tries;
      delivery.reason = reason;
    }
    delivery.dueAt = Math.min(...owed.map(({ dueAt = 0 }) => dueAt));
    return delivery;
  }

  /** A part of it that goes on alone. */
  part(items: readonly Item[], dueAt: number): Delivery {
    const part = new Delivery(items);
    part.isOwed = this.isOwed;
    part.attempts = this.attempts;
    part.tries = this.tries;
    part.reason = this.reason;
    part.dueAt = dueAt;
    return part;
  }

  get size(): number {
    return this.items.length;
  }

  get first(): Item {
    return this.items[0] as Item;
  }

  get keys(): readonly (string | undefined)[] {
    return this.items.map(({ key }) => key);
  }

  /** Rows that bring it back; `batch` tells which belong together. */
  owed({ endpoint, tenant, state, batch }: Pick<OwedDelivery, 'endpoint' | 'tenant' | 'state' | 'batch'>): readonly OwedDelivery[] {
    const { reason = '', attempts, tries } = this;
    const dueAt = state === 'dead' ? undefined : this.dueAt;
    return this.items.map(({ position, eventId, eventType, key, isBilled }) => ({
      endpoint,
      tenant,
      position,
      eventId,
      eventType,
      key,
      state,
      reason,
      attempts,
      tries,
      dueAt,
      isBilled,
      batch,
    }));
  }
}
