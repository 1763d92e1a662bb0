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

/** One delivery that others may have to wait for. */
interface Head<D> {
  readonly key: string;
  isParked: boolean;
  readonly behind: Queue<D>;
}

/** Keeps the deliveries of one endpoint in their order. Nothing of it needs to be saved: admitting what is not done, as it stands on the log, brings it back. */
export class KeyOrder<D extends object> {
  readonly #order: Order;
  readonly #maxParkedKeys: number;
  readonly #maxWaiting: number;
  readonly #byKey = new Map<string, D>();
  readonly #heads = new Map<D, Head<D>>();
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
  admit(delivery: D, key: string | undefined): Admission {
    const place = this.#order === 'strict' ? '' : key;
    if (this.#order === 'none' || place === undefined) return 'send';
    if (this.#parked >= this.#maxParkedKeys) return 'too-many-keys-parked';
    const first = this.#byKey.get(place);
    if (first === undefined) {
      this.#lead(delivery, { key: place, isParked: false, behind: new Queue() });
      return 'send';
    }
    if (this.#waiting >= this.#maxWaiting) return 'too-many-waiting';
    this.#heads.get(first)?.behind.push(delivery);
    this.#waiting += 1;
    return 'behind';
  }

  /** An attempt failed and there will be another: those behind go on waiting. */
  park(delivery: D): void {
    const head = this.#heads.get(delivery);
    if (head === undefined || head.isParked) return;
    head.isParked = true;
    this.#parked += 1;
  }

  /** The next attempt begins. */
  resume(delivery: D): void {
    const head = this.#heads.get(delivery);
    if (head === undefined || !head.isParked) return;
    head.isParked = false;
    this.#parked -= 1;
  }

  /** A delivery is done for good, delivered or dead: gives the one that waited behind it and may be sent now. */
  settle(delivery: D): D | undefined {
    const head = this.#heads.get(delivery);
    if (head === undefined) return undefined;
    this.resume(delivery);
    this.#heads.delete(delivery);
    const next = head.behind.shift();
    if (next === undefined) {
      this.#byKey.delete(head.key);
      return undefined;
    }
    this.#waiting -= 1;
    this.#lead(next, head);
    return next;
  }

  #lead(delivery: D, head: Head<D>): void {
    this.#byKey.set(head.key, delivery);
    this.#heads.set(delivery, head);
  }
}

/** First in, first out, at constant cost also when it is long. */
class Queue<D> {
  #items: (D | undefined)[] = [];
  #first = 0;

  push(item: D): void {
    this.#items.push(item);
  }

  shift(): D | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    this.#items[this.#first] = undefined;
    this.#first += 1;
    if (this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }
}
