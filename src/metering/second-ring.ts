/** Seconds kept of each series: 15 minutes. */
export const ringSeconds = 900;

/** Events per second over the last 15 minutes. */
export class SecondRing {
  readonly tenant: string;
  readonly measure: string;
  readonly subject: string;
  readonly id: string;
  /** Second since 1970 of the newest slot; everything after it is zero. */
  #newest: number;
  readonly #oldest: number;
  readonly #slots = new Uint32Array(ringSeconds);

  constructor(key: { readonly tenant: string; readonly measure: string; readonly subject: string; readonly id: string }, second: number) {
    this.tenant = key.tenant;
    this.measure = key.measure;
    this.subject = key.subject;
    this.id = key.id;
    this.#newest = second;
    this.#oldest = second;
  }

  get newest(): number {
    return this.#newest;
  }

  /** First second it knows of. */
  get oldest(): number {
    return Math.max(this.#oldest, this.#newest - ringSeconds + 1);
  }

  /** A clock that stepped back counts into the newest second. */
  add(second: number, n: number): void {
    if (second > this.#newest) this.#clear(second);
    const slot = this.#newest % ringSeconds;
    this.#slots[slot] = (this.#slots[slot] as number) + n;
  }

  /** Events of one second; 0 when it is not kept. */
  at(second: number): number {
    if (second > this.#newest || second <= this.#newest - ringSeconds) return 0;
    return this.#slots[second % ringSeconds] as number;
  }

  #clear(second: number): void {
    const from = Math.max(this.#newest + 1, second - ringSeconds + 1);
    for (let next = from; next <= second; next += 1) this.#slots[next % ringSeconds] = 0;
    this.#newest = second;
  }
}
