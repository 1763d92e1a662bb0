/** Sinks one worker may have: more than the sockets it takes. */
export const maxSinks = 131_072;

/** Int32 words of a slot: bytes the worker has handed to its socket, wrapping, and bytes that wait there for the kernel. */
const wordsPerSlot = 2;
/** The first words belong to the whole link. */
const header = 2;

/** What a worker tells the main thread all the time without a message: how far it has come, in memory both see. */
export class SinkBoard {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(memory = new SharedArrayBuffer(4 * (header + maxSinks * wordsPerSlot))) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Bytes of delivery messages the worker has dealt with, modulo 2^32. */
  get consumed(): number {
    return Atomics.load(this.#words, 0);
  }

  consume(bytes: number): void {
    Atomics.add(this.#words, 0, bytes | 0);
  }

  /** Bytes handed to a sink's socket so far, modulo 2^32. */
  taken(slot: number): number {
    return Atomics.load(this.#words, header + slot * wordsPerSlot);
  }

  /** Bytes that waited for the kernel when the sink was last looked at. */
  waiting(slot: number): number {
    return Atomics.load(this.#words, header + slot * wordsPerSlot + 1);
  }

  /** `bytes` more were handed to the sink's socket, where `waiting` are left. */
  take(slot: number, bytes: number, waiting: number): void {
    const word = header + slot * wordsPerSlot;
    // In this order, so that a reader of both never sees less than there is.
    Atomics.store(this.#words, word + 1, waiting);
    Atomics.add(this.#words, word, bytes | 0);
  }

  /** The slot begins anew. */
  reset(slot: number): void {
    const word = header + slot * wordsPerSlot;
    Atomics.store(this.#words, word, 0);
    Atomics.store(this.#words, word + 1, 0);
  }
}
