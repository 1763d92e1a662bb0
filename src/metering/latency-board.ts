import { bucketCount } from './log-histogram.ts';

/** Latencies of one subscription by bucket, since they were last rolled up. */
export interface Latencies {
  readonly tenant: string;
  readonly api: string;
  readonly subscription: string;
  /** From offering to durable. */
  readonly published: Float64Array;
  /** From acceptance to the reader's socket, once for every event and reader. */
  readonly delivered: Float64Array;
}

/** Latency histograms by subscription: as many as there are subscriptions in use. */
export class LatencyBoard {
  readonly #bySubscription = new Map<string, Latencies>();

  of(tenant: string, api: string, subscription: string): Latencies {
    let latencies = this.#bySubscription.get(subscription);
    if (latencies === undefined) {
      latencies = { tenant, api, subscription, published: new Float64Array(bucketCount), delivered: new Float64Array(bucketCount) };
      this.#bySubscription.set(subscription, latencies);
    }
    return latencies;
  }

  values(): Iterable<Latencies> {
    return this.#bySubscription.values();
  }
}
