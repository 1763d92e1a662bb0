import type { Event } from '../core/event.ts';
import type { Outcome } from '../outgoing/outcome.ts';
import { judgeAttempt, type AttemptOutcome } from './attempt-outcome.ts';
import type { AttemptRecord } from './attempt-record.ts';
import { attemptRecord } from './attempt-report.ts';
import { ConcurrencyWindow } from './concurrency-window.ts';
import type { CourierParts } from './courier-parts.ts';
import { DeliveryStream } from './delivery-stream.ts';
import type { Delivery } from './delivery.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { liveSource } from './event-source.ts';
import type { Lane } from './lane-turns.ts';
import type { OwedDelivery } from './owed-delivery.ts';
import { RateLimit } from './rate-limit.ts';
import type { ReplayRun } from './replay-run.ts';
import { nextAttempt } from './retry-schedule.ts';
import { SendGate, type Admissions } from './send-gate.ts';
import { SlowStart } from './slow-start.ts';
import { deliveryRequest } from './webhook-batch.ts';

/** Milliseconds after which what holds an endpoint up is looked at again. */
const longestWait = 10_000;
/** Milliseconds until the next attempt after a bug of ours. */
const afterBug = 30_000;
/** Milliseconds until a delivery is looked at again that was held when it was its turn. */
const afterHeld = 1000;

/** Whose delivery an attempt is: that of the log as it goes on, or of a replay. */
interface Errand {
  readonly stream: DeliveryStream;
  readonly replay: ReplayRun | undefined;
  readonly lane: Lane;
}

/** Delivers one endpoint's events: attempts what its streams have ready when it is given a slot, and learns from the answers. */
export class Courier {
  readonly #parts: CourierParts;
  readonly #live: DeliveryStream;
  readonly #health: EndpointHealth;
  readonly #attempts: ConcurrencyWindow;
  readonly #slowStart: SlowStart;
  readonly #gate: SendGate;
  #replay: ReplayRun | undefined;
  /** What the book was given last. */
  #keptState: string | undefined;
  /** A dead one was not taken: there was no room. */
  #isRoomWanted = false;
  #isStopped = false;
  #cancelWake: (() => void) | undefined;

  constructor(parts: CourierParts) {
    const { target, saved, feed, backbone, account, sight, clock, originBreaker, governor, book, loadEvents, onLost } = parts;
    this.#parts = parts;
    this.#health = new EndpointHealth(clock, saved.state, { ...parts.breaker, stops: target.websub === undefined });
    this.#live = new DeliveryStream({
      id: target.id,
      target,
      wants: target.wants,
      source: liveSource({ backbone, feed }),
      sight,
      backbone,
      account,
      saved,
      book,
      now: () => clock.now(),
      loadEvents,
      mayRead: () => this.isSentTo,
      onReady: () => this.#offer(),
      onLost,
    });
    this.#attempts = new ConcurrencyWindow({ maxAttempts: target.concurrency });
    const rate = target.perSecond === undefined ? undefined : new RateLimit(clock, target.perSecond);
    this.#slowStart = new SlowStart(clock, target.perSecond);
    this.#gate = new SendGate({ health: this.#health, originBreaker, rate, slowStart: this.#slowStart, governor, book, clock });
  }

  get id(): string {
    return this.#parts.target.id;
  }

  /** Id of the reader whose cursor it moves. */
  get reader(): string {
    return this.#live.reader;
  }

  get health(): EndpointHealth {
    return this.#health;
  }

  /** Deliveries that were passed over and are to be delivered, replays aside. */
  get owed(): number {
    return this.#live.owed;
  }

  /** The oldest event whose first attempt has no result yet and waits for no other, replays aside. */
  get oldestUntried(): Event | undefined {
    return this.#live.oldestUntried;
  }

  /** False: it was stopped, and everything is held. */
  get isSentTo(): boolean {
    return this.#health.failing.state !== 'stopped';
  }

  /** False: neither what is stopped nor what its receiver asked to pause is called, whatever was on the way to it. */
  get #isCalled(): boolean {
    return this.isSentTo && this.#health.pause.wait === 0;
  }

  start(): void {
    this.#parts.account.state('live');
    this.#live.readOn();
    this.#replay?.stream.readOn();
    this.#offer();
  }

  /** Ends attempts under way, which count as not made, and resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelWake?.();
    await Promise.all([this.#live.stop(), this.#replay?.stop()]);
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
    const isTaken = this.#live.sendAgain(owed, event);
    if (isTaken) this.#offer();
    else if (owed.state === 'dead') this.#isRoomWanted = true;
    return isTaken;
  }

  /** Attempts a replay's deliveries beside the others from now on. False: it has stopped, or there is one already. */
  beginReplay(replay: ReplayRun): boolean {
    if (this.#isStopped || this.#replay !== undefined) return false;
    this.#replay = replay;
    replay.begin(() => this.#offer());
    this.#offer();
    return true;
  }

  /** Ends the replay it has, as `stop` does. */
  async endReplay(): Promise<void> {
    const replay = this.#replay;
    this.#replay = undefined;
    await replay?.stop();
  }

  /** Makes one attempt in the slot it was given; resolves when the slot is free again. */
  async attempt(lane: Lane): Promise<void> {
    const errand = this.#isStopped ? undefined : this.#errand(lane);
    const delivery = errand?.stream.take(errand.lane);
    const admissions = delivery && this.#admit(errand?.replay);
    if (errand === undefined || delivery === undefined || admissions === undefined) {
      if (delivery !== undefined) errand?.stream.putBack(delivery, errand.lane);
      this.#offer();
      return;
    }
    const { stream } = errand;
    stream.begin();
    try {
      await this.#make(delivery, errand, admissions);
    } catch (error) {
      this.#parts.onBug(error);
      this.#gate.giveBack(admissions);
      // Not at once: what fails before anything is sent would leave this thread no time for anything else.
      if (delivery.isGivenOut) stream.wait(delivery, afterBug);
      // What became of it is settled, and stays so.
      else stream.follow();
    } finally {
      stream.end();
    }
    stream.readOn();
    this.#offer();
    this.#tellOfRoom();
  }

  #tellOfRoom(): void {
    if (!this.#isRoomWanted || !this.#live.isRoomy) return;
    this.#isRoomWanted = false;
    this.#parts.onRoom?.();
  }

  /** In a replay what failed before goes before what is new. */
  #errand(lane: Lane): Errand | undefined {
    if (lane !== 'replay') return { stream: this.#live, replay: undefined, lane };
    const replay = this.#replay;
    return replay && { stream: replay.stream, replay, lane: replay.lane };
  }

  #admit(replay: ReplayRun | undefined): Admissions | undefined {
    if (replay !== undefined && replay.wait > 0) return undefined;
    const admissions = this.#gate.admit();
    if (admissions !== undefined) replay?.take();
    return admissions;
  }

  async #make(delivery: Delivery, errand: Errand, admissions: Admissions): Promise<void> {
    const { stream, replay, lane } = errand;
    const { target, clock, send, book, counts } = this.#parts;
    const events = await stream.eventsOf(delivery);
    if (events.length < delivery.size) {
      this.#gate.giveBack(admissions);
      stream.narrow(delivery, events);
      return;
    }
    if (!this.#isShown(events)) {
      this.#gate.giveBack(admissions);
      this.#hide(delivery, events, stream);
      return;
    }
    if (delivery.attempts === 0 && !delivery.isSpent && !this.#spend(delivery, events, stream)) {
      this.#gate.giveBack(admissions);
      return;
    }
    const at = clock.now();
    const built = deliveryRequest(target, events, { number: delivery.attempts + 1, retryReason: delivery.reason, at });
    const request = replay === undefined ? built : replay.mark(built);
    const outcome = await send({ ...request, signal: stream.signal, isWanted: () => this.#isCalled && this.#isShown(events) });
    const judged = judgeAttempt(outcome, clock.now());
    this.#gate.learn(admissions, judged);
    if (outcome.kind === 'failed' && outcome.class === 'aborted') {
      // Called off by ourselves: whoever comes next makes it again.
      if (stream.isStopped) return;
      // Stopped or paused while this waited for a connection, or not to be read any more.
      if (!this.#isCalled || !this.#isShown(events)) return stream.putBack(delivery, errand.lane);
    }
    delivery.attempts += 1;
    this.#learn(judged, delivery, at);
    const isSplit = delivery.size > 1 && isPoisoned(outcome, judged);
    const result = isSplit ? this.#split(judged, delivery, events, stream) : this.#conclude(judged, delivery, events, errand);
    const record = attemptRecord({ target, delivery, lane: replay === undefined ? lane : 'replay', at, request, outcome, result });
    book.attempted(record);
    counts?.attempted(record, judged.decision);
    replay?.attempted(result, delivery.size);
    stream.follow();
  }

  /** Whether all of them may be given out now. */
  #isShown(events: readonly Event[]): boolean {
    return events.every((event) => this.#parts.sight(event) === 'shown');
  }

  /** Goes on without those that may not be read; where nothing may, whoever sees to this courier is about to end it. */
  #hide(delivery: Delivery, events: readonly Event[], stream: DeliveryStream): void {
    const { sight } = this.#parts;
    if (events.some((event) => sight(event) === 'held')) stream.wait(delivery, afterHeld);
    else
      stream.hide(
        delivery,
        events.filter((event) => sight(event) === 'shown'),
      );
  }

  /** Takes from the plan's limits what the events cost. False: there is not room for all of them, and it was taken apart. */
  #spend(delivery: Delivery, events: readonly Event[], stream: DeliveryStream): boolean {
    const governor = this.#parts.governor();
    const billed = events.filter((_, index) => delivery.items[index]?.isBilled === false);
    const allowed = Math.max(1, governor.allow(billed.length, 0));
    if (allowed < billed.length) {
      stream.split(delivery, events, { count: allowed, reason: undefined });
      return false;
    }
    if (billed.length > 0) governor.delivered(billed.length, bytesOf(billed));
    delivery.isSpent = true;
    return true;
  }

  /** One of them may be what the receiver refuses: the others need not wait for it. */
  #split({ decision }: AttemptOutcome, delivery: Delivery, events: readonly Event[], stream: DeliveryStream): 'retry' {
    const reason = 'reason' in decision ? decision.reason : undefined;
    stream.split(delivery, events, { count: Math.ceil(delivery.size / 2), reason });
    return 'retry';
  }

  /** What becomes of the delivery. */
  #conclude(
    { decision }: AttemptOutcome,
    delivery: Delivery,
    events: readonly Event[],
    { stream, replay }: Errand,
  ): AttemptRecord['outcome'] {
    if (decision.kind === 'delivered') {
      stream.delivered(delivery, events);
      return 'delivered';
    }
    if (decision.kind === 'abandon-message') {
      stream.dead(delivery, events, 'abandoned');
      return 'dead';
    }
    if (decision.kind === 'gone') {
      stream.retry(delivery, events, { reason: 'gone', delay: 0 });
      return 'held';
    }
    // The union leaves only those with a reason.
    if (!('reason' in decision)) throw new Error('A decision without a reason.');
    const { random, target } = this.#parts;
    const recovering = this.#slowStart.isActive || replay?.isGentle === true;
    const next = nextAttempt(target.schedule, decision, delivery.tries, { random, recovering });
    delivery.tries = next.tries;
    if (next.kind === 'dead') {
      stream.dead(delivery, events, next.reason);
      return 'dead';
    }
    stream.retry(delivery, events, { reason: decision.reason, delay: next.delayMilliseconds });
    return 'retry';
  }

  #learn({ window, pauseUntil, failing, stop }: AttemptOutcome, { first }: Delivery, at: number): void {
    const { failing: state, pause } = this.#health;
    if (window === 'grow') this.#attempts.grow();
    else if (window === 'halve') this.#attempts.halve(at, this.#parts.clock.now());
    if (pauseUntil !== undefined) pause.askedUntil(pauseUntil);
    const news = failing === 'success' ? state.succeeded() : failing === 'failure' ? state.failed(first.eventId) : undefined;
    const stopped = stop === undefined ? undefined : state.stop(stop);
    for (const transition of [news, stopped]) if (transition !== undefined) this.#parts.onTransition(transition);
    this.#keepState();
  }

  /** Says what is ready, and sees to it that it is said again when that changes by time alone. */
  #offer(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    if (this.#isStopped) return;
    const { clock, schedule, offer } = this.#parts;
    const now = clock.now();
    const { wait } = this.#gate;
    const window = this.#health.breaker.state === 'closed' ? this.#attempts.size : 1;
    const live = wait > 0 ? { first: 0, retry: 0 } : this.#live.count(now);
    const replay = wait > 0 ? 0 : (this.#replay?.ready(now, window) ?? 0);
    offer({ ...live, replay }, window);
    const at = wait > 0 ? now + this.#lookAfter(wait) : this.#nextAt(now, replay);
    if (at !== Infinity) this.#cancelWake = schedule(Math.max(at, now + 1), () => this.#offer());
  }

  /** When something that is not ready becomes so by time alone. */
  #nextAt(now: number, replays: number): number {
    return Math.min(this.#live.nextAt(now), replays > 0 ? Infinity : (this.#replay?.nextAt(now) ?? Infinity));
  }

  /** What others of the same origin find out is not told: it is looked at from time to time. */
  #lookAfter(wait: number): number {
    return this.isSentTo ? Math.min(wait, longestWait) : Infinity;
  }

  #keepState(): void {
    const { target, version, book } = this.#parts;
    const state = JSON.stringify({ ...this.#health.snapshot(), version });
    // A success after a success changes nothing, and need not be written.
    if (state === this.#keptState) return;
    this.#keptState = state;
    book.keepState(target.id, target.tenant, state);
  }
}

function bytesOf(events: readonly Event[]): number {
  return events.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Statuses that say something about what was sent. */
const refusals = new Set([400, 413, 415, 422]);

/** Whether one event of several may be what the receiver does not take. */
function isPoisoned(outcome: Outcome, { decision }: AttemptOutcome): boolean {
  const isRefusal = outcome.kind === 'answered' && refusals.has(outcome.status);
  return isRefusal && (decision.kind === 'retry' || decision.kind === 'format-refused');
}
