import type { Peer } from '../core/entrypoint.ts';

/** Milliseconds between two looks. */
const interval = 100;

interface Watched {
  readonly peer: Peer;
  readonly onGone: () => void;
}

/** Looks from time to time whether clients that wait to be let in are still there. */
export class PeerWatch {
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;

  /** Calls back once when the client has gone; returns how to stop looking. */
  add(peer: Peer, onGone: () => void): () => void {
    const watched = { peer, onGone };
    this.#watched.add(watched);
    this.#timer ??= setInterval(() => this.#look(), interval).unref();
    return () => this.#remove(watched);
  }

  #look(): void {
    for (const watched of this.#watched) {
      if (!watched.peer.destroyed && watched.peer.readableEnded !== true) continue;
      this.#remove(watched);
      watched.onGone();
    }
  }

  #remove(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
