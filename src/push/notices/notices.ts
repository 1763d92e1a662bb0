import type { Clock } from '../../core/clock.ts';
import type { GatewayError } from '../../core/errors.ts';
import type { Resource, ResourceStore } from '../../store/resources.ts';
import type { AttemptRecord } from '../attempt-record.ts';
import type { EndpointHealth } from '../endpoint-health.ts';
import type { Transition } from '../failing-state.ts';
import { holdReasons } from '../hold-reason.ts';
import type { NoticeBook } from './notice-book.ts';
import { noticeApi, type NoticeKind } from './notice.ts';

export interface NoticesParts {
  readonly store: Pick<ResourceStore, 'byId' | 'get'>;
  readonly book: Pick<NoticeBook, 'put'>;
  readonly clock: Clock;
  /** How an endpoint does that is delivered to. */
  readonly healthOf: (endpoint: string) => EndpointHealth | undefined;
  /** Milliseconds over which deliveries that are given up are told of together; default 5 minutes. */
  readonly gatherFor?: number;
}

type Endpoint = Resource<'endpoint'>;

interface Gathered {
  readonly since: number;
  count: number;
}

/** Endpoints whose given up deliveries are being counted at once; past it the oldest count ends early. */
const mostGathered = 10_000;
/** Milliseconds for the last of them to come to disk. */
const settling = 5000;

/** Puts in words what becomes of endpoints. What it is told in a turn of the loop is on disk with what else that turn puts into the books. */
export class Notices {
  readonly #parts: NoticesParts;
  readonly #gatherFor: number;
  readonly #gathered = new Map<string, Gathered>();

  constructor(parts: NoticesParts) {
    this.#parts = parts;
    this.#gatherFor = parts.gatherFor ?? 300_000;
  }

  /** It changed between started, failing and stopped (SW-18, SW-25). */
  moved(endpoint: Endpoint, { from, to, reason }: Transition): void {
    const kind = kindOf(from, to, reason);
    const at = this.#parts.clock.now();
    const sentence = reason === undefined ? sentences[to] : holdReasons[reason];
    this.#tell(endpoint, kind, { at, since: at, more: { sentence, from, to, ...(reason && { reason }), ...this.#health(endpoint.id) } });
  }

  /** Nothing can be pushed to it before somebody changes something. What passes by itself is not told. */
  refused(endpoint: Endpoint, { code, message, advice, details }: GatewayError): void {
    if (advice !== 'never' || isAboutNotices(this.#parts.store, endpoint)) return;
    const at = this.#parts.clock.now();
    if (details['held'] === 'UNVERIFIED') {
      // Before it was asked for the first time there is nothing to tell.
      if (details['asked'] === true) this.#tell(endpoint, 'unverified', { at, since: endpoint.version, more: { sentence: message } });
      return;
    }
    this.#tell(endpoint, 'refused', { at, since: `${endpoint.version}.${code}`, more: { sentence: message, code } });
  }

  /** Its breaker has not been closed for long; `since` is the first failure after the last success. */
  held(endpoint: Endpoint, since: number): void {
    if (isAboutNotices(this.#parts.store, endpoint)) return;
    const at = this.#parts.clock.now();
    this.#tell(endpoint, 'held', { at, since, more: { sentence: holdReasons.BREAKER_OPEN, ...this.#health(endpoint.id) } });
  }

  /** An attempt was made: those that were the last are counted, and told together. What a replay gives up it counts itself. */
  attempted({ endpoint: id, outcome, lane, at, eventId, eventIds, eventType, position }: AttemptRecord): void {
    if (outcome !== 'dead' || lane === 'replay') return;
    const endpoint = this.#parts.store.byId('endpoint', id);
    // Of the notices themselves nothing is told that could again be given up.
    if (endpoint === undefined || isAboutNotices(this.#parts.store, endpoint)) return;
    const gathered = this.#gather(id);
    gathered.count += eventIds?.length ?? 1;
    const { since, count } = gathered;
    const sentence = `${count === 1 ? 'A delivery was' : `${count} deliveries were`} given up; retry them when the receiver works.`;
    const newest = { event: eventId, type: eventType, position };
    const more = { sentence, count, from: timeText(since), to: timeText(Math.max(since, at)), newest };
    this.#tell(endpoint, 'dead-letters', { at: since, since, more, dueAt: since + this.#gatherFor + settling });
  }

  #gather(endpoint: string): Gathered {
    const now = this.#parts.clock.now();
    const known = this.#gathered.get(endpoint);
    if (known !== undefined && now < known.since + this.#gatherFor) return known;
    const begun: Gathered = { since: now, count: 0 };
    // At the end of the map, so that the first one is the oldest.
    this.#gathered.delete(endpoint);
    this.#gathered.set(endpoint, begun);
    if (this.#gathered.size > mostGathered) this.#gathered.delete(this.#gathered.keys().next().value as string);
    return begun;
  }

  #tell(endpoint: Endpoint, kind: NoticeKind, { at, since, more, dueAt = 0 }: Telling): void {
    const { id, name, tenant, parent, spec } = endpoint;
    const { store, book } = this.#parts;
    const owner = store.get('application', parent, '', tenant)?.id;
    // What is gone concerns nobody: whoever has the application's name by now may be another.
    if (owner === undefined || store.byId('endpoint', id) === undefined) return;
    const { subscription, address } = spec;
    const api = store.byId('subscription', subscription)?.spec.api ?? '';
    const data = { application: parent, endpoint: { id, name, subscription, api, address }, ...more };
    book.put({ id: `${id}.${kind}.${since}`, tenant, application: parent, owner, kind, endpoint: id, at, data }, dueAt);
  }

  #health(endpoint: string): Readonly<Record<string, unknown>> {
    const failing = this.#parts.healthOf(endpoint)?.failing.snapshot();
    if (failing === undefined) return {};
    const { consecutiveFailures, failingSince } = failing;
    return { failures: consecutiveFailures, ...(failingSince === undefined ? {} : { failingSince: timeText(failingSince) }) };
  }
}

interface Telling {
  readonly at: number;
  /** What tells it from the same kind of notice at another time. */
  readonly since: number | string;
  readonly more: Readonly<Record<string, unknown>>;
  readonly dueAt?: number;
}

const sentences = {
  started: 'Deliveries go on.',
  failing: 'No delivery has succeeded for a long time. If that goes on, the endpoint is stopped.',
  stopped: holdReasons.STOPPED_BY_OPERATOR,
} as const;

function kindOf(from: Transition['from'], to: Transition['to'], reason: Transition['reason']): NoticeKind {
  if (to === 'failing') return 'failing';
  if (to === 'stopped') return reason === 'GONE' ? 'gone' : 'stopped';
  return from === 'stopped' ? 'started' : 'recovered';
}

/** Whether notices are what it delivers. */
function isAboutNotices(store: NoticesParts['store'], { spec }: Endpoint): boolean {
  return store.byId('subscription', spec.subscription)?.spec.api === noticeApi;
}

function timeText(at: number): string {
  return new Date(at).toISOString();
}
