import type { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import type { Place } from './delivery-window.ts';
import type { OwedDelivery } from './owed-delivery.ts';
import { noTries, type Tries } from './retry-schedule.ts';

/** One event on its way to one endpoint. */
export class Delivery {
  readonly position: Position;
  readonly eventId: string;
  readonly eventType: string;
  readonly key: string | undefined;
  /** Undefined once it is owed: what waits for hours is read from the store when it is due. */
  event: Event | undefined;
  /** Its place in the reader's window; undefined when an earlier run passed it over. */
  place: Place | undefined = undefined;
  isBilled = false;
  isOwed = false;
  attempts = 0;
  tries: Tries = noTries;
  /** Wall time in milliseconds. */
  dueAt = 0;
  /** Why the last attempt did not deliver it. */
  reason: string | undefined = undefined;

  constructor(of: Event | OwedDelivery) {
    this.position = of.position;
    if ('eventId' in of) {
      this.eventId = of.eventId;
      this.eventType = of.eventType;
      this.key = of.key;
      this.event = undefined;
    } else {
      this.eventId = of.id;
      this.eventType = of.type;
      this.key = of.subject;
      this.event = of;
    }
  }

  take(place: Place): void {
    this.place = place;
    this.isBilled = place.isBilled;
  }

  /** What an earlier run left. */
  static from(owed: OwedDelivery): Delivery {
    const delivery = new Delivery(owed);
    delivery.isOwed = true;
    delivery.isBilled = owed.isBilled;
    delivery.attempts = owed.attempts;
    delivery.tries = owed.tries;
    delivery.dueAt = owed.dueAt ?? 0;
    delivery.reason = owed.reason;
    return delivery;
  }

  owed(endpoint: string, tenant: string, state: OwedDelivery['state']): OwedDelivery {
    const { position, eventId, eventType, key, reason = '', attempts, tries, isBilled } = this;
    const dueAt = state === 'dead' ? undefined : this.dueAt;
    return { endpoint, tenant, position, eventId, eventType, key, state, reason, attempts, tries, dueAt, isBilled };
  }
}
