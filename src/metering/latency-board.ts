import type { SubscriptionContext } from '../core/policy.ts';
import { bucketCount, countIn, latencyBoundOf, latencyOf } from './log-histogram.ts';
import { SubjectLatencies } from './subject-latencies.ts';

export type LatencyMeasure = 'published' | 'delivered';

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

/** Latency histograms by subscription, as many as there are subscriptions in use, and of a bounded number of readers and channels. */
export class LatencyBoard {
  readonly readers: SubjectLatencies;
  readonly channels: SubjectLatencies;
  readonly #bySubscription = new Map<string, Latencies>();
  /** Since the start of the process, by measure and API. */
  readonly #rolledUp = new Map<string, Float64Array>();

  constructor(mostSubjects?: number) {
    this.readers = new SubjectLatencies('reader', mostSubjects);
    this.channels = new SubjectLatencies('channel', mostSubjects);
  }

  /** Changes when readers and channels may have lost their place, or may try for one again. */
  get generation(): number {
    return this.readers.generation;
  }

  /** Everything counted is on disk. */
  renew(): void {
    this.readers.renew();
    this.channels.renew();
  }

  of(tenant: string, api: string, subscription: string): Latencies {
    let latencies = this.#bySubscription.get(subscription);
    if (latencies === undefined) {
      latencies = { tenant, api, subscription, published: new Float64Array(bucketCount), delivered: new Float64Array(bucketCount) };
      this.#bySubscription.set(subscription, latencies);
    }
    return latencies;
  }

  /** Counts events that were accepted. */
  published({ tenant, api, id }: SubscriptionContext, address: string, bucket: number, events: number): void {
    countIn(this.of(tenant, api, id).published, bucket, events);
    const channel = this.channels.of(tenant, `${api}/${address}`);
    if (channel !== undefined) countIn(channel.published, bucket, events);
  }

  values(): Iterable<Latencies> {
    return this.#bySubscription.values();
  }

  /** Moves counts that are on disk out of the minute. */
  rolledUp(latencies: Latencies, measure: LatencyMeasure, counts: readonly (readonly [bucket: number, count: number])[]): void {
    const total = this.#total(measure, latencies.api);
    for (const [index, count] of counts) {
      latencies[measure][index] = (latencies[measure][index] as number) - count;
      total[index] = (total[index] as number) + count;
    }
  }

  /** Everything since the start of the process by API, with a bound for each octave, in seconds. */
  *distributions(
    measure: LatencyMeasure,
  ): Iterable<{ labels: readonly string[]; buckets: readonly (readonly [number, number])[]; count: number; sum: number }> {
    const totals = new Map<string, Float64Array>();
    for (const latencies of this.#bySubscription.values()) {
      const { api } = latencies;
      const total = totals.get(api) ?? Float64Array.from(this.#total(measure, api));
      totals.set(api, total);
      const counts = latencies[measure];
      for (let index = 0; index < bucketCount; index += 1) total[index] = (total[index] as number) + (counts[index] as number);
    }
    for (const [api, total] of totals) yield { labels: [api], ...distributionOf(total) };
  }

  #total(measure: LatencyMeasure, api: string): Float64Array {
    const key = `${measure} ${api}`;
    let total = this.#rolledUp.get(key);
    if (total === undefined) this.#rolledUp.set(key, (total = new Float64Array(bucketCount)));
    return total;
  }
}

/** Octaves exported: up to some 100 s. */
const OCTAVES = 20;

function distributionOf(counts: Float64Array): { buckets: readonly (readonly [number, number])[]; count: number; sum: number } {
  const buckets: (readonly [number, number])[] = [];
  let count = 0;
  let sum = 0;
  for (let index = 0; index < bucketCount; index += 1) {
    const n = counts[index] as number;
    count += n;
    sum += (n * latencyOf(index)) / 1000;
    if (index % 4 === 0 && index <= 4 * OCTAVES) buckets.push([latencyBoundOf(index) / 1000, count]);
  }
  return { buckets, count, sum };
}
