/** A bounded map: past the bound it forgets what was not asked for the longest. For what clients choose the keys of. */
export class RecentlyUsed<Value> {
  readonly #maxEntries: number;
  /** Least recently asked for first. */
  readonly #values = new Map<string, Value>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#values.size;
  }

  /** The value of the key; made, and not kept when that throws, where there is none. */
  of(key: string, make: () => Value): Value {
    const value = this.#values.get(key) ?? make();
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#maxEntries) this.#values.delete(this.#values.keys().next().value as string);
    return value;
  }
}
