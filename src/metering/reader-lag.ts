import type { Position } from '../core/position.ts';

/** How far a place on a channel is behind its head: events, and age in milliseconds of the oldest of them. */
export interface LagFigures {
  readonly events: number;
  readonly age: number;
}

/** Asks the backbone; null when the place is lost or the backbone does not answer. */
export type LagOf = (log: string, address: string, position: Position) => Promise<LagFigures | null>;

export interface Place {
  readonly log: string;
  readonly address: string;
  readonly position: Position;
}

/** Questions asked of the backbone at once. */
const AT_ONCE = 8;

/** Lag of many readers: those at the same place are asked for once. */
export class ReaderLag {
  readonly #lagOf: LagOf;

  constructor(lagOf: LagOf) {
    this.#lagOf = lagOf;
  }

  async of(places: readonly Place[]): Promise<readonly (LagFigures | null)[]> {
    const keys = places.map(({ log, address, position }) => `${log}\n${address}\n${position}`);
    const distinct = new Map(keys.map((key, index) => [key, places[index] as Place]));
    const found = new Map<string, LagFigures | null>();
    const left = [...distinct].values();
    const worker = async (): Promise<void> => {
      for (const [key, { log, address, position }] of left) found.set(key, await this.#lagOf(log, address, position).catch(() => null));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return keys.map((key) => found.get(key) ?? null);
  }
}
