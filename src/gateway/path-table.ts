import { pathSegments } from './path.ts';

/** What stands on which path, found by the longest path that a URL begins with. */
export class PathTable<T> {
  readonly #byPath: ReadonlyMap<string, T>;
  readonly #longest: number;

  constructor(entries: Iterable<T>, pathOf: (entry: T) => string) {
    const byPath = new Map<string, T>();
    let longest = 0;
    for (const entry of entries) {
      const segments = pathSegments(pathOf(entry));
      byPath.set(segments.join('/'), entry);
      longest = Math.max(longest, segments.length);
    }
    this.#byPath = byPath;
    this.#longest = longest;
  }

  /** The entry, and the segments behind its path. */
  find(path: string): { readonly entry: T; readonly rest: readonly string[] } | undefined {
    const segments = pathSegments(path);
    for (let length = Math.min(segments.length, this.#longest); length >= 0; length -= 1) {
      const entry = this.#byPath.get(segments.slice(0, length).join('/'));
      if (entry !== undefined) return { entry, rest: segments.slice(length) };
    }
    return undefined;
  }
}
