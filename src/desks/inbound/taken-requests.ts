/** Most requests that are remembered. */
export interface MemoryBounds {
  readonly ofSource: number;
  readonly ofAll: number;
}

/** Some 150 bytes each. */
const usualBounds: MemoryBounds = { ofSource: 100_000, ofAll: 200_000 };

/**
 * Which requests were taken and until when that is remembered, of each source for itself. Where there are too many of all, one goes of
 * a source that has more than an equal share: who sends much never pushes out what is known of who sends little.
 */
export class TakenRequests {
  readonly #bounds: MemoryBounds;
  /** By source and key, the oldest first; wall times in milliseconds. */
  readonly #sources = new Map<string, Map<string, number>>();
  #size = 0;

  constructor(bounds: MemoryBounds = usualBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#size;
  }

  /** 0 where it is not known. */
  until(source: string, key: string): number {
    return this.#sources.get(source)?.get(key) ?? 0;
  }

  /** The key of one that is remembered no longer for that; undefined: there was room. */
  add(source: string, key: string, until: number): string | undefined {
    let own = this.#sources.get(source);
    if (own === undefined) this.#sources.set(source, (own = new Map()));
    if (!own.delete(key)) this.#size += 1;
    own.set(key, until);
    const { ofSource, ofAll } = this.#bounds;
    if (own.size > ofSource) return this.#forgetOldest(own);
    return this.#size > ofAll ? this.#forgetOldest(this.#aboveShare(own)) : undefined;
  }

  /** Forgets what can be no repetition any more at this time. */
  sweep(now: number): void {
    for (const [source, own] of this.#sources) {
      for (const [key, until] of own) {
        if (until > now) continue;
        own.delete(key);
        this.#size -= 1;
      }
      if (own.size === 0) this.#sources.delete(source);
    }
  }

  /** `own` where it has more than its share, so that who sends most pays at once; else the largest, which must have more. */
  #aboveShare(own: Map<string, number>): Map<string, number> {
    if (own.size * this.#sources.size > this.#bounds.ofAll) return own;
    let largest = own;
    for (const one of this.#sources.values()) if (one.size > largest.size) largest = one;
    return largest;
  }

  #forgetOldest(own: Map<string, number>): string | undefined {
    const [oldest] = own.keys();
    if (oldest !== undefined && own.delete(oldest)) this.#size -= 1;
    return oldest;
  }
}
