import { GatewayError } from '../core/errors.ts';

/** Bytes of one request's body, given back when it has been answered. */
export interface Reservation {
  /** Throws OVERLOADED when there is no room for so many more bytes. */
  take(bytes: number): void;
  release(): void;
}

/** Bounds what all request bodies on their way hold together, and each subscription's share of it, so that one cannot starve the others. */
export class BodyBudget {
  readonly #maxBytes: number;
  readonly #maxShareBytes: number;
  readonly #shares = new Map<string, number>();
  #taken = 0;

  constructor(maxBytes: number, maxShareBytes: number) {
    this.#maxBytes = maxBytes;
    this.#maxShareBytes = maxShareBytes;
  }

  /** Bytes held now. */
  get taken(): number {
    return this.#taken;
  }

  reserve(subscription: string): Reservation {
    let own = 0;
    return {
      take: (bytes) => {
        const share = (this.#shares.get(subscription) ?? 0) + bytes;
        if (this.#taken + bytes > this.#maxBytes || share > this.#maxShareBytes) throw full();
        this.#taken += bytes;
        this.#shares.set(subscription, share);
        own += bytes;
      },
      release: () => {
        this.#taken -= own;
        const share = (this.#shares.get(subscription) ?? 0) - own;
        if (share > 0) this.#shares.set(subscription, share);
        else this.#shares.delete(subscription);
        own = 0;
      },
    };
  }
}

function full(): GatewayError {
  return new GatewayError(
    'OVERLOADED',
    'Too many large requests are on their way at once; send fewer at a time, and this one again in a second.',
    { retryAfter: 1000 },
  );
}
