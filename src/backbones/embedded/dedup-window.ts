import type { KeyHash } from './event-key.ts';

/** Parts of the window that are forgotten as one. */
const GENERATIONS = 4;

interface DedupBounds {
  /** Milliseconds that entries are kept, at least; up to a quarter longer. */
  readonly window: number;
  /** Entries kept at most, 24 bytes each at worst; past it the oldest quarter is forgotten early. */
  readonly maxEntries: number;
}

/** Hashes of the events of one log within the window, with their sequence numbers: a hit is a suspicion, to be checked with the event. */
export class DedupWindow {
  readonly window: number;
  readonly #span: number;
  readonly #maxPerGeneration: number;
  /** Oldest first. */
  #generations: Generation[] = [];

  constructor({ window, maxEntries }: DedupBounds) {
    this.window = window;
    this.#span = Math.max(1, Math.ceil(window / GENERATIONS));
    this.#maxPerGeneration = Math.max(1, Math.floor(maxEntries / (GENERATIONS + 1)));
  }

  /** `at` is the acceptance time and never decreases. */
  add(hash: KeyHash, seq: number, at: number): void {
    let current = this.#generations.at(-1);
    if (
      current === undefined ||
      at >= current.start + this.#span ||
      current.size >= this.#maxPerGeneration ||
      seq - current.base >= 0xffff_fffe
    ) {
      this.#forget(at);
      current = new Generation(at, seq);
      this.#generations.push(current);
    }
    current.add(hash, seq);
  }

  /** Sequence numbers that may hold the event, or nothing. */
  find(hash: KeyHash): number[] | undefined {
    let found: number[] | undefined;
    for (const generation of this.#generations) found = generation.find(hash, found);
    return found;
  }

  get size(): number {
    let size = 0;
    for (const generation of this.#generations) size += generation.size;
    return size;
  }

  #forget(now: number): void {
    this.#generations = this.#generations.filter((generation) => generation.start + this.#span + this.window > now).slice(-GENERATIONS);
  }
}

/** An open-addressing table of three 32-bit words an entry: both halves of the hash, and the sequence number from `base`, plus one. */
class Generation {
  readonly start: number;
  readonly base: number;
  size = 0;
  #mask = 63;
  #words = new Uint32Array(3 * 64);

  constructor(start: number, base: number) {
    this.start = start;
    this.base = base;
  }

  add(hash: KeyHash, seq: number): void {
    if (2 * (this.size + 1) > this.#mask) this.#grow();
    this.#put(hash.high, hash.low, seq - this.base + 1);
    this.size++;
  }

  find(hash: KeyHash, found: number[] | undefined): number[] | undefined {
    const words = this.#words;
    for (let slot = hash.low & this.#mask; words[3 * slot + 2] !== 0; slot = (slot + 1) & this.#mask) {
      if (words[3 * slot] !== hash.high || words[3 * slot + 1] !== hash.low) continue;
      found ??= [];
      found.push(this.base + words[3 * slot + 2]! - 1);
    }
    return found;
  }

  #put(high: number, low: number, entry: number): void {
    const words = this.#words;
    let slot = low & this.#mask;
    while (words[3 * slot + 2] !== 0) slot = (slot + 1) & this.#mask;
    words[3 * slot] = high;
    words[3 * slot + 1] = low;
    words[3 * slot + 2] = entry;
  }

  #grow(): void {
    const old = this.#words;
    this.#mask = 2 * this.#mask + 1;
    this.#words = new Uint32Array(3 * (this.#mask + 1));
    for (let index = 0; index < old.length; index += 3) {
      if (old[index + 2] !== 0) this.#put(old[index]!, old[index + 1]!, old[index + 2]!);
    }
  }
}
