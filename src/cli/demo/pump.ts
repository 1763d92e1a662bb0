import type { CliError } from '../exit-code.ts';

export interface PumpOptions {
  /** Events per second. */
  readonly rate: number;
  /** Publishes the next event; rejects with CliError when it was not accepted. */
  readonly publishNext: () => Promise<void>;
  /** Called once a second with what was accepted since the last time and in all. */
  readonly onSecond: (published: number, total: number) => void;
  readonly onRefused: (error: CliError) => void;
}

const tickMilliseconds = 25;
/** Requests under way at once: when the gateway is slower than the rate, the pump slows down with it. */
const maxRequestsUnderWay = 32;

/** Publishes at an even rate until it is stopped. */
export class Pump {
  readonly #options: PumpOptions;
  readonly #underWay = new Set<Promise<void>>();
  readonly #ticks: NodeJS.Timeout;
  readonly #seconds: NodeJS.Timeout;
  #due = 1;
  #lastTick = performance.now();
  #published = 0;
  #total = 0;

  constructor(options: PumpOptions) {
    this.#options = options;
    this.#ticks = setInterval(() => this.#tick(), tickMilliseconds);
    this.#seconds = setInterval(() => this.#report(), 1000);
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    clearInterval(this.#ticks);
    clearInterval(this.#seconds);
    await Promise.all(this.#underWay);
  }

  #tick(): void {
    const now = performance.now();
    // What could not be sent for a second is not made up for: this is a rate, not a quota.
    this.#due = Math.min(this.#due + ((now - this.#lastTick) / 1000) * this.#options.rate, this.#options.rate);
    this.#lastTick = now;
    while (this.#due >= 1 && this.#underWay.size < maxRequestsUnderWay) {
      this.#due -= 1;
      const publishing = this.#publish().finally(() => this.#underWay.delete(publishing));
      this.#underWay.add(publishing);
    }
  }

  async #publish(): Promise<void> {
    try {
      await this.#options.publishNext();
      this.#published += 1;
      this.#total += 1;
    } catch (error) {
      this.#options.onRefused(error as CliError);
    }
  }

  #report(): void {
    this.#options.onSecond(this.#published, this.#total);
    this.#published = 0;
  }
}
