import type { Position } from '../core/position.ts';
import type { Delivery } from './delivery.ts';
import { DueList } from './due-list.ts';
import { KeyOrder, type Order } from './key-order.ts';
import type { Lane } from './lane-turns.ts';

/** Most events of one endpoint that are owed: past it its reader goes no further. */
export const mostOwed = 1000;

/** What one endpoint is to be sent: ready now, waiting for another attempt, or waiting behind others of its key. */
export class DeliveryQueue {
  readonly #order: KeyOrder<Delivery>;
  readonly #mostOwed: number;
  readonly #ready: Delivery[] = [];
  /** Failed before, each with its time. */
  readonly #due = new DueList<Delivery>();
  readonly #behind = new Set<Delivery>();
  /** Events of those that wait for a time. */
  #waitingEvents = 0;
  /** Of those behind others, how many events are owed. */
  #owedBehind = 0;

  /** `mostOwedEvents`: where deliveries of several events need more room than the usual. */
  constructor(order: Order, mostOwedEvents = mostOwed) {
    this.#order = new KeyOrder(order);
    this.#mostOwed = mostOwedEvents;
  }

  /** Events that wait for another attempt, or are owed and wait for their turn. */
  get owed(): number {
    return this.#waitingEvents + this.#owedBehind;
  }

  get isFull(): boolean {
    return this.owed >= this.#mostOwed;
  }

  /** Whether half of what may be owed is free. */
  get isRoomy(): boolean {
    return this.owed <= this.#mostOwed / 2;
  }

  /** Wall time at which the next retry is due; Infinity when there is none. */
  get nextDue(): number {
    return this.#due.next;
  }

  /** How many could be sent in each lane. */
  count(now: number): Readonly<Record<'first' | 'retry', number>> {
    return { first: this.#ready.length, retry: this.#due.dueAt(now) };
  }

  /** The next one of the log. False: too much waits before it, and it is not taken. */
  admit(delivery: Delivery): boolean {
    const admission = this.#order.admit(delivery, delivery.keys);
    if (admission === 'send') this.#ready.push(delivery);
    else if (admission === 'behind') this.#hold(delivery);
    else return false;
    return true;
  }

  /** What an earlier run left, in the order of the log and before anything is admitted. */
  restore(delivery: Delivery): void {
    if (this.#order.restore(delivery, delivery.keys) === 'behind') {
      this.#wait(delivery);
      return;
    }
    this.park(delivery);
  }

  /** The next one of a lane; undefined when there is none. */
  take(lane: Lane, now: number): Delivery | undefined {
    const next = lane === 'retry' ? this.#takeDue(now) : this.#ready.shift();
    if (next !== undefined) next.isGivenOut = true;
    return next;
  }

  /** It was not attempted after all. */
  putBack(delivery: Delivery, lane: Lane): void {
    if (lane === 'retry') this.park(delivery);
    else {
      delivery.isGivenOut = false;
      this.#ready.unshift(delivery);
    }
  }

  /** It waits until `dueAt`, and those of its key behind it. */
  park(delivery: Delivery): void {
    delivery.isGivenOut = false;
    this.#order.park(delivery);
    this.#due.add(delivery);
    this.#waitingEvents += delivery.size;
  }

  /** One that waits for a later time is due now; undefined when it does not: it is under way, or behind others. */
  hasten(position: Position, now: number): Delivery | undefined {
    const delivery = this.#due.pull(({ items }) => items.some((item) => item.position === position));
    if (delivery === undefined) return undefined;
    delivery.dueAt = now;
    this.#due.add(delivery);
    return delivery;
  }

  /** It is done for good. */
  settle(delivery: Delivery): void {
    this.replace(delivery, []);
  }

  /** It was taken, and is taken apart: its parts have its place, and the first is the next to be sent. */
  replace(delivery: Delivery, parts: readonly Delivery[]): void {
    delivery.isGivenOut = false;
    const free = new Set(
      this.#order.replace(
        delivery,
        parts.map((part) => [part, part.keys]),
      ),
    );
    const first: Delivery[] = [];
    for (const part of parts) {
      if (!free.delete(part)) this.#wait(part);
      else if (part.isOwed) this.park(part);
      else first.push(part);
    }
    this.#ready.unshift(...first);
    for (const next of free) {
      this.#behind.delete(next);
      markBehind(next, false);
      if (next.isOwed) this.#owedBehind -= next.size;
      this.#ready.push(next);
    }
  }

  /** Those behind others that are not owed yet, as many as may be: from now on they are, so that what comes after them can go on. */
  *spill(): Iterable<Delivery> {
    for (const delivery of this.#behind) {
      if (this.isFull) return;
      if (delivery.isOwed) continue;
      this.#owedBehind += delivery.size;
      yield delivery;
    }
  }

  #takeDue(now: number): Delivery | undefined {
    const due = this.#due.take(now);
    if (due === undefined) return undefined;
    this.#waitingEvents -= due.size;
    this.#order.resume(due);
    return due;
  }

  #wait(delivery: Delivery): void {
    this.#hold(delivery);
    if (delivery.isOwed) this.#owedBehind += delivery.size;
  }

  #hold(delivery: Delivery): void {
    this.#behind.add(delivery);
    markBehind(delivery, true);
  }
}

function markBehind({ items }: Delivery, isBehind: boolean): void {
  for (const { place } of items) if (place !== undefined) place.isBehind = isBehind;
}
