import type { Meter, ReaderAccount, ReaderRequest } from '../../src/core/meter.ts';
import type { Position } from '../../src/core/position.ts';
import { Ledger } from '../../src/metering/ledger.ts';

/** The books of a reader for whom none are kept: where it begins, and nothing after that. */
class NoAccount implements ReaderAccount {
  readonly id = 'unmetered';
  readonly cursor: Position;
  readonly charged: Position;

  constructor({ start }: ReaderRequest) {
    this.cursor = start;
    this.charged = start;
  }

  charge(): void {}
  chargeLate(): void {}
  takeBack(): void {}
  join(): void {}
  leave(): void {}
  drop(): void {}
  confirm(): void {}
  state(): void {}
  close(): void {}
}

/**
 * Loaded before a Sluice that serves as the measure of what metering costs: its ledger is there and is told nothing of what is read,
 * published and connected, so it has nothing to add up and nothing to write. Good for readers without a name; no option of the product.
 */
const noMeter = {
  open: (request) => Promise.resolve(new NoAccount(request)),
  openTally: () => ({ charge: () => undefined }),
  connected: () => ({ close: () => undefined }),
  published: () => undefined,
} satisfies Partial<Meter>;

Object.assign(Ledger.prototype, noMeter, { touchCredential: () => undefined } satisfies Partial<Ledger>);
