import type { Metrics, Reading } from '../observe/metrics.ts';
import type { Resource, ResourceStore } from '../store/resources.ts';
import { countedUnder } from './push-counts.ts';
import type { PushService } from './push-service.ts';

interface Standing {
  readonly labels: readonly string[];
  endpoints: number;
  /** Events that wait for another attempt. */
  owed: number;
  /** When the oldest event that was not tried yet was accepted, as wall time in milliseconds; Infinity without one. */
  oldest: number;
  deadLetters: number;
}

export interface PushGaugesParts {
  readonly store: Pick<ResourceStore, 'list' | 'byId'>;
  readonly service: Pick<PushService, 'courier' | 'refusal' | 'underWay' | 'slots' | 'openOrigins'>;
  /** How many an endpoint has. */
  readonly deadLettersOf: (endpoint: string) => number;
  /** Wall time in milliseconds. */
  readonly now: () => number;
}

/** Different APIs, protocols and states shown apart; the rest is shown together. */
const mostApart = 450;

/** Shows how endpoints stand at each scrape: one walk through what is in memory, however many figures come of it. */
export function exportPush(metrics: Metrics, { store, service, deadLettersOf, now }: PushGaugesParts): void {
  let standings: readonly Standing[] = [];
  let openBreakers = 0;
  metrics.beforeScrape(() => {
    const found = new Map<string, Standing>();
    openBreakers = 0;
    for (const endpoint of store.list('endpoint')) {
      const courier = service.courier(endpoint.id);
      const standing = standingIn(found, ...countedUnder(endpoint, store), stateOf(endpoint, service));
      standing.endpoints += 1;
      standing.deadLetters += deadLettersOf(endpoint.id);
      if (courier === undefined) continue;
      standing.owed += courier.owed;
      standing.oldest = Math.min(standing.oldest, courier.oldestUntried?.acceptedAt ?? Infinity);
      if (courier.health.breaker.state !== 'closed') openBreakers += 1;
    }
    standings = [...found.values()];
  });
  const readings = (of: (standing: Standing) => number): Iterable<Reading> =>
    standings.map((standing) => ({ labels: standing.labels, value: of(standing) }));
  metrics.gauge('pushEndpoints', () => readings(({ endpoints }) => endpoints));
  metrics.gauge('pushOwed', () => readings(({ owed }) => owed));
  metrics.gauge('pushOldest', () => readings(({ oldest }) => (oldest === Infinity ? 0 : Math.max(0, now() - oldest) / 1000)));
  metrics.gauge('pushDeadLetters', () => readings(({ deadLetters }) => deadLetters));
  metrics.gauge('pushBreakers', () => [
    { labels: ['endpoint'], value: openBreakers },
    { labels: ['origin'], value: service.openOrigins },
  ]);
  metrics.gauge('pushUnderWay', () => [{ labels: [], value: service.underWay }]);
  metrics.gauge('pushSlots', () => [{ labels: [], value: service.slots }]);
}

function standingIn(found: Map<string, Standing>, api: string, protocol: string, state: string): Standing {
  const key = `${api} ${protocol} ${state}`;
  const known = found.get(key);
  if (known !== undefined) return known;
  if (found.size >= mostApart && api !== 'other') return standingIn(found, 'other', protocol, state);
  const standing = { labels: [api, protocol, state], endpoints: 0, owed: 0, oldest: Infinity, deadLetters: 0 };
  found.set(key, standing);
  return standing;
}

/** One word for each endpoint; of several that are true the one that has to be seen to first. */
function stateOf({ id, spec }: Resource<'endpoint'>, service: PushGaugesParts['service']): string {
  if (spec.state !== 'started') return 'paused';
  const refusal = service.refusal(id);
  if (refusal !== undefined) return refusal.details['held'] === 'UNVERIFIED' ? 'unverified' : 'refused';
  const health = service.courier(id)?.health;
  if (health === undefined) return 'opening';
  const { state } = health.failing;
  return state === 'started' && (health.breaker.state !== 'closed' || health.pause.wait > 0) ? 'held' : state;
}
