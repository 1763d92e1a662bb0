import type { Clock } from '../core/clock.ts';
import { FairRing, type Slot } from './fair-ring.ts';
import type { Lane } from './lane-turns.ts';

/** Whoever makes attempts in slots it is given. */
export interface Attempter {
  /** Resolves when the slot is free again. Never rejects. */
  attempt(lane: Lane): Promise<void>;
}

/** Hands out the slots in which attempts are made, as the ring says who is next. */
export class Dispatcher<A extends Attempter> {
  readonly #ring: FairRing<A>;
  #isScheduled = false;

  constructor(clock: Clock, options: { readonly maxSlots?: number } = {}) {
    this.#ring = new FairRing(clock, options);
  }

  /** Attempts under way. */
  get underWay(): number {
    return this.#ring.held;
  }

  /** Attempts that may be under way at once. */
  get slots(): number {
    return this.#ring.slots;
  }

  add(attempter: A, tenant: string): void {
    this.#ring.add(attempter, tenant);
  }

  remove(attempter: A): void {
    this.#ring.remove(attempter);
  }

  /** As `FairRing.offer`; slots are handed out a little later. */
  offer(attempter: A, ready: Readonly<Partial<Record<Lane, number>>>, windowAttempts: number): void {
    this.#ring.offer(attempter, ready, windowAttempts);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#handOut());
  }

  #handOut(): void {
    this.#isScheduled = false;
    for (let slot = this.#ring.take(); slot !== undefined; slot = this.#ring.take()) void this.#run(slot);
  }

  async #run(slot: Slot<A>): Promise<void> {
    try {
      await slot.endpoint.attempt(slot.lane);
    } finally {
      this.#ring.release(slot);
      this.#schedule();
    }
  }
}
