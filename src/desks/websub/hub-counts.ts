import type { Metrics } from '../../observe/metrics.ts';
import type { Resource } from '../../store/resources.ts';
import type { Hub } from './hub.ts';
import type { Wish } from './wish.ts';

/** What became of a request: its callback confirmed it or did not, the hub denied it, or nobody answered until the hub gave up. */
export type WishResult = 'confirmed' | 'not-confirmed' | 'denied' | 'unreachable';

/** What a look at a topic of others led to: `failed` is tried again, `given-up` is not. */
export type LookResult = 'published' | 'unchanged' | 'failed' | 'given-up';

/** Counts what the hub is asked for and does, by API. */
export class HubCounts {
  readonly #metrics: Metrics;
  readonly #apiOf: (subscription: string) => string;

  /** `apiOf` names the API of a push subscription. */
  constructor(metrics: Metrics, apiOf: (subscription: string) => string) {
    this.#metrics = metrics;
    this.#apiOf = apiOf;
  }

  /** From now on what waits is shown as well. */
  show(hub: Pick<Hub, 'pending'>): void {
    this.#metrics.gauge('websubPending', () => [{ labels: [], value: hub.pending }]);
  }

  /** A request was answered; `mode` is `unknown` for one that could not be read. */
  asked(api: string, mode: string, status: number): void {
    this.#metrics.counter('websubRequests', api, mode, String(status)).value += 1;
  }

  settled({ subscription, request }: Wish, result: WishResult): void {
    this.#metrics.counter('websubVerifications', this.#apiOf(subscription), request.mode, result).value += 1;
  }

  /** Leases were over. */
  expired(ended: readonly Resource<'endpoint'>[]): void {
    for (const { spec } of ended) this.#metrics.counter('websubExpired', this.#apiOf(spec.subscription)).value += 1;
  }

  looked(api: string, result: LookResult): void {
    this.#metrics.counter('websubFetches', api, result).value += 1;
  }
}
