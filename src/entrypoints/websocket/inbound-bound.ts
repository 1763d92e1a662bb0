/** Messages of one client that may be in work or waiting to be answered. */
const maxMessages = 64;
/** Their bytes; one message alone may have more. */
const maxBytes = 1024 * 1024;

/** How much of one client is in work: past the bound its socket is read no further, until half of it is done. */
export class InboundBound {
  #messages = 0;
  #bytes = 0;
  #isFull = false;

  /** Whether the socket is read no further now. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** True: read no further. */
  take(bytes: number): boolean {
    this.#messages += 1;
    this.#bytes += bytes;
    if (this.#isFull || (this.#messages < maxMessages && this.#bytes < maxBytes)) return false;
    this.#isFull = true;
    return true;
  }

  /** True: read on. */
  release(bytes: number): boolean {
    this.#messages -= 1;
    this.#bytes -= bytes;
    if (!this.#isFull || this.#messages > maxMessages / 2 || this.#bytes > maxBytes / 2) return false;
    this.#isFull = false;
    return true;
  }
}

/** Inflated bytes that are cheap enough for anybody, and how many times as many as came. */
const freeBytes = 64 * 1024;
const usualRatio = 16;
/** Inflated bytes a second beyond: what one client may make of little is then a few percent of a core. */
const bytesPerSecond = 4 * 1024 * 1024;

/** Milliseconds for which a message stays in work, since little was sent that became much: reading it costs as if all had been sent. */
export function restFor(bytes: number, received: number): number {
  return bytes <= Math.max(freeBytes, usualRatio * received) ? 0 : (bytes / bytesPerSecond) * 1000;
}
