/** Most requests that are remembered. */
export interface MemoryBounds {
  readonly ofSource: number;
  readonly ofAll: number;
}

/** Some 150 bytes each. */
const usualBounds: MemoryBounds = { ofSource: 100_000, ofAll: 200_000 };

/** What is remembered of all, of one tenant, of one application, or, at the ends, of one source. */
interface Share {
  readonly name: string;
  readonly of: Share | undefined;
  readonly parts: Map<string, Share>;
  /** Of a source, by key, the oldest first; wall times in milliseconds. */
  readonly keys: Map<string, number>;
  /** Requests, those of its parts among them. */
  size: number;
}

/**
 * Which requests were taken and until when that is remembered, of each source for itself. Where there are too many of all, one goes of who
 * has more than an equal share: first of the owners, then of the sources of one owner. Who sends much, or has many sources, never pushes out
 * what is known of others.
 */
export class TakenRequests {
  readonly #bounds: MemoryBounds;
  readonly #ownersOf: (source: string) => readonly string[];
  readonly #all = shareOf('', undefined);
  /** The ends, by source. */
  readonly #sources = new Map<string, Share>();

  /** `ownersOf`: whose a source is, the widest first; default: nobody's, so that each has a share of its own. */
  constructor(bounds: MemoryBounds = usualBounds, ownersOf: (source: string) => readonly string[] = () => []) {
    this.#bounds = bounds;
    this.#ownersOf = ownersOf;
  }

  get size(): number {
    return this.#all.size;
  }

  /** 0 where it is not known. */
  until(source: string, key: string): number {
    return this.#sources.get(source)?.keys.get(key) ?? 0;
  }

  /** The key of one that is remembered no longer for that; undefined: there was room. */
  add(source: string, key: string, until: number): string | undefined {
    const own = this.#sources.get(source) ?? this.#begin(source);
    if (!own.keys.delete(key)) for (const share of line(own)) share.size += 1;
    own.keys.set(key, until);
    const { ofSource, ofAll } = this.#bounds;
    if (own.size > ofSource) return this.#forgetOldest(own);
    return this.#all.size > ofAll ? this.#forgetOldest(whoGives(this.#all, line(own).toReversed().slice(1))) : undefined;
  }

  /** Forgets what can be no repetition any more at this time. */
  sweep(now: number): void {
    for (const own of this.#sources.values()) for (const [key, until] of own.keys) if (until <= now) this.#forget(own, key);
  }

  #begin(source: string): Share {
    let share = this.#all;
    for (const name of [...this.#ownersOf(source), source]) {
      let part = share.parts.get(name);
      if (part === undefined) share.parts.set(name, (part = shareOf(name, share)));
      share = part;
    }
    this.#sources.set(source, share);
    return share;
  }

  #forgetOldest(own: Share): string | undefined {
    const [oldest] = own.keys.keys();
    if (oldest !== undefined) this.#forget(own, oldest);
    return oldest;
  }

  #forget(own: Share, key: string): void {
    own.keys.delete(key);
    for (const share of line(own)) {
      share.size -= 1;
      if (share.size === 0) share.of?.parts.delete(share.name);
    }
    if (own.size === 0) this.#sources.delete(own.name);
  }
}

function shareOf(name: string, of: Share | undefined): Share {
  return { name, of, parts: new Map(), keys: new Map(), size: 0 };
}

/** It, and all it is a part of, up to the whole. */
function line(own: Share): Share[] {
  const shares: Share[] = [];
  for (let share: Share | undefined = own; share !== undefined; share = share.of) shares.push(share);
  return shares;
}

/** The source that gives one up: on the way to who sends just now as long as that has an equal share, so that it pays at once; else of the largest. */
function whoGives(share: Share, [own, ...rest]: readonly Share[]): Share {
  if (share.parts.size === 0) return share;
  if (own !== undefined && own.size * share.parts.size >= share.size) return whoGives(own, rest);
  const parts = [...share.parts.values()];
  return whoGives(
    parts.reduce((largest, one) => (one.size > largest.size ? one : largest)),
    [],
  );
}
