import type { Batch } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import type { OutgoingRequest } from '../outgoing/http-sender.ts';
import type { AttemptRecord } from './attempt-record.ts';
import { DeliveryStream, type DeliveryStreamParts } from './delivery-stream.ts';
import type { SlowStart } from './slow-start.ts';

/** How far a replay has come. */
export interface ReplayProgress {
  /** Everything of the range up to here was dealt with, or is owed. */
  readonly cursor: Position;
  /** Events of the range up to the cursor, those the endpoint does not want among them. */
  readonly passed: number;
  /** Attempts made. */
  readonly sent: number;
  readonly succeeded: number;
  /** Given up for good. */
  readonly failed: number;
}

export interface ReplayRunParts extends Omit<DeliveryStreamParts, 'onReady' | 'onPassed'> {
  /** Last place of the range. */
  readonly until: Position;
  /** As an earlier run left it. */
  readonly progress: Omit<ReplayProgress, 'cursor'>;
  /** Begun: who is replayed to gets little at first. */
  readonly slowStart: SlowStart;
  /** Nothing is left to do. */
  readonly onDone: () => void;
}

/** A replay under way: delivers a stretch of the log again, beside what the endpoint is sent anyway. Each result is in the book with the progress it makes. */
export class ReplayRun {
  readonly stream: DeliveryStream;
  readonly #parts: ReplayRunParts;
  #passed: number;
  #sent: number;
  #succeeded: number;
  #failed: number;
  #isDone = false;
  #offer: (() => void) | undefined;

  constructor(parts: ReplayRunParts) {
    this.#parts = parts;
    const { passed, sent, succeeded, failed } = parts.progress;
    this.#passed = passed;
    this.#sent = sent;
    this.#succeeded = succeeded;
    this.#failed = failed;
    this.stream = new DeliveryStream({
      ...parts,
      onReady: () => this.#ready(),
      onPassed: (batch) => this.#count(batch),
    });
  }

  get id(): string {
    return this.#parts.id;
  }

  get progress(): ReplayProgress {
    return { cursor: this.stream.cursor, passed: this.#passed, sent: this.#sent, succeeded: this.#succeeded, failed: this.#failed };
  }

  /** Milliseconds until it may send the next. */
  get wait(): number {
    return this.#parts.slowStart.wait;
  }

  /** Whether it is still slower than it may become. */
  get isGentle(): boolean {
    return this.#parts.slowStart.isActive;
  }

  /** What comes next in it: what failed before goes before what is new. */
  get lane(): 'first' | 'retry' {
    return this.stream.count(this.#parts.now()).retry > 0 ? 'retry' : 'first';
  }

  /** `offer` is called when something may have become ready. */
  begin(offer: () => void): void {
    this.#offer = offer;
    this.stream.readOn();
    this.#endIfDone();
  }

  /** How many could be sent now, of an endpoint that has so many attempts under way at most: half of them are left to the others. */
  ready(now: number, windowAttempts: number): number {
    if (this.wait > 0) return 0;
    const { first, retry } = this.stream.count(now);
    return Math.max(0, Math.min(first + retry, Math.max(1, windowAttempts >> 1) - this.stream.underWay));
  }

  /** Wall time in milliseconds at which something that is not ready becomes so by time alone. */
  nextAt(now: number): number {
    const { first, retry } = this.stream.count(now);
    const { wait } = this;
    if (first + retry > 0) return wait > 0 ? now + wait : Infinity;
    return Math.max(now + wait, this.stream.nextAt(now));
  }

  /** An attempt begins. */
  take(): void {
    this.#parts.slowStart.take();
  }

  /** The request of an attempt, which says that it is a replay and which. */
  mark(request: OutgoingRequest): OutgoingRequest {
    return { ...request, headers: [...(request.headers ?? []), ['webhook-replay', this.id]] };
  }

  attempted(result: AttemptRecord['outcome'], events: number): void {
    this.#sent += 1;
    if (result === 'delivered') this.#succeeded += events;
    if (result === 'dead') this.#failed += events;
    this.#keep();
  }

  async stop(): Promise<void> {
    await this.stream.stop();
  }

  #ready(): void {
    this.#offer?.();
    this.#endIfDone();
  }

  #count({ events, filtered, deferred = 0 }: Batch): void {
    this.#passed += events.length + filtered + deferred;
    this.#keep();
  }

  #keep(): void {
    this.#parts.book.keepReplay(this.id, this.progress);
    this.#endIfDone();
  }

  /** Looked at after everything that can have been the last. */
  #endIfDone(): void {
    if (this.#isDone || this.stream.isStopped || this.stream.cursor !== this.#parts.until || !this.stream.isIdle) return;
    this.#isDone = true;
    this.#parts.onDone();
  }
}
