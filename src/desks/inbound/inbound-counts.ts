import type { Metrics } from '../../observe/metrics.ts';
import type { TopicSubscriber } from './topic-subscriber.ts';

/** What a request came as. `empty`: believed, and there is no event in it; `challenge`: it asked whether somebody is here. */
export type CameAs = 'accepted' | 'repeated' | 'empty' | 'challenge' | 'paused' | 'refused';

/** Stands for the preset where there is no source: what callers put in a URL must name nothing. */
export const nobody = 'unknown';

/** Counts webhooks of other providers by API and preset. */
export class InboundCounts {
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** From now on subscriptions at hubs are shown as well. */
  show(topics: Pick<TopicSubscriber, 'states'>): void {
    this.#metrics.gauge('inboundTopics', () => {
      const counts = { subscribed: 0, asking: 0, failing: 0 };
      for (const state of topics.states()) counts[state] += 1;
      return Object.entries(counts).map(([state, value]) => ({ labels: [state], value }));
    });
  }

  /** `code` is empty for what was not refused. */
  came(api: string, preset: string, { result, code }: { readonly result: CameAs; readonly code: string }): void {
    this.#metrics.counter('inboundRequests', api, preset, result, code).value += 1;
  }
}
