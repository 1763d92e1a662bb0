import type { Backbone } from '../core/backbone.ts';
import { toGatewayError } from '../core/errors.ts';
import type { Event } from '../core/event.ts';
import type { Batch, ReaderAccount } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import { DeliveryWindow, type Place } from './delivery-window.ts';
import { Delivery } from './delivery.ts';
import type { EventSource } from './event-source.ts';
import type { Lane } from './lane-turns.ts';
import type { SavedDeliveries } from './load-endpoint.ts';
import { begunAnew, type OwedDelivery } from './owed-delivery.ts';
import type { PushBook } from './push-book.ts';
import type { PushTarget } from './push-target.ts';
import type { MarkSource } from './settled-marks.ts';

export interface DeliveryStreamParts {
  /** Whose rows in the book are its own: the endpoint's id, or that of a replay. */
  readonly id: string;
  readonly target: Pick<PushTarget, 'tenant' | 'order'>;
  /** Must not throw. */
  readonly wants: (event: Event) => boolean;
  readonly source: EventSource;
  readonly backbone: Pick<Backbone, 'compare'>;
  readonly account: ReaderAccount;
  readonly saved: SavedDeliveries;
  readonly book: PushBook;
  readonly now: () => number;
  /** The event of a delivery that is owed; undefined when it is owed no more. */
  readonly loadEvent: (position: Position) => Promise<Event | undefined>;
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
  readonly #settledBefore: ReadonlySet<Position>;
  readonly #deadBefore: ReadonlySet<Position>;
  /** Owed since an earlier run, and ahead of the cursor: they come again with the log. */
  readonly #owedAhead = new Map<Position, OwedDelivery>();
  readonly #abort = new AbortController();
  #underWay = 0;
  #reading: Promise<void> | undefined;
  #isStopped = false;
  #cancelNext: (() => void) | undefined;
  #onQuiet: (() => void) | undefined;

  constructor(parts: DeliveryStreamParts) {
    const { id, target, saved, account, backbone, book } = parts;
    this.#parts = parts;
    this.#window = new DeliveryWindow(account.cursor);
    this.#queue = new DeliveryQueue(target.order);
    this.#settledBefore = new Set(saved.settled);
    this.#deadBefore = new Set(saved.dead);
    book.restore(id, saved.settled);
    for (const owed of saved.waiting) {
      if (backbone.compare(owed.position, account.cursor) > 0) this.#owedAhead.set(owed.position, owed);
      else this.#restore(owed);
    }
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

  /** Attempts under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Whether everything that was read is settled for good, and nothing is under way. */
  get isIdle(): boolean {
    return this.#underWay === 0 && this.owed === 0 && this.#owedAhead.size === 0 && this.#window.cursor === this.#window.position;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Ends attempts under way when it is stopped. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Wall time at which the next retry is due; Infinity when there is none. */
  get nextDue(): number {
    return this.#queue.nextDue;
  }

  settledAhead(): readonly Position[] {
    return this.#window.settledAhead();
  }

  /** How many could be sent now. */
  count(now: number): Readonly<Record<'first' | 'retry', number>> {
    return this.#queue.count(now);
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

  /** Undefined: it is owed no more. */
  async eventOf(delivery: Delivery): Promise<Event | undefined> {
    const { id, book, loadEvent } = this.#parts;
    return delivery.event ?? book.eventOf(id, delivery.position) ?? (await loadEvent(delivery.position));
  }

  /** It is nothing to this stream any more. */
  lapsed(delivery: Delivery): void {
    this.#queue.settle(delivery);
  }

  delivered(delivery: Delivery, event: Event): void {
    const { id, account, book } = this.#parts;
    const { place } = delivery;
    if (delivery.isOwed) book.remove(id, delivery.position);
    // Billed when the cursor passes it, or late when it has.
    if (place?.isPassed === false) place.state = 'delivered';
    else if (!delivery.isBilled) account.chargeLate([event]);
    this.#queue.settle(delivery);
  }

  dead(delivery: Delivery, event: Event, reason: string): void {
    delivery.reason = reason;
    this.#owe(delivery, event, 'dead');
    this.#queue.settle(delivery);
  }

  retry(delivery: Delivery, event: Event, { reason, delay }: { readonly reason: string; readonly delay: number }): void {
    delivery.reason = reason;
    this.wait(delivery, delay);
    this.#owe(delivery, event, 'waiting');
  }

  wait(delivery: Delivery, delay: number): void {
    delivery.dueAt = this.#parts.now() + delay;
    this.#queue.park(delivery);
  }

  /** The cursor follows what is settled. */
  follow(): void {
    const { account, backbone, book, onPassed } = this.#parts;
    const { charged } = account;
    const batch = this.#window.advance();
    if (batch !== undefined) {
      const redelivered = batch.events.filter((event) => backbone.compare(event.position, charged) <= 0).length;
      account.charge(batch, redelivered);
      account.confirm(batch.position);
      onPassed?.(batch);
    }
    book.moved(this);
  }

  /** Sends one that waits, or is dead, as soon as may be. False: it is under way or behind others, or too much is owed to take a dead one. */
  sendAgain(owed: OwedDelivery, event: Event): boolean {
    const { id, target, book, now, backbone } = this.#parts;
    if (owed.state === 'dead' && this.#queue.isFull) return false;
    const again = owed.state === 'dead' ? begunAnew(owed, now()) : this.#queue.hasten(owed.position, now());
    if (again === undefined) return false;
    if (again instanceof Delivery) book.put(again.owed(id, target.tenant, 'waiting'), event);
    else {
      book.put(again, event);
      if (backbone.compare(again.position, this.#window.position) > 0) this.#owedAhead.set(again.position, again);
      else this.#restore(again);
    }
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
  #owe(delivery: Delivery, event: Event, state: 'waiting' | 'dead'): void {
    const { id, target, book } = this.#parts;
    delivery.isOwed = true;
    delivery.event = undefined;
    if (delivery.place !== undefined) delivery.place.state = 'owed';
    book.put(delivery.owed(id, target.tenant, state), event);
  }

  async #read(): Promise<void> {
    const { source, onReady } = this.#parts;
    this.#cancelNext?.();
    source.enter();
    try {
      while (!this.#isStopped && this.#makeRoom()) {
        if (source.isAtEnd(this.#window.position)) {
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
    if (this.#queue.isFull || !this.#parts.mayRead()) return false;
    if (!this.#window.isFull) return true;
    for (const delivery of this.#queue.spill()) if (delivery.event !== undefined) this.#owe(delivery, delivery.event, 'waiting');
    this.follow();
    return !this.#window.isFull && !this.#queue.isFull;
  }

  /** False: there is no room for all of them. */
  #take(events: readonly Event[]): boolean {
    const { wants, account, backbone } = this.#parts;
    for (const event of events) {
      if (!wants(event)) {
        this.#window.pass(event.position);
        continue;
      }
      if (!this.#makeRoom()) return false;
      const known = this.#knownState(event.position);
      const delivery = known === undefined ? new Delivery(event) : undefined;
      if (delivery !== undefined && !this.#queue.admit(delivery)) return false;
      const place = this.#window.add(event, backbone.compare(event.position, account.charged) <= 0);
      place.state = known ?? 'open';
      delivery?.take(place);
      this.#takeOwed(place);
    }
    return true;
  }

  /** What an earlier run has made of an event ahead of its cursor. */
  #knownState(position: Position): 'delivered' | 'owed' | undefined {
    if (this.#settledBefore.has(position)) return 'delivered';
    return this.#owedAhead.has(position) || this.#deadBefore.has(position) ? 'owed' : undefined;
  }

  #takeOwed(place: Place): void {
    const { position } = place.event;
    const owed = this.#owedAhead.get(position);
    if (owed === undefined) return;
    this.#owedAhead.delete(position);
    this.#restore(owed, place);
  }

  #restore(owed: OwedDelivery, place = this.#window.placeOf(owed.position)): void {
    const delivery = Delivery.from(owed);
    if (place !== undefined) delivery.take(place);
    this.#queue.restore(delivery);
  }
}
