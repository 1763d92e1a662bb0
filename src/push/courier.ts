import { toGatewayError } from '../core/errors.ts';
import type { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { judgeAttempt, type AttemptOutcome } from './attempt-outcome.ts';
import type { AttemptRecord } from './attempt-record.ts';
import { attemptRecord } from './attempt-report.ts';
import { ConcurrencyWindow } from './concurrency-window.ts';
import type { CourierParts } from './courier-parts.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import { DeliveryWindow, type Place } from './delivery-window.ts';
import { Delivery } from './delivery.ts';
import { EndpointHealth } from './endpoint-health.ts';
import type { Lane } from './lane-turns.ts';
import { begunAnew, type OwedDelivery } from './owed-delivery.ts';
import { RateLimit } from './rate-limit.ts';
import { nextAttempt } from './retry-schedule.ts';
import { SendGate, type Admissions } from './send-gate.ts';
import type { MarkSource } from './settled-marks.ts';
import { SlowStart } from './slow-start.ts';
import { webhookRequest } from './webhook-request.ts';

/** Milliseconds after which what holds an endpoint up is looked at again. */
const longestWait = 10_000;
/** Milliseconds until the next attempt after a bug of ours. */
const afterBug = 30_000;

/**
 * Delivers one endpoint's events: reads the log ahead of its cursor, attempts what is ready when it is given a slot, and passes over
 * what fails, which is owed from then on. The cursor, what is owed and what is billed go to disk in one commit.
 */
export class Courier implements MarkSource {
  readonly #parts: CourierParts;
  readonly #window: DeliveryWindow;
  readonly #queue: DeliveryQueue;
  readonly #health: EndpointHealth;
  readonly #attempts: ConcurrencyWindow;
  readonly #slowStart: SlowStart;
  readonly #gate: SendGate;
  readonly #settledBefore: ReadonlySet<Position>;
  readonly #deadBefore: ReadonlySet<Position>;
  /** Owed since an earlier run, and ahead of the cursor: they come again with the log. */
  readonly #owedAhead = new Map<Position, OwedDelivery>();
  readonly #abort = new AbortController();
  #underWay = 0;
  /** What the book was given last. */
  #keptState: string | undefined;
  #reading: Promise<void> | undefined;
  #isStopped = false;
  #cancelNext: (() => void) | undefined;
  #cancelWake: (() => void) | undefined;
  #onQuiet: (() => void) | undefined;

  constructor(parts: CourierParts) {
    const { target, saved, account, backbone, clock, originBreaker, governor, book } = parts;
    this.#parts = parts;
    this.#window = new DeliveryWindow(account.cursor);
    this.#queue = new DeliveryQueue(target.order);
    this.#health = new EndpointHealth(clock, saved.state, parts.breaker);
    this.#attempts = new ConcurrencyWindow({ maxAttempts: target.concurrency });
    const rate = target.perSecond === undefined ? undefined : new RateLimit(clock, target.perSecond);
    this.#slowStart = new SlowStart(clock, target.perSecond);
    this.#gate = new SendGate({ health: this.#health, originBreaker, rate, slowStart: this.#slowStart, governor, book, clock });
    this.#settledBefore = new Set(saved.settled);
    this.#deadBefore = new Set(saved.dead);
    book.restore(target.id, saved.settled);
    for (const owed of saved.waiting) {
      if (backbone.compare(owed.position, account.cursor) > 0) this.#owedAhead.set(owed.position, owed);
      else this.#restore(owed);
    }
  }

  get id(): string {
    return this.#parts.target.id;
  }

  /** Id of the reader whose cursor it moves. */
  get reader(): string {
    return this.#parts.account.id;
  }

  get health(): EndpointHealth {
    return this.#health;
  }

  /** Deliveries that were passed over and are to be delivered. */
  get owed(): number {
    return this.#queue.owed;
  }

  settledAhead(): readonly Position[] {
    return this.#window.settledAhead();
  }

  start(): void {
    this.#parts.account.state('live');
    this.#readOn();
    this.#offer();
  }

  /** Ends attempts under way, which count as not made, and resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelNext?.();
    this.#cancelWake?.();
    this.#abort.abort();
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onQuiet = resolve));
    await this.#reading;
    this.#parts.account.close();
    this.#parts.book.release(this);
  }

  /** A person starts it again: nothing is held against the endpoint. */
  startAgain(): void {
    const { failing, breaker, pause } = this.#health;
    const transition = failing.start();
    breaker.reset();
    pause.resume();
    if (transition !== undefined) {
      this.#slowStart.begin();
      this.#parts.onTransition(transition);
    }
    this.#keepState();
    this.start();
  }

  /** Sends one that waits, or is dead, as soon as may be. False: it is under way or behind others, or too much is owed to take a dead one. */
  sendAgain(owed: OwedDelivery, event: Event): boolean {
    const { target, book, clock, backbone } = this.#parts;
    if (owed.state === 'dead' && this.#queue.isFull) return false;
    const again = owed.state === 'dead' ? begunAnew(owed, clock.now()) : this.#queue.hasten(owed.position, clock.now());
    if (again === undefined) return false;
    if (again instanceof Delivery) book.put(again.owed(target.id, target.tenant, 'waiting'), event);
    else {
      book.put(again, event);
      if (backbone.compare(again.position, this.#window.position) > 0) this.#owedAhead.set(again.position, again);
      else this.#restore(again);
    }
    this.#offer();
    return true;
  }

  /** Makes one attempt in the slot it was given; resolves when the slot is free again. */
  async attempt(lane: Lane): Promise<void> {
    const delivery = this.#isStopped ? undefined : this.#queue.take(lane, this.#parts.clock.now());
    const admissions = delivery && this.#gate.admit();
    if (delivery === undefined || admissions === undefined) {
      if (delivery !== undefined) this.#queue.putBack(delivery, lane);
      this.#offer();
      return;
    }
    this.#underWay += 1;
    try {
      await this.#make(delivery, lane, admissions);
    } catch (error) {
      this.#parts.onBug(error);
      this.#gate.giveBack(admissions);
      if (delivery.isOwed) this.#wait(delivery, afterBug);
      else this.#queue.putBack(delivery, lane);
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#onQuiet?.();
    }
    this.#readOn();
    this.#offer();
  }

  async #make(delivery: Delivery, lane: Lane, admissions: Admissions): Promise<void> {
    const { target, clock, send, book, governor, loadEvent } = this.#parts;
    const event = delivery.event ?? book.eventOf(target.id, delivery.position) ?? (await loadEvent(delivery.position));
    if (event === undefined) {
      this.#gate.giveBack(admissions);
      this.#queue.settle(delivery);
      return;
    }
    const at = clock.now();
    const request = webhookRequest(target, event, { number: delivery.attempts + 1, retryReason: delivery.reason, at });
    if (delivery.attempts === 0 && !delivery.isBilled) governor().delivered(1, event.bytes);
    const outcome = await send({ ...request, signal: this.#abort.signal });
    const judged = judgeAttempt(outcome, clock.now());
    this.#gate.learn(admissions, judged);
    // Called off by ourselves: whoever comes next makes it again.
    if (this.#isStopped && outcome.kind === 'failed' && outcome.class === 'aborted') return;
    delivery.attempts += 1;
    this.#learn(judged, delivery, at);
    const result = this.#conclude(judged, delivery, event);
    book.attempted(attemptRecord({ target, delivery, lane, at, request, outcome, result }));
    this.#follow();
  }

  /** What becomes of the delivery. */
  #conclude({ decision }: AttemptOutcome, delivery: Delivery, event: Event): AttemptRecord['outcome'] {
    if (decision.kind === 'delivered') {
      this.#delivered(delivery, event);
      return 'delivered';
    }
    if (decision.kind === 'abandon-message') return this.#dead(delivery, event, 'abandoned');
    if (decision.kind === 'gone') {
      this.#retry(delivery, event, { reason: 'gone', delay: 0 });
      return 'held';
    }
    // The union leaves only those with a reason.
    if (!('reason' in decision)) throw new Error('A decision without a reason.');
    const { random, target } = this.#parts;
    const next = nextAttempt(target.schedule, decision, delivery.tries, { random, recovering: this.#slowStart.isActive });
    delivery.tries = next.tries;
    if (next.kind === 'dead') return this.#dead(delivery, event, next.reason);
    this.#retry(delivery, event, { reason: decision.reason, delay: next.delayMilliseconds });
    return 'retry';
  }

  #learn({ window, pauseUntil, failing, stop }: AttemptOutcome, { eventId }: Delivery, at: number): void {
    const { failing: state, pause } = this.#health;
    if (window === 'grow') this.#attempts.grow();
    else if (window === 'halve') this.#attempts.halve(at, this.#parts.clock.now());
    if (pauseUntil !== undefined) pause.askedUntil(pauseUntil);
    const news = failing === 'success' ? state.succeeded() : failing === 'failure' ? state.failed(eventId) : undefined;
    const stopped = stop === undefined ? undefined : state.stop(stop);
    for (const transition of [news, stopped]) if (transition !== undefined) this.#parts.onTransition(transition);
    this.#keepState();
  }

  #delivered(delivery: Delivery, event: Event): void {
    const { target, account, book } = this.#parts;
    const { place } = delivery;
    if (delivery.isOwed) book.remove(target.id, delivery.position);
    // Billed when the cursor passes it, or late when it has.
    if (place?.isPassed === false) place.state = 'delivered';
    else if (!delivery.isBilled) account.chargeLate([event]);
    this.#queue.settle(delivery);
  }

  #dead(delivery: Delivery, event: Event, reason: string): 'dead' {
    delivery.reason = reason;
    this.#owe(delivery, event, 'dead');
    this.#queue.settle(delivery);
    return 'dead';
  }

  #retry(delivery: Delivery, event: Event, { reason, delay }: { readonly reason: string; readonly delay: number }): void {
    delivery.reason = reason;
    this.#wait(delivery, delay);
    this.#owe(delivery, event, 'waiting');
  }

  #wait(delivery: Delivery, delay: number): void {
    delivery.dueAt = this.#parts.clock.now() + delay;
    this.#queue.park(delivery);
  }

  /** From now on the cursor may pass it. */
  #owe(delivery: Delivery, event: Event, state: 'waiting' | 'dead'): void {
    const { target, book } = this.#parts;
    delivery.isOwed = true;
    delivery.event = undefined;
    if (delivery.place !== undefined) delivery.place.state = 'owed';
    book.put(delivery.owed(target.id, target.tenant, state), event);
  }

  /** The cursor follows what is settled. */
  #follow(): void {
    const { account, backbone, book } = this.#parts;
    const { charged } = account;
    const batch = this.#window.advance();
    if (batch !== undefined) {
      const redelivered = batch.events.filter((event) => backbone.compare(event.position, charged) <= 0).length;
      account.charge(batch, redelivered);
      account.confirm(batch.position);
    }
    book.moved(this);
  }

  /** Says what is ready, and sees to it that it is said again when that changes by time alone. */
  #offer(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    if (this.#isStopped) return;
    const { clock, schedule, offer } = this.#parts;
    const now = clock.now();
    const { wait } = this.#gate;
    const ready = wait > 0 ? { first: 0, retry: 0 } : this.#queue.count(now);
    offer(ready, this.#health.breaker.state === 'closed' ? this.#attempts.size : 1);
    const at = wait > 0 ? now + this.#lookAfter(wait) : ready.retry > 0 ? Infinity : this.#queue.nextDue;
    if (at !== Infinity) this.#cancelWake = schedule(Math.max(at, now + 1), () => this.#offer());
  }

  /** What others of the same origin find out is not told: it is looked at from time to time. */
  #lookAfter(wait: number): number {
    return this.#health.failing.state === 'stopped' ? Infinity : Math.min(wait, longestWait);
  }

  #readOn(): void {
    if (this.#reading !== undefined || this.#isStopped || !this.#makeRoom()) return;
    this.#reading = this.#read()
      .catch((error: unknown) => (this.#isStopped ? undefined : this.#parts.onLost(toGatewayError(error))))
      .finally(() => {
        this.#reading = undefined;
        this.#offer();
      });
  }

  async #read(): Promise<void> {
    const { feed } = this.#parts;
    this.#cancelNext?.();
    feed.behind.enter();
    try {
      while (!this.#isStopped && this.#makeRoom()) {
        if (this.#window.position === feed.position) {
          this.#cancelNext = feed.onNext(() => this.#readOn());
          return;
        }
        const { events, position } = await feed.behind.next(this.#window.position);
        const hasTakenAll = this.#take(events);
        if (hasTakenAll) this.#window.readTo(position);
        this.#follow();
        this.#offer();
        // It goes on when an attempt has ended.
        if (!hasTakenAll) return;
      }
    } finally {
      feed.behind.exit();
    }
  }

  /** Whether there is room for another event; what waits behind others is owed where it keeps the cursor from what comes after. */
  #makeRoom(): boolean {
    if (this.#queue.isFull || this.#health.failing.state === 'stopped') return false;
    if (!this.#window.isFull) return true;
    for (const delivery of this.#queue.spill()) if (delivery.event !== undefined) this.#owe(delivery, delivery.event, 'waiting');
    this.#follow();
    return !this.#window.isFull && !this.#queue.isFull;
  }

  /** False: there is no room for all of them. */
  #take(events: readonly Event[]): boolean {
    const { target, account, backbone } = this.#parts;
    for (const event of events) {
      if (!target.wants(event)) {
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

  #keepState(): void {
    const { target, book } = this.#parts;
    const state = JSON.stringify(this.#health.snapshot());
    // A success after a success changes nothing, and need not be written.
    if (state === this.#keptState) return;
    this.#keptState = state;
    book.keepState(target.id, target.tenant, state);
  }
}
