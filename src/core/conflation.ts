import type { Event } from './event.ts';

/** What makes events versions of the same thing. */
export interface Keys {
  /** Undefined for an event without a key, which nothing replaces. Never throws. */
  keyOf(event: Event): string | undefined;
}

/** At most one flush per interval, and in it of each key only the newest event. */
export interface Conflation extends Keys {
  /** Milliseconds. */
  readonly interval: number;
}

/** The newest event of each key so far, the one that came last at the end. */
export class Newest {
  readonly #keys: Keys;
  readonly #byKey = new Map<string | Event, Event>();
  #bytes = 0;

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Payload bytes of the events held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether an older event was given up for this one. */
  add(event: Event): boolean {
    const key = this.#keys.keyOf(event) ?? event;
    const older = this.#byKey.get(key);
    if (older !== undefined) {
      this.#byKey.delete(key);
      this.#bytes -= older.bytes;
    }
    this.#byKey.set(key, event);
    this.#bytes += event.bytes;
    return older !== undefined;
  }

  /** Everything held, which is then held no more. */
  take(): readonly Event[] {
    const events = [...this.#byKey.values()];
    this.#byKey.clear();
    this.#bytes = 0;
    return events;
  }
}
