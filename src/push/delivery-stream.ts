import type { Backbone } from '../core/backbone.ts';
import { toGatewayError } from '../core/errors.ts';
import type { Event } from '../core/event.ts';
import type { Batch, ReaderAccount } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import { DeliveryCollector } from './delivery-collector.ts';
import { DeliveryQueue, mostOwed } from './delivery-queue.ts';
import { DeliveryWindow } from './delivery-window.ts';
import { Delivery, owedItem, type Item } from './delivery.ts';
import { EarlierRun } from './earlier-run.ts';
import type { EventSource } from './event-source.ts';
import { isAhead } from './is-ahead.ts';
import type { Lane } from './lane-turns.ts';
import type { SavedDeliveries } from './load-endpoint.ts';
import { moveCursor } from './move-cursor.ts';
import { begunAnew, dueAnew, type OwedDelivery } from './owed-delivery.ts';
import type { PushBook } from './push-book.ts';
import type { PushTarget } from './push-target.ts';
import type { MarkSource } from './settled-marks.ts';
import type { Sight } from '../core/sight.ts';
import { batchIdOf, bytesInBatch } from './webhook-batch.ts';

/** Payload bytes of the largest batch. */
const mostWindowBytes = 1024 * 1024;

export interface DeliveryStreamParts {
  /** Whose rows in the book are its own: the endpoint's id, or that of a replay. */
  readonly id: string;
  readonly target: Pick<PushTarget, 'tenant' | 'order' | 'batch'>;
  readonly sight: Sight;
  /** Must not throw. */
  readonly wants: (event: Event) => boolean;
  readonly source: EventSource;
  readonly backbone: Pick<Backbone, 'compare'>;
  readonly account: ReaderAccount;
  readonly saved: SavedDeliveries;
  readonly book: PushBook;
  readonly now: () => number;
  /** Events of deliveries that are owed; without those that are owed no more. */
  readonly loadEvents: (positions: readonly Position[]) => Promise<ReadonlyMap<Position, Event>>;
  /** Whether it may go on reading. */
  readonly mayRead: () => boolean;
  /** Something may have become ready. */
  readonly onReady: () => void;
  /** The cursor has passed this. */
  readonly onPassed?: (batch: Batch) => void;
  /** It can read no further: the log has let go of its place, or cannot be read. */
  readonly onLost: (error: unknown) => void;
}

/**
 * One reader's way through the log as deliveries: reads ahead of its cursor, knows what is ready, and passes over what fails, which is
 * owed from then on. The cursor, what is owed and what is billed go to disk in one commit.
 */
export class DeliveryStream implements MarkSource {
  readonly #parts: DeliveryStreamParts;
  readonly #window: DeliveryWindow;
  readonly #queue: DeliveryQueue;
  readonly #collector: DeliveryCollector;
  readonly #earlier: EarlierRun;
  /** Read, and to be taken by the queue when that has room for them: two at most. */
  #refused: Delivery[] = [];
  readonly #abort = new AbortController();
  #underWay = 0;
  #reading: Promise<void> | undefined;
  #isStopped = false;
  #cancelNext: (() => void) | undefined;
  #onQuiet: (() => void) | undefined;

  constructor(parts: DeliveryStreamParts) {
    const { id, target, saved, account, backbone, book } = parts;
    this.#parts = parts;
    const { batch, order } = target;
    // Two of the largest batches: one is sent while the next is gathered.
    this.#window = new DeliveryWindow(account.cursor, batch && { events: Math.max(256, 2 * batch.events), bytes: 2 * mostWindowBytes });
    this.#queue = new DeliveryQueue(order, batch && Math.max(mostOwed, 10 * batch.events));
    this.#collector = new DeliveryCollector(batch, parts.now);
    const now = parts.now();
    const waiting = saved.waiting.map((owed) => dueAnew(owed, now));
    this.#earlier = new EarlierRun({ ...saved, waiting }, account.cursor, backbone);
    book.restore(id, saved.settled);
    for (const together of this.#earlier.passed) this.#restore(together);
  }

  get id(): string {
    return this.#parts.id;
  }

  /** Id of the reader whose cursor it moves. */
  get reader(): string {
    return this.#parts.account.id;
  }

  get cursor(): Position {
    return this.#window.cursor;
  }

  /** Deliveries that were passed over and are to be delivered. */
  get owed(): number {
    return this.#queue.owed;
  }

  /** Whether half of what it may owe is free. */
  get isRoomy(): boolean {
    return this.#queue.isRoomy;
  }

  /** The oldest event that was read, has not been attempted to its end and waits for no other. */
  get oldestUntried(): Event | undefined {
    return this.#window.oldestOpen;
  }

  /** Attempts under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Whether everything that was read is settled for good, and nothing is under way. */
  get isIdle(): boolean {
    return this.#underWay === 0 && this.owed === 0 && this.#earlier.isTaken && this.#window.cursor === this.#window.position;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Ends attempts under way when it is stopped. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  settledAhead(): readonly Position[] {
    return this.#window.settledAhead();
  }

  /** How many could be sent now. */
  count(now: number): Readonly<Record<'first' | 'retry', number>> {
    if (this.#collector.closesAt <= now) this.#admit(this.#collector.close());
    return this.#queue.count(now);
  }

  /** Wall time at which something that is not ready becomes so by time alone; Infinity when nothing does. */
  nextAt(now: number): number {
    const { nextDue } = this.#queue;
    return Math.min(nextDue > now ? nextDue : Infinity, this.#collector.closesAt);
  }

  /** The next one to attempt; undefined when there is none. */
  take(lane: Lane): Delivery | undefined {
    return this.#isStopped ? undefined : this.#queue.take(lane, this.#parts.now());
  }

  /** It was not attempted after all. */
  putBack(delivery: Delivery, lane: Lane): void {
    this.#queue.putBack(delivery, lane);
  }

  /** Around an attempt. */
  begin(): void {
    this.#underWay += 1;
  }

  end(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#onQuiet?.();
  }

  /** Events of a delivery in their order; fewer than it has where something is owed no more. */
  async eventsOf({ items }: Delivery): Promise<readonly Event[]> {
    const { id, book, loadEvents } = this.#parts;
    const known = items.map((item) => item.event ?? book.eventOf(id, item.position));
    const missing = items.filter((_, index) => known[index] === undefined).map(({ position }) => position);
    const loaded = missing.length === 0 ? undefined : await loadEvents(missing);
    return items.flatMap(({ position }, index) => known[index] ?? loaded?.get(position) ?? []);
  }

  /** It is nothing to this stream any more, but for these events of it. */
  narrow(delivery: Delivery, events: readonly Event[]): void {
    const left = new Set(events.map(({ position }) => position));
    const items = delivery.items.filter(({ position }) => left.has(position));
    this.#queue.replace(delivery, items.length === 0 ? [] : [delivery.part(items, this.#parts.now())]);
  }

  /** Only these events of it may be read now: the others are passed over, or owed no more. */
  hide(delivery: Delivery, shown: readonly Event[]): void {
    const left = new Set(shown.map(({ position }) => position));
    for (const item of delivery.items) {
      if (left.has(item.position)) continue;
      if (delivery.isOwed) this.#parts.book.remove(this.id, item.position);
      if (item.place !== undefined) item.place.state = 'hidden';
    }
    this.narrow(delivery, shown);
    this.follow();
  }

  delivered(delivery: Delivery, events: readonly Event[]): void {
    const { id, account, book } = this.#parts;
    const late: Event[] = [];
    this.#queue.settle(delivery);
    for (const [index, { position, place, isBilled }] of delivery.items.entries()) {
      if (delivery.isOwed) book.remove(id, position);
      // Billed when the cursor passes it, or late when it has.
      if (place?.isPassed === false) place.state = 'delivered';
      else if (!isBilled) late.push(events[index] as Event);
    }
    account.chargeLate(late);
  }

  dead(delivery: Delivery, events: readonly Event[], reason: string): void {
    delivery.reason = reason;
    this.#owe(delivery, events, 'dead');
    this.#queue.settle(delivery);
  }

  retry(delivery: Delivery, events: readonly Event[], { reason, delay }: { readonly reason: string; readonly delay: number }): void {
    delivery.reason = reason;
    this.wait(delivery, delay);
    this.#owe(delivery, events, 'waiting');
  }

  wait(delivery: Delivery, delay: number): void {
    delivery.dueAt = this.#parts.now() + delay;
    this.#queue.park(delivery);
  }

  /** It goes on as two that stand where it stood: the first `count` events, and the others. */
  split(
    delivery: Delivery,
    events: readonly Event[],
    { count, reason }: { readonly count: number; readonly reason: string | undefined },
  ): void {
    const now = this.#parts.now();
    delivery.reason = reason;
    delivery.dueAt = now;
    const parts = [delivery.items.slice(0, count), delivery.items.slice(count)].map((items) => delivery.part(items, now));
    if (delivery.isOwed) {
      this.#owe(parts[0] as Delivery, events.slice(0, count), 'waiting');
      this.#owe(parts[1] as Delivery, events.slice(count), 'waiting');
    }
    this.#queue.replace(delivery, parts);
  }

  /** The cursor follows what is settled. */
  follow(): void {
    const { book } = this.#parts;
    moveCursor(this.#window, this.#parts);
    book.moved(this);
  }

  /** Sends one that waits, or is dead, as soon as may be. False: it is under way or behind others, or too much is owed to take a dead one. */
  sendAgain(owed: OwedDelivery, event: Event): boolean {
    const { id, target, book, now, backbone } = this.#parts;
    if (owed.state === 'dead') {
      if (this.#queue.isFull) return false;
      const again = begunAnew(owed, now());
      book.put(again, event);
      if (isAhead(backbone, again.position, this.#window.position)) this.#earlier.add(again);
      else this.#restore([again]);
      return true;
    }
    const hastened = this.#queue.hasten(owed.position, now());
    if (hastened === undefined) return false;
    // One row that is due makes all that go with it due.
    const rows = hastened.owed({ endpoint: id, tenant: target.tenant, state: 'waiting', batch: owed.batch });
    for (const row of rows) if (row.position === owed.position) book.put(row, event);
    return true;
  }

  /** Begins, or goes on, to read. */
  readOn(): void {
    if (this.#reading !== undefined || this.#isStopped || !this.#makeRoom()) return;
    this.#reading = this.#read()
      .catch((error: unknown) => (this.#isStopped ? undefined : this.#parts.onLost(toGatewayError(error))))
      .finally(() => {
        this.#reading = undefined;
        this.#parts.onReady();
      });
  }

  /** Ends attempts under way, which count as not made, and resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelNext?.();
    this.#abort.abort();
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onQuiet = resolve));
    await this.#reading;
    this.#parts.account.close();
    this.#parts.book.release(this);
  }

  /** From now on the cursor may pass it. */
  #owe(delivery: Delivery, events: readonly Event[], state: 'waiting' | 'dead'): void {
    const { id, target, book } = this.#parts;
    const batch = state === 'dead' || delivery.size === 1 ? undefined : batchIdOf(delivery.items);
    const rows = delivery.owed({ endpoint: id, tenant: target.tenant, state, batch });
    delivery.isOwed = true;
    for (const [index, item] of delivery.items.entries()) {
      item.event = undefined;
      if (item.place !== undefined) item.place.state = 'owed';
      book.put(rows[index] as OwedDelivery, events[index] as Event);
    }
  }

  async #read(): Promise<void> {
    const { source, onReady } = this.#parts;
    this.#cancelNext?.();
    source.enter();
    try {
      while (!this.#isStopped && this.#makeRoom()) {
        if (source.isAtEnd(this.#window.position)) {
          if (source.isFinite) this.#admit(this.#collector.close());
          this.#cancelNext = source.onNext(() => this.readOn());
          return;
        }
        const { events, position } = await source.next(this.#window.position);
        const hasTakenAll = this.#take(events);
        if (hasTakenAll) this.#window.readTo(position);
        this.follow();
        onReady();
        // It goes on when an attempt has ended.
        if (!hasTakenAll) return;
      }
    } finally {
      source.exit();
    }
  }

  /** Whether there is room for another event; what waits behind others is owed where it keeps the cursor from what comes after. */
  #makeRoom(): boolean {
    if (!this.#admit([]) || this.#queue.isFull || !this.#parts.mayRead()) return false;
    if (!this.#window.isFull) return true;
    if (!this.#admit(this.#collector.close())) return false;
    for (const delivery of this.#queue.spill()) {
      const events = delivery.items.flatMap(({ event }) => event ?? []);
      if (events.length === delivery.size) this.#owe(delivery, events, 'waiting');
    }
    this.follow();
    return !this.#window.isFull && !this.#queue.isFull;
  }

  /** False: there is no room for all of them. */
  #take(events: readonly Event[]): boolean {
    const { sight, wants } = this.#parts;
    for (const event of events) {
      // What an earlier run has begun stays begun: what is owed is to be sent, and what was sent is to be billed.
      const isHidden = sight(event) === 'hidden';
      if ((isHidden || !wants(event)) && !this.#earlier.knows(event.position)) {
        if (isHidden) this.#window.hide(event.position);
        else this.#window.pass(event.position);
        continue;
      }
      if (!this.#makeRoom()) return false;
      this.#takeOne(event);
    }
    return this.#refused.length === 0;
  }

  #takeOne(event: Event): void {
    const { account, backbone, target } = this.#parts;
    const place = this.#window.add(event, backbone.compare(event.position, account.charged) <= 0);
    const { position } = event;
    const owed = this.#earlier.take(position);
    if (this.#earlier.wasDelivered(position)) place.state = 'delivered';
    else if (owed !== undefined) {
      place.state = 'owed';
      this.#admit(this.#collector.addOwed(owed.owed, place, owed.together));
    } else if (this.#earlier.wasGivenUp(position)) place.state = 'owed';
    else this.#admit(this.#collector.add(place, target.batch === undefined ? 0 : bytesInBatch(event)));
  }

  /** False: the queue has no room for what is read; nothing more is to be read before it has. */
  #admit(deliveries: readonly Delivery[]): boolean {
    if (deliveries.length === 0 && this.#refused.length === 0) return true;
    const waiting = [...this.#refused, ...deliveries];
    const refused = waiting.findIndex((delivery) => !this.#admitOne(delivery));
    this.#refused = refused === -1 ? [] : waiting.slice(refused);
    return refused === -1;
  }

  #admitOne(delivery: Delivery): boolean {
    if (!delivery.isOwed) return this.#queue.admit(delivery);
    this.#queue.restore(delivery);
    return true;
  }

  #restore(together: readonly OwedDelivery[]): void {
    const items: readonly Item[] = together.map((owed) => owedItem(owed, this.#window.placeOf(owed.position)));
    this.#queue.restore(Delivery.from(items, together));
  }
}
