import { isPattern } from '../../core/address.ts';
import type { Consumer, ReadResult, Receive } from '../../core/backbone.ts';
import type { Event } from '../../core/event.ts';
import type { Position } from '../../core/position.ts';

/** Events that wait in memory for a consumer that is busy; past it they are read from the log again. */
const MAX_WAITING_EVENTS = 1024;
/** Payload bytes of the same. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** Events read at once by a consumer that goes on from the log. */
const PAGE_EVENTS = 512;
/** Milliseconds before reading is tried again after it failed. */
const RETRY_AFTER = 1000;

/** How a consumer reaches its log. */
interface ConsumerSource {
  /** Up to the head; `position` is the place reached. */
  read(after: Position, limit: number): Promise<ReadResult>;
  /** Whether nothing is durable past the position. */
  isHead(position: Position): boolean;
  onClose(consumer: LiveConsumer): void;
  /** Told of a bug in `receive`, which ends the consumer. */
  onFailure(error: unknown): void;
}

interface Batch {
  readonly events: readonly Event[];
  readonly position: Position;
}

/** One taker of live events: given each commit's events in order, kept waiting in bounded memory, and read on from the log past that. */
export class LiveConsumer implements Consumer {
  readonly address: string;
  readonly isPattern: boolean;
  readonly position: Position;
  readonly #receive: Receive;
  readonly #source: ConsumerSource;
  /** Where the last batch handed over ended. */
  #reached: Position;
  #busy = false;
  /** Offers are passed over: everything after `reached` is read from the log. */
  #behind = false;
  #closed = false;
  #waiting: Batch[] = [];
  #waitingEvents = 0;
  #waitingBytes = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(address: string, position: Position, receive: Receive, source: ConsumerSource) {
    this.address = address;
    this.isPattern = isPattern(address);
    this.position = position;
    this.#reached = position;
    this.#receive = receive;
    this.#source = source;
  }

  get reached(): Position {
    return this.#reached;
  }

  /** Whether it will, or may have to, read after `reached` from the log. */
  get needsLog(): boolean {
    return this.#behind || this.#busy;
  }

  offer(events: readonly Event[], position: Position): void {
    if (this.#closed || this.#behind) return;
    if (!this.#busy) {
      this.#hand(events, position);
      return;
    }
    this.#waiting.push({ events, position });
    this.#waitingEvents += events.length;
    for (const event of events) this.#waitingBytes += event.bytes;
    if (this.#waitingEvents <= MAX_WAITING_EVENTS && this.#waitingBytes <= MAX_WAITING_BYTES) return;
    this.#clear();
    this.#behind = true;
  }

  /** There may be events on the log that were never offered. */
  recheck(): void {
    if (this.#closed || this.#behind) return;
    this.#clear();
    this.#behind = true;
    if (!this.#busy) void this.#catchUp();
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#clear();
    clearTimeout(this.#retry);
    this.#source.onClose(this);
    return Promise.resolve();
  }

  #hand(events: readonly Event[], position: Position): void {
    const answer = this.#give(events, position);
    if (answer === undefined) return;
    this.#busy = true;
    answer.then(
      () => this.#goOn(),
      (error: unknown) => this.#fail(error),
    );
  }

  #give(events: readonly Event[], position: Position): Promise<void> | undefined {
    this.#reached = position;
    try {
      return this.#receive(events, position) ?? undefined;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #goOn(): void {
    this.#busy = false;
    while (!this.#closed && !this.#busy && this.#waiting.length > 0) {
      const { events, position } = this.#waiting.shift()!;
      this.#waitingEvents -= events.length;
      for (const event of events) this.#waitingBytes -= event.bytes;
      this.#hand(events, position);
    }
    if (this.#behind && !this.#busy && !this.#closed) void this.#catchUp();
  }

  async #catchUp(): Promise<void> {
    try {
      // Level is decided in the same turn of the loop in which offers begin to count again: nothing falls between.
      while (!this.#closed && !this.#source.isHead(this.#reached)) {
        const { events, position } = await this.#source.read(this.#reached, PAGE_EVENTS);
        if (this.#closed) return;
        if (events.length === 0) this.#reached = position;
        else await this.#give(events, position)?.catch((error: unknown) => this.#fail(error));
      }
      this.#behind = false;
    } catch {
      // The log cannot be read now; retention waits for this consumer, so nothing is lost by waiting.
      if (!this.#closed) this.#retry = setTimeout(() => void this.#catchUp(), RETRY_AFTER);
    }
  }

  #fail(error: unknown): void {
    this.#source.onFailure(error);
    void this.close();
  }

  #clear(): void {
    this.#waiting = [];
    this.#waitingEvents = 0;
    this.#waitingBytes = 0;
  }
}
