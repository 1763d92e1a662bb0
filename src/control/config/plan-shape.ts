import type { WindowUnit } from '../../core/policy.ts';
import type { PresetName } from '../../policies/presets.ts';
import { presets } from '../../policies/presets.ts';
import type { LimitsSpec, PlanSpec } from '../../store/resources.ts';
import { flush } from './flush-shape.ts';
import type { Place } from './place.ts';
import { duration, size } from './quantities.ts';
import { choice, integer, moment, text } from './scalars.ts';
import type { Shape } from './shape.ts';
import { fallback, isRecord, listOf, object, oneOrMany, optional, required } from './shape.ts';

const windowUnits = ['second', 'minute', 'hour', 'day', 'week', 'month'] as const satisfies readonly WindowUnit[];

const presetNames = Object.keys(presets) as PresetName[];

const eventCount = object({
  limit: required(integer({ min: 1 }), 'Most events in one window.'),
  per: required(choice(windowUnits), 'The calendar window in UTC.'),
  counts: fallback(choice(['publish', 'deliver', 'both']), 'deliver', 'Which events count: published ones, delivered ones, or both.'),
  onLimit: optional(
    choice(['disconnect', 'pause']),
    'What becomes of a reader at the limit; without it readers pause for windows up to a minute and are disconnected for longer ones.',
  ),
});

const durationLimit = object(
  {
    limit: optional(duration, 'Longest time connected.'),
    per: optional(
      choice(['connection', ...windowUnits]),
      'Whether each connection has that time, or all of them together in a calendar window. Default: connection.',
    ),
    until: optional(moment, 'No connection past this moment.'),
  },
  {
    check(value, place) {
      if (value.limit === 0) place.at('limit').report('must be more than 0');
      else if ((value.limit === undefined) === (value.until === undefined))
        place.report('needs either `limit` (a time, per connection or window) or `until` (a date), and not both');
      else if (value.until !== undefined && value.per !== undefined) place.report('`per` belongs to `limit`, not to `until`');
    },
  },
);

const bufferedEvents = object({ events: required(integer({ min: 1, max: 1_000_000 }), 'Most events waiting.') });

/** Bounds of the policy itself: less than one event's frame, or more than a process has. */
const minBuffer = 1024;
const maxBuffer = 2 ** 30;

/** Bytes, or `{events: n}`. */
const maxBuffered: Shape<{ readonly bytes: number } | { readonly events: number }> = {
  decode(value, place) {
    if (isRecord(value)) return bufferedEvents.decode(value, place);
    const bytes = size.decode(value, place);
    if (bytes === undefined) return undefined;
    return bytes >= minBuffer && bytes <= maxBuffer ? { bytes } : place.report('must be between 1KiB and 1GiB');
  },
  schema: (form) => ({ anyOf: [size.schema(form), bufferedEvents.schema(form)] }),
};

const backpressure = object(
  {
    maxBuffered: optional(maxBuffered, 'How much may wait for one slow reader: a size, or `{ events: n }`. Default: 1MiB.'),
    maxEvents: optional(integer({ min: 1, max: 1_000_000 }), 'The same as `maxBuffered: { events: n }`.'),
    overflow: fallback(
      choice(['pause', 'drop-oldest', 'conflate', 'disconnect']),
      'pause',
      'What happens past it: the reader pauses and catches up later, loses the oldest, keeps the latest per key, or is disconnected.',
    ),
  },
  {
    check(value, place) {
      if (value.maxEvents !== undefined && value.maxBuffered !== undefined && 'events' in value.maxBuffered)
        place.report('names the number of events twice; keep `maxBuffered`');
    },
  },
);

const writtenLimits = object({
  eventCount: optional(oneOrMany(eventCount, 16), 'How many events an application may publish or receive: one limit or a list.'),
  connectionCount: optional(
    object({ limit: required(integer({ min: 1, max: 1_000_000 }), 'Most connections open at once.') }),
    'How many connections one subscription may hold.',
  ),
  duration: optional(oneOrMany(durationLimit, 16), 'How long one may stay connected: one limit or a list.'),
  backpressure: optional(backpressure, 'What becomes of a reader that does not keep up.'),
});

/** The limits of a plan as written, decoded to what is stored. */
export const limits: Shape<LimitsSpec> = {
  decode(value, place) {
    const before = place.count;
    const written = writtenLimits.decode(value, place);
    return written === undefined || place.count > before ? undefined : storedLimits(written);
  },
  schema: (form) => writtenLimits.schema(form),
};

type WrittenLimits = NonNullable<ReturnType<typeof writtenLimits.decode>>;

function storedLimits(written: WrittenLimits): LimitsSpec {
  const slow = written.backpressure;
  const buffered = slow?.maxBuffered;
  return {
    eventCount: written.eventCount,
    connectionCount: written.connectionCount,
    duration: written.duration?.map(({ limit, per, until }) =>
      until === undefined ? { limit, per: per ?? 'connection' } : { until: new Date(until).toISOString() },
    ),
    backpressure: slow && {
      maxBuffered: buffered !== undefined && 'bytes' in buffered ? buffered.bytes : undefined,
      maxEvents: buffered !== undefined && 'events' in buffered ? buffered.events : slow.maxEvents,
      overflow: slow.overflow,
    },
  };
}

export const securityKinds = ['api-key'] as const;

export const planState = choice(['staging', 'published', 'deprecated', 'closed']);

export const planFields = {
  description: optional(text({ max: 2000 }), 'What the plan offers, for people.'),
  state: fallback(planState, 'published', 'Only a published plan takes new subscriptions; closing one closes its subscriptions.'),
  security: fallback(listOf(choice(securityKinds), { min: 1, max: 4, distinct: true }), ['api-key'], 'How clients prove who they are.'),
  approval: fallback(choice(['auto', 'manual']), 'auto', 'Whether a subscription is accepted at once or waits for an administrator.'),
  mode: optional(
    choice(['standard', 'push']),
    'push: its subscriptions may also have endpoints, to which events are delivered. Default: standard, clients come and read.',
  ),
  preset: optional(choice(presetNames), 'A named set of limits, which `limits` refines.'),
  limits: fallback(limits, {}, 'The limits of one subscription under this plan.'),
  flush: optional(flush, 'How events are gathered into writes to one client.'),
} as const;

const written = object(planFields);

/** A plan as written under `plans`. */
export const plan: Shape<PlanSpec> = {
  decode: (value, place: Place) => written.decode(value, place),
  schema: (form) => written.schema(form),
};
