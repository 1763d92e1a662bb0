/** Readers remembered: one that was told long ago and forgotten is told again. */
const maxReaders = 10_000;

/** Durable readers that have been told that retention has passed them by, so that their next `from` is a decision and no accident. */
export class LostReaders {
  /** Ids, oldest first. */
  readonly #told = new Set<string>();

  tell(reader: string): void {
    this.#told.add(reader);
    if (this.#told.size > maxReaders) this.#told.delete(this.#told.values().next().value as string);
  }

  /** Whether it was told since it last began anew; asking is beginning anew. */
  wasTold(reader: string): boolean {
    return this.#told.delete(reader);
  }
}
