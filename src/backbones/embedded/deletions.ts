import { isPattern, matchesAddress } from '../../core/address.ts';

/** Addresses of one log whose deletions are told apart, a few hundred bytes each; past it the one longest ago counts for every address. */
const MAX_ADDRESSES = 16_384;

/** One address and the newest event retention deleted there. */
export interface Deletion {
  readonly address: string;
  readonly last: number;
}

/** What retention deleted from a log, by address: a position is lost only where something after it is gone. */
export class Deletions {
  /** Up to here any address may have lost events. */
  #floor: number;
  /** The newest deleted event of all. */
  #last: number;
  /** The newest deleted event by address, lowest first, all past the floor. */
  readonly #byAddress = new Map<string, number>();
  readonly #maxAddresses: number;

  /** `known` is in order of `last`. */
  constructor(floor: number, known: readonly Deletion[] = [], maxAddresses = MAX_ADDRESSES) {
    this.#floor = floor;
    this.#last = floor;
    this.#maxAddresses = maxAddresses;
    for (const { address, last } of known) this.record(address, last);
  }

  get floor(): number {
    return this.#floor;
  }

  /** To be called in the order of sequence numbers; again for the same events changes nothing. */
  record(address: string, last: number): void {
    if (last <= (this.#byAddress.get(address) ?? this.#floor)) return;
    this.#byAddress.delete(address);
    this.#byAddress.set(address, last);
    this.#last = Math.max(this.#last, last);
    if (this.#byAddress.size <= this.#maxAddresses) return;
    const [longestAgo, floor] = this.#byAddress.entries().next().value!;
    this.#byAddress.delete(longestAgo);
    this.#floor = floor;
  }

  /** Whether events of the address, or of any under the pattern, are gone after this place. */
  hasAfter(address: string, after: number): boolean {
    if (after >= this.#last) return false;
    if (after < this.#floor || address === '*') return true;
    if (!isPattern(address)) return (this.#byAddress.get(address) ?? 0) > after;
    for (const [deleted, last] of this.#byAddress) if (last > after && matchesAddress(address, deleted)) return true;
    return false;
  }
}
