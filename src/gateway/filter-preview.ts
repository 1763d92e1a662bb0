import { setTimeout } from 'node:timers/promises';
import type { Backbone, Channel } from '../core/backbone.ts';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import type { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import type { Catalogue } from './catalogue.ts';
import { tryFilter, type TrialResult } from './filter-trial.ts';
import { withinHorizon } from './horizon.ts';
import { placeOfNewest } from './newest-events.ts';
import { allowedInPart } from './push-access.ts';
import { withinSight } from './sight.ts';

/** What a filter is to be tried on. */
export interface PreviewRequest {
  /** Id of the subscription that must be allowed to read there. */
  readonly subscription: string;
  readonly address: string;
  readonly wantsType: (type: string) => boolean;
  /** CEL; undefined: every event of a wanted type matches. */
  readonly filter: string | undefined;
  /** Most events to look at, the newest ones. */
  readonly limit: number;
}

/** An event without its data: trying a filter delivers nothing. */
export interface SeenEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | undefined;
  readonly address: string;
  readonly position: Position;
  /** Wall time of acceptance in milliseconds. */
  readonly acceptedAt: number;
  /** Payload size. */
  readonly bytes: number;
}

/** What a filter made of events that are there already. */
export interface Preview {
  /** Events of the address that were looked at, whatever their type. */
  readonly examined: number;
  readonly matched: number;
  /** Acceptance of the oldest and the newest of them, in milliseconds; null when there is none. */
  readonly from: number | null;
  readonly to: number | null;
  /** False: time was up before the newest were reached. */
  readonly complete: boolean;
  /** The newest that matched, newest first. */
  readonly examples: readonly SeenEvent[];
  readonly faults: {
    /** Events of a wanted type on which the expression failed; they do not match. */
    readonly events: number;
    /** The newest of them, newest first. */
    readonly examples: readonly (SeenEvent & { readonly sentence: string })[];
  };
}

export interface FilterPreviewParts {
  readonly catalogue: Pick<Catalogue, 'subscription' | 'api'>;
  readonly clock: Clock;
  /** Milliseconds that one takes at most, give or take a read of the log; default 3,000. */
  readonly mostTime?: number;
}

/** Filters are run on the thread that serves everybody: so many previews at once, and of each subscription one. */
const mostAtOnce = 4;
const mostExamples = 5;
const pieceEvents = 250;
const pieceBytes = 1024 * 1024;
/** Milliseconds without a break for others, and of the break: whoever tries costly filters without end has a sixth of the thread. */
const stretch = 4;
const rest = 20;

/** Tries filters on the newest events of a channel; bounded in number, time and memory. */
export class FilterPreview {
  readonly #parts: FilterPreviewParts;
  readonly #running = new Set<string>();

  constructor(parts: FilterPreviewParts) {
    this.#parts = parts;
  }

  /** Rejects as the gateway would for somebody who reads there; INVALID_FILTER with line and column; OVERLOADED while others are tried. */
  async preview(request: PreviewRequest): Promise<Preview> {
    const { subscription, filter, limit } = request;
    const { catalogue, mostTime = 3000 } = this.#parts;
    const { api, subscription: bound } = allowedInPart({ catalogue }, request);
    const trial = filter === undefined ? (): TrialResult => 'yes' : tryFilter(filter);
    if (this.#running.has(subscription) || this.#running.size >= mostAtOnce) throw busy();
    this.#running.add(subscription);
    try {
      const until = performance.now() + mostTime;
      const tally = new Tally((event) => (request.wantsType(event.type) ? trial(event) : 'no'));
      const { address } = request;
      const places = withinSight(withinHorizon(api.backbone, bound.horizon, address), catalogue, { request, api });
      return await this.#examine(places, { log: api.log, address }, { limit, tally, isOver: () => performance.now() >= until });
    } finally {
      this.#running.delete(subscription);
    }
  }

  async #examine(
    backbone: Pick<Backbone, 'locate' | 'lag' | 'read'>,
    channel: Channel,
    { limit, tally, isOver }: Examination,
  ): Promise<Preview> {
    const until = await backbone.locate(channel, { at: 'latest' });
    const { after, events: behind } = await placeOfNewest(backbone, channel, { count: limit, now: this.#parts.clock.now(), isOver });
    let passed = Math.max(0, behind - limit);
    let position = after;
    let rested = performance.now();
    while (!isOver() && position !== until && tally.examined < limit) {
      const { events, position: reached } = await backbone.read({
        channel,
        after: position,
        until,
        limit: pieceEvents,
        maxBytes: pieceBytes,
      });
      for (const event of events) {
        if (passed > 0) {
          passed -= 1;
          continue;
        }
        if (tally.examined >= limit) break;
        if (performance.now() - rested >= stretch) {
          if (isOver()) return tally.result(false);
          await setTimeout(rest);
          rested = performance.now();
        }
        tally.take(event);
      }
      if (events.length === 0 && reached === position) break;
      position = reached;
    }
    return tally.result(!isOver() || position === until || tally.examined >= limit);
  }
}

interface Examination {
  readonly limit: number;
  readonly tally: Tally;
  readonly isOver: () => boolean;
}

/** Counts what a trial makes of events and keeps the newest of each kind, in constant memory. */
class Tally {
  readonly #trial: (event: Event) => TrialResult;
  #examined = 0;
  #matched = 0;
  #faults = 0;
  #from: number | null = null;
  #to: number | null = null;
  readonly #matching: SeenEvent[] = [];
  readonly #failing: (SeenEvent & { readonly sentence: string })[] = [];

  constructor(trial: (event: Event) => TrialResult) {
    this.#trial = trial;
  }

  get examined(): number {
    return this.#examined;
  }

  take(event: Event): void {
    this.#examined += 1;
    this.#from ??= event.acceptedAt;
    this.#to = event.acceptedAt;
    const result = this.#trial(event);
    if (result === 'no') return;
    if (result === 'yes') {
      this.#matched += 1;
      keepNewest(this.#matching, seen(event));
    } else {
      this.#faults += 1;
      keepNewest(this.#failing, { ...seen(event), sentence: result.fault });
    }
  }

  result(complete: boolean): Preview {
    return {
      examined: this.#examined,
      matched: this.#matched,
      from: this.#from,
      to: this.#to,
      complete,
      examples: this.#matching.toReversed(),
      faults: { events: this.#faults, examples: this.#failing.toReversed() },
    };
  }
}

function keepNewest<T>(kept: T[], one: T): void {
  if (kept.length === mostExamples) kept.shift();
  kept.push(one);
}

function seen({ id, source, type, subject, address, position, acceptedAt, bytes }: Event): SeenEvent {
  return { id, source, type, subject, address, position, acceptedAt, bytes };
}

function busy(): GatewayError {
  return new GatewayError('OVERLOADED', 'Another filter is being tried; ask again in a moment.', { retryAfter: 1000 });
}
