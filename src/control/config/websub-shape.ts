import { leasePolicy, standardLeases } from '../../protocols/websub/lease.ts';
import type { WebSubSpec } from '../../store/resources.ts';
import { addressPattern } from './address-pattern.ts';
import { resourceName } from './names.ts';
import { outgoingUrlOf } from './outgoing-url-shape.ts';
import { duration, formatDuration } from './quantities.ts';
import { choice } from './scalars.ts';
import type { Decoded, Shape } from './shape.ts';
import { fallback, mapOf, object, optional } from './shape.ts';

const maxTopics = 1000;
const second = 1000;

const topicUrl = outgoingUrlOf(4096, 'https://blog.example.com/feed');

/** One address, since what is fetched is published to it. */
const address: Shape<string> = {
  decode(value, place) {
    const given = addressPattern.decode(value, place);
    return given?.includes('*') === true ? place.report('must be one address, without *') : given;
  },
  schema: (form) => addressPattern.schema(form),
};

const leaseFields = {
  default: fallback(duration, standardLeases.defaultSeconds * second, 'For who asks for none.', '10d'),
  min: fallback(duration, standardLeases.minSeconds * second, 'The shortest.', '1s'),
  max: fallback(duration, standardLeases.maxSeconds * second, 'The longest: no subscription lasts for ever.', '30d'),
} as const;

const lease = object(leaseFields, {
  check({ default: normal, min, max }, place) {
    if ([normal, min, max].some((time) => time % second !== 0)) {
      place.report('needs whole seconds');
      return;
    }
    try {
      leasePolicy({ defaultSeconds: normal / second, minSeconds: min / second, maxSeconds: max / second });
    } catch (error) {
      place.report(`cannot hold: ${(error as RangeError).message}`);
    }
  },
});

const standardLease = {
  default: standardLeases.defaultSeconds * second,
  min: standardLeases.minSeconds * second,
  max: standardLeases.maxSeconds * second,
};

const topics = mapOf(topicUrl, address);

const fields = {
  anonymous: optional(
    resourceName,
    'The application under whose push subscription those subscribe, and read a topic, who show no key. Default: nobody does.',
  ),
  lease: fallback(lease, standardLease, 'How long subscriptions last that are not renewed.', {}),
  signature: fallback(
    choice(['sha1', 'sha256', 'sha384', 'sha512']),
    'sha256',
    'How deliveries to subscribers are signed that gave a secret.',
  ),
  topics: fallback(
    topics,
    new Map<string, string>(),
    'Topics of others that the hub distributes: the URL of each, and the address of the channel its content is published to.',
    {},
  ),
} as const;

const written = object(fields, {
  check(value, place) {
    if (value.topics.size > maxTopics) place.at('topics').report(`has ${value.topics.size} topics; at most ${maxTopics} are taken`);
    if (new Set(value.topics.values()).size < value.topics.size) place.at('topics').report('publishes two topics to one channel');
  },
});
/** How an API is a WebSub hub. */
export const websub: Shape<WebSubSpec> = {
  decode(value, place) {
    const before = place.count;
    const decoded = written.decode(value, place);
    return decoded === undefined || place.count > before ? undefined : specOf(decoded);
  },
  schema: (form) => written.schema(form),
};

function specOf({ anonymous, signature, lease: terms, topics: found }: Decoded<typeof fields>): WebSubSpec {
  return { ...(anonymous === undefined ? {} : { anonymous }), lease: terms, signature, topics: Object.fromEntries(found) };
}

/** The settings of an API that says nothing of WebSub. */
export const plainWebSub: WebSubSpec = { lease: standardLease, signature: 'sha256', topics: {} };

/** As a configuration writes it. */
export function writtenWebSub({ lease, ...rest }: WebSubSpec): Readonly<Record<string, unknown>> {
  return {
    ...rest,
    lease: { default: formatDuration(lease.default), min: formatDuration(lease.min), max: formatDuration(lease.max) },
  };
}
