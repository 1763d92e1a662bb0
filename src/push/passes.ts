interface PassesParts {
  /** Sees to all that changed; may leave some of it for the next pass, having called `changed` and done something. */
  readonly pass: () => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

/**
 * One thing at a time: passes over what changed, and work that needs it to hold still. Whoever waits with work has the next turn when a
 * pass ends; a pass that is due has the next one when those who waited are done.
 */
export class Passes {
  readonly #parts: PassesParts;
  #works: (() => Promise<void>)[] = [];
  #going: Promise<void> | undefined;
  #isDirty = false;
  #isClosed = false;

  constructor(parts: PassesParts) {
    this.#parts = parts;
  }

  /** Whether a pass is due, or somebody waits with work. */
  get isAwaited(): boolean {
    return this.#isDirty || this.#works.length > 0;
  }

  /** A pass is due. */
  changed(): void {
    this.#isDirty = true;
    this.#go();
  }

  /** Resolves when nothing is under way and nothing waits. */
  async settled(): Promise<void> {
    while (this.#going !== undefined) await this.#going;
  }

  /** Runs `work` while there is no pass; with `isClosed` when it was closed before its turn came. */
  async steadily<T>(work: (isClosed: boolean) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#works.push(async () => {
      try {
        resolve(await work(this.#isClosed));
      } catch (error) {
        reject(error);
      }
    });
    this.#go();
    return await promise;
  }

  /** No pass begins any more. */
  close(): void {
    this.#isClosed = true;
  }

  get #isDue(): boolean {
    return this.#works.length > 0 || (this.#isDirty && !this.#isClosed);
  }

  #go(): void {
    if (this.#going !== undefined || !this.#isDue) return;
    this.#going = this.#run().finally(() => {
      this.#going = undefined;
      // Said while this one was ending.
      this.#go();
    });
  }

  async #run(): Promise<void> {
    // Not within the call: what begins here may call itself.
    await Promise.resolve();
    while (this.#isDue) {
      for (const work of this.#works.splice(0)) await work();
      if (!this.#isDirty || this.#isClosed) continue;
      this.#isDirty = false;
      try {
        await this.#parts.pass();
      } catch (error) {
        this.#parts.onFailed(error);
      }
    }
  }
}
