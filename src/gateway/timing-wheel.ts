import type { Clock } from '../core/clock.ts';

interface TimingWheelOptions {
  readonly clock: Clock;
  /** Milliseconds between two looks at the clock: nothing fires early, and at most about this much late. */
  readonly tick?: number | undefined;
  /** Entries further away than `slots` ticks are looked at once per turn of the wheel. */
  readonly slots?: number | undefined;
}

/** One scheduled callback: what `schedule` gives and `cancel` takes. */
export interface TimingHandle {
  /** False once it has fired or was cancelled. */
  readonly scheduled: boolean;
}

/** A link of a circular list; the list's head is a link itself, so that nothing is special at the ends. */
class Link {
  previous: Link = this;
  next: Link = this;

  unlink(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.previous = this;
    this.next = this;
  }

  insertBefore(other: Link): void {
    this.previous = other.previous;
    this.next = other;
    other.previous.next = this;
    other.previous = this;
  }
}

class Entry extends Link implements TimingHandle {
  readonly dueTick: number;
  readonly callback: () => void;
  scheduled = true;

  constructor(dueTick: number, callback: () => void) {
    super();
    this.dueTick = dueTick;
    this.callback = callback;
  }
}

/** One timer for all expiries and heartbeats of the gateway: thousands of connections schedule and cancel at constant cost. */
export class TimingWheel {
  readonly #clock: Clock;
  readonly #tick: number;
  readonly #slots: readonly Link[];
  /** Taken out of their slots, not yet called. */
  readonly #due = new Link();
  #seenTick: number;
  #size = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor({ clock, tick = 250, slots = 2_048 }: TimingWheelOptions) {
    this.#clock = clock;
    this.#tick = tick;
    this.#slots = Array.from({ length: slots }, () => new Link());
    this.#seenTick = this.#nowTick();
  }

  /** How many callbacks are scheduled. */
  get size(): number {
    return this.#size;
  }

  /** Whether the timer runs: only while something is scheduled. */
  get running(): boolean {
    return this.#timer !== undefined;
  }

  /** Calls back once when the clock has reached `at` (wall time in milliseconds), never within this call. */
  schedule(at: number, callback: () => void): TimingHandle {
    if (this.#size === 0) this.#start();
    const entry = new Entry(Math.max(Math.ceil(at / this.#tick), this.#seenTick + 1), callback);
    entry.insertBefore(this.#slot(entry.dueTick));
    this.#size += 1;
    return entry;
  }

  /** Does nothing when it has fired or was cancelled before. */
  cancel(handle: TimingHandle): void {
    if (handle.scheduled) this.#remove(handle as Entry);
  }

  /** Calls back everything that is due; the timer does this every tick. */
  turn(): void {
    const now = this.#nowTick();
    const first = Math.max(this.#seenTick + 1, now - this.#slots.length + 1);
    for (let tick = first; tick <= now; tick++) this.#collect(this.#slot(tick), now);
    this.#seenTick = now;
    while (this.#due.next !== this.#due) {
      const entry = this.#due.next as Entry;
      this.#remove(entry);
      entry.callback();
    }
  }

  /** Forgets everything scheduled. */
  close(): void {
    for (const head of [this.#due, ...this.#slots]) {
      while (head.next !== head) this.#remove(head.next as Entry);
    }
  }

  #nowTick(): number {
    return Math.floor(this.#clock.now() / this.#tick);
  }

  #slot(tick: number): Link {
    return this.#slots[tick % this.#slots.length] as Link;
  }

  #collect(head: Link, now: number): void {
    for (let link = head.next; link !== head;) {
      const entry = link as Entry;
      link = link.next;
      if (entry.dueTick > now) continue;
      entry.unlink();
      entry.insertBefore(this.#due);
    }
  }

  #remove(entry: Entry): void {
    entry.unlink();
    entry.scheduled = false;
    this.#size -= 1;
    if (this.#size === 0) this.#stop();
  }

  #start(): void {
    this.#seenTick = this.#nowTick();
    this.#timer = setInterval(() => this.turn(), this.#tick).unref();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
