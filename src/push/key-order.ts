/** In which order the deliveries of one endpoint may overlap: any, one of each key at a time, or one at a time. */
export type Order = 'none' | 'per-key' | 'strict';

/**
 * What becomes of a delivery that is next on the log: it may be sent, or it waits for an earlier one and is given out when that is
 * done. It is not taken at all when so many keys already wait for a retry, or so many deliveries behind others: read no further then.
 */
export type Admission = 'send' | 'behind' | 'too-many-keys-parked' | 'too-many-waiting';

interface KeyOrderOptions {
  readonly maxParkedKeys?: number;
  readonly maxWaitingDeliveries?: number;
}

/** A delivery among those of its keys: it may be sent when it is the first of each. */
interface Standing {
  readonly keys: readonly string[];
  /** Keys in which there is one before it. */
  behind: number;
  isParked: boolean;
}

/**
 * Keeps the deliveries of one endpoint in their order; one that carries several events has all their keys, and its place among each.
 * Nothing of it needs to be saved: admitting what is not done, as it stands on the log, brings it back.
 */
export class KeyOrder<D extends object> {
  readonly #order: Order;
  readonly #maxParkedKeys: number;
  readonly #maxWaiting: number;
  readonly #byKey = new Map<string, Queue<D>>();
  readonly #standing = new Map<D, Standing>();
  #parked = 0;
  #waiting = 0;

  constructor(order: Order, { maxParkedKeys = 1_000, maxWaitingDeliveries = 10_000 }: KeyOrderOptions = {}) {
    this.#order = order;
    this.#maxParkedKeys = maxParkedKeys;
    this.#maxWaiting = maxWaitingDeliveries;
  }

  /** Keys whose first delivery waits for a retry. */
  get parkedKeys(): number {
    return this.#parked;
  }

  /** Deliveries that wait behind others. */
  get waitingDeliveries(): number {
    return this.#waiting;
  }

  /** Deliveries are admitted as they stand on the log. One without a key waits for nobody, except where the order is strict. */
  admit(delivery: D, keys: Iterable<string | undefined>): Admission {
    const places = this.#placesOf(keys);
    if (places.length === 0) return 'send';
    if (this.#parked >= this.#maxParkedKeys) return 'too-many-keys-parked';
    if (this.#waiting >= this.#maxWaiting && places.some((key) => this.#byKey.has(key))) return 'too-many-waiting';
    return this.#place(delivery, places);
  }

  /** The same for one that an earlier run has taken: there is room for it, or those behind it would pass it. */
  restore(delivery: D, keys: Iterable<string | undefined>): 'send' | 'behind' {
    const places = this.#placesOf(keys);
    return places.length === 0 ? 'send' : this.#place(delivery, places);
  }

  /** An attempt failed and there will be another: those behind go on waiting. */
  park(delivery: D): void {
    const standing = this.#standing.get(delivery);
    if (standing === undefined || standing.isParked) return;
    standing.isParked = true;
    this.#parked += standing.keys.length;
  }

  /** The next attempt begins. */
  resume(delivery: D): void {
    const standing = this.#standing.get(delivery);
    if (standing === undefined || !standing.isParked) return;
    standing.isParked = false;
    this.#parked -= standing.keys.length;
  }

  /** A delivery is done for good, delivered or dead: gives those that waited behind it and may be sent now. */
  settle(delivery: D): readonly D[] {
    return this.replace(delivery, []);
  }

  /** A delivery that could be sent is taken apart, and its parts have its place, the first before the second: gives all that may be sent now. */
  replace(delivery: D, parts: readonly (readonly [part: D, keys: Iterable<string | undefined>])[]): readonly D[] {
    this.resume(delivery);
    const placed = parts.map(([part, keys]) => [part, this.#placesOf(keys)] as const);
    const free = placed.filter(([, places]) => places.length === 0).map(([part]) => part);
    for (const [part, keys] of placed) if (keys.length > 0) this.#standing.set(part, { keys, behind: keys.length, isParked: false });
    this.#waiting += placed.length - free.length;
    const standing = this.#standing.get(delivery);
    this.#standing.delete(delivery);
    for (const key of standing?.keys ?? []) {
      const queue = this.#byKey.get(key);
      queue?.replaceFirst(placed.filter(([, places]) => places.includes(key)).map(([part]) => part));
      const next = queue?.first;
      if (next === undefined) this.#byKey.delete(key);
      else if (this.#stepUp(next)) free.push(next);
    }
    return free;
  }

  #place(delivery: D, places: readonly string[]): 'send' | 'behind' {
    const behind = places.filter((key) => this.#byKey.has(key)).length;
    for (const key of places) {
      const queue = this.#byKey.get(key);
      if (queue === undefined) this.#byKey.set(key, new Queue(delivery));
      else queue.push(delivery);
    }
    this.#standing.set(delivery, { keys: places, behind, isParked: false });
    if (behind === 0) return 'send';
    this.#waiting += 1;
    return 'behind';
  }

  /** It is the first in one more of its keys. True: in all. */
  #stepUp(delivery: D): boolean {
    const standing = this.#standing.get(delivery);
    if (standing === undefined) return false;
    standing.behind -= 1;
    if (standing.behind > 0) return false;
    this.#waiting -= 1;
    return true;
  }

  #placesOf(keys: Iterable<string | undefined>): readonly string[] {
    if (this.#order === 'none') return [];
    if (this.#order === 'strict') return [''];
    return [...new Set(keys)].filter((key) => key !== undefined);
  }
}

/** First in, first out, at constant cost also when it is long. */
class Queue<D> {
  #items: (D | undefined)[];
  #first = 0;

  constructor(item: D) {
    this.#items = [item];
  }

  get first(): D | undefined {
    return this.#items[this.#first];
  }

  push(item: D): void {
    this.#items.push(item);
  }

  /** Puts others, or nothing, where the first one is. */
  replaceFirst(items: readonly D[]): void {
    this.#items[this.#first] = undefined;
    this.#first += 1;
    if (items.length > 0) {
      this.#items.splice(0, this.#first, ...items);
      this.#first = 0;
    } else if (this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
  }
}
