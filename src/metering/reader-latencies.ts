import type { LatencyBoard } from './latency-board.ts';
import { countIn } from './log-histogram.ts';
import type { Subjects } from './rate-source.ts';

/** The histograms one reader's deliveries count into: its subscription's, its channel's and its own. */
export class ReaderLatencies {
  readonly #board: LatencyBoard;
  readonly #subjects: Subjects & { readonly reader: string };
  readonly #subscription: Float64Array;
  #reader: Float64Array | undefined;
  #channel: Float64Array | undefined;
  #generation = -1;

  constructor(board: LatencyBoard, subjects: Subjects & { readonly reader: string }) {
    this.#board = board;
    this.#subjects = subjects;
    this.#subscription = board.of(subjects.tenant, subjects.api, subjects.subscription).delivered;
  }

  count(bucket: number, n: number): void {
    if (this.#generation !== this.#board.generation) this.#resolve();
    countIn(this.#subscription, bucket, n);
    if (this.#reader !== undefined) countIn(this.#reader, bucket, n);
    if (this.#channel !== undefined) countIn(this.#channel, bucket, n);
  }

  #resolve(): void {
    const { tenant, reader, api, address } = this.#subjects;
    this.#generation = this.#board.generation;
    this.#reader = this.#board.readers.of(tenant, reader)?.delivered;
    this.#channel = this.#board.channels.of(tenant, `${api}/${address}`)?.delivered;
  }
}
