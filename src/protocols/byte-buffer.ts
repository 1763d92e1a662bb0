const nothing = Buffer.alloc(0);

/** Bytes gathered from pieces of any size: doubles as it grows, so that even single bytes cost linear time. The caller bounds it. */
export class ByteBuffer {
  #bytes = nothing;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies the piece. */
  append(piece: Uint8Array): void {
    const needed = this.#length + piece.byteLength;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length, 64));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  /** What was gathered; it then belongs to the caller, and gathering starts anew. */
  take(): Buffer {
    const whole = this.#bytes.subarray(0, this.#length);
    this.#bytes = nothing;
    this.#length = 0;
    return whole;
  }
}
