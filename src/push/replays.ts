import type { Backbone, Channel } from '../core/backbone.ts';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import type { Position, StartFrom } from '../core/position.ts';
import type { Resource } from '../store/resources.ts';
import { mostUnfinished, type Replay, type ReplayLog, type ReplayWish } from './replay-log.ts';

export interface ReplaysParts {
  readonly replays: ReplayLog;
  readonly clock: Clock;
  /** What an endpoint reads; throws what the gateway would tell a client. */
  readonly channelOf: (endpoint: Resource<'endpoint'>) => {
    readonly backbone: Pick<Backbone, 'locate' | 'compare' | 'lag'>;
    readonly channel: Channel;
  };
  /** Dead letters of an endpoint that died before a wall time. */
  readonly countDead: (endpoint: string, before: number) => Promise<number>;
  /** Resolves when whoever delivers knows of it. */
  readonly onChange: () => Promise<void>;
}

/** A stretch of the log. */
export interface RangeWish {
  /** A position, after which it begins, or a time. */
  readonly from: StartFrom;
  /** A position, which is the last, or a time, before which it ends; undefined: all there is now. */
  readonly until: StartFrom | undefined;
  readonly types: readonly string[];
}

/** Replays as they are asked for, watched and called off. */
export class Replays {
  readonly #parts: ReplaysParts;

  constructor(parts: ReplaysParts) {
    this.#parts = parts;
  }

  /** Rejects with POSITION_LOST, with BAD_REQUEST for a stretch that ends before it begins, and with CONFLICT when there are too many. */
  async range(endpoint: Resource<'endpoint'>, { from, until = { at: 'latest' }, types }: RangeWish): Promise<Replay> {
    const { backbone, channel } = this.#parts.channelOf(endpoint);
    const [first, last] = await Promise.all([backbone.locate(channel, from), backbone.locate(channel, until)]);
    if (backbone.compare(first, last) > 0) throw new GatewayError('BAD_REQUEST', 'The range ends before it begins.');
    const [before, behind] = await Promise.all([backbone.lag(channel, first), backbone.lag(channel, last)]);
    const total = Math.max(0, before.events - behind.events);
    return await this.#add(endpoint, { kind: 'range', after: first, until: last, types, before: undefined, total });
  }

  /** Dead letters that died before a wall time. */
  async dead(endpoint: Resource<'endpoint'>, before: number): Promise<Replay> {
    const total = await this.#parts.countDead(endpoint.id, before);
    const nowhere = '' as Position;
    return await this.#add(endpoint, { kind: 'dead', after: nowhere, until: nowhere, types: [], before, total });
  }

  /** Newest first. */
  async list(endpoint: string): Promise<readonly Replay[]> {
    return await this.#parts.replays.list(endpoint);
  }

  async get(endpoint: string, id: string): Promise<Replay | undefined> {
    return await this.#parts.replays.get(endpoint, id);
  }

  /** Nothing more of it is sent once it resolves. False: there is none, or it was over. */
  async cancel(endpoint: string, id: string): Promise<boolean> {
    const { replays, clock, onChange } = this.#parts;
    if ((await replays.get(endpoint, id)) === undefined || !(await replays.move(id, 'cancelled', clock.now()))) return false;
    await onChange();
    return true;
  }

  async #add({ id, tenant, spec }: Resource<'endpoint'>, wish: Omit<ReplayWish, 'endpoint' | 'tenant' | 'address'>): Promise<Replay> {
    const { replays, clock, onChange } = this.#parts;
    const added = await replays.add({ ...wish, endpoint: id, tenant, address: spec.address }, clock.now());
    if (added === undefined)
      throw new GatewayError('CONFLICT', `The endpoint has ${mostUnfinished} replays that are not over, which is the most there can be.`);
    await onChange();
    return added;
  }
}
