import type { Backbone, Channel } from '../core/backbone.ts';
import type { Event } from '../core/event.ts';
import type { GatewayError } from '../core/errors.ts';
import type { Batch } from '../core/meter.ts';
import type { ConnectionContext } from '../core/policy.ts';
import type { Position } from '../core/position.ts';
import type { BoundSubscription } from './catalogue.ts';
import { withinHorizon } from './horizon.ts';
import { placeOfNewest } from './newest-events.ts';
import { allowance } from './paging.ts';
import { allowed } from './push-access.ts';
import { refusalOf } from './refusal.ts';
import type { SessionServices } from './session.ts';

/** The newest events of a type, for somebody whose key was looked at already. */
export interface NewestRequest {
  /** Id of the subscription under which they are read. */
  readonly subscription: string;
  /** Address or pattern. */
  readonly address: string;
  readonly type: string;
  /** Most events. */
  readonly count: number;
  /** What they are counted under. */
  readonly protocol: string;
}

type Services = Pick<SessionServices, 'catalogue' | 'meter' | 'now'>;

/** Events looked at for some of the type. */
const mostExamined = 250;
const mostBytes = 1024 * 1024;
/** Milliseconds for finding them. */
const mostTime = 1000;

/**
 * The newest events, newest first, under the limits of the plan and charged as a page of them would be. Rejects with what a client would
 * be told; with the limit when none may be given at all.
 */
export async function newestPage(services: Services, request: NewestRequest): Promise<readonly Event[]> {
  const { catalogue, meter, now } = services;
  const { address, protocol } = request;
  const { api, subscription } = allowed({ catalogue }, { subscription: request.subscription, address });
  const refuse = (stage: 'connect' | 'deliver', error: GatewayError, events: number): void =>
    meter.refused(refusalOf(subscription, { stage, error, events, address, protocol }));
  const connection: ConnectionContext = {
    protocol,
    subscription: subscription.context,
    credential: 'api-key',
    stream: false,
    connectedAt: now(),
  };
  const refusal = subscription.stages.connect(connection);
  if (refusal !== undefined) {
    refuse('connect', refusal, 0);
    throw refusal;
  }
  try {
    const channel = { log: api.log, address };
    const found = await findNewest(withinHorizon(api.backbone, subscription.horizon, address), channel, { ...request, now: now() });
    if (found.batch.events.length === 0) return [];
    const account = await meter.open(
      {
        subscription: subscription.context,
        protocol,
        log: api.log,
        address,
        name: undefined,
        filter: `the newest ${request.type}`,
        start: found.start,
        resumes: false,
        // Nobody asks for a place after it, and who asks often would take that of connections that come back.
        isResumable: false,
      },
      () => undefined,
    );
    try {
      // The plan may have changed meanwhile.
      const batch = taken(catalogue.subscription(request.subscription) ?? subscription, found.batch, (error, events) =>
        refuse('deliver', error, events),
      );
      account.charge(batch, 0);
      return batch.events.toReversed();
    } finally {
      account.close();
    }
  } finally {
    subscription.stages.disconnect(connection);
  }
}

interface Found {
  readonly start: Position;
  /** The newest of the type; the others that were looked at count as filtered. */
  readonly batch: Batch;
}

async function findNewest(
  backbone: Pick<Backbone, 'locate' | 'lag' | 'read'>,
  channel: Channel,
  { type, count, now }: Pick<NewestRequest, 'type' | 'count'> & { readonly now: number },
): Promise<Found> {
  const over = performance.now() + mostTime;
  const isOver = (): boolean => performance.now() >= over;
  const until = await backbone.locate(channel, { at: 'latest' });
  const { after: start } = await placeOfNewest(backbone, channel, { count: mostExamined, now, isOver });
  let events: readonly Event[] = [];
  let examined = 0;
  let position = start;
  while (position !== until && !isOver()) {
    const read = await backbone.read({ channel, after: position, until, limit: mostExamined, maxBytes: mostBytes });
    if (read.events.length === 0 && read.position === position) break;
    events = [...events, ...read.events.filter((each) => each.type === type)].slice(-count);
    examined += read.events.length;
    position = read.position;
  }
  return { start, batch: batchOf(events, examined, position) };
}

function batchOf(events: readonly Event[], examined: number, position: Position): Batch {
  return { events, bytes: events.reduce((sum, { bytes }) => sum + bytes, 0), position, filtered: examined - events.length };
}

/** What the limits let go of a batch, its newest events; throws the limit that lets none go. */
function taken(subscription: BoundSubscription, whole: Batch, onLimited: (error: GatewayError, events: number) => void): Batch {
  const { allowed: count, limit } = allowance(subscription, whole);
  const { length } = whole.events;
  if (limit !== undefined) {
    onLimited(limit.error, length - count);
    if (count === 0) throw limit.error;
  }
  const batch = batchOf(whole.events.slice(length - count), whole.filtered + length, whole.position);
  subscription.stages.delivered(batch.events.length, batch.bytes);
  return batch;
}
