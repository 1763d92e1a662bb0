import { GatewayError } from '../../core/errors.ts';
import { deadLettersKept } from '../../push/dead-letter-retention.ts';
import { readRetrySchedule, standardSchedule } from '../../push/retry-schedule.ts';
import type { EndpointSpec } from '../../store/resources.ts';
import { addressPattern } from './address-pattern.ts';
import { authentication } from './authentication-shape.ts';
import { headers, ownedHeaderName } from './header-shape.ts';
import { resourceName } from './names.ts';
import { outgoingUrl } from './outgoing-url-shape.ts';
import type { Place } from './place.ts';
import { duration, formatDuration, size } from './quantities.ts';
import { record } from './record-shape.ts';
import { choice, integer, text } from './scalars.ts';
import type { Decoded, Shape } from './shape.ts';
import { fallback, listOf, object, optional, required } from './shape.ts';
import { signatureShape, type WrittenSignature } from './signature-shape.ts';
import { checkWrittenSecret, maxSecrets, secretEntry, writtenSecret } from './signing-secret-shape.ts';

const maxMetadata = 50;
const minTimeout = 1_000;
const maxTimeout = 30_000;

const eventType = text({
  title: 'event type',
  min: 1,
  max: 256,
  pattern: {
    test: /^[^*\s]+(\.\*)?$/,
    wanted: 'an event type such as com.example.order.created, or com.example.order.* for every type below; for all types leave it out',
  },
});

const metadata = record(resourceName, text({ max: 500 }), (given, place) => {
  const size = Object.keys(given).length;
  if (size > maxMetadata) place.report(`has ${size} entries; at most ${maxMetadata} are taken`);
});

const timeout: Shape<number> = {
  decode(value, place) {
    const milliseconds = duration.decode(value, place);
    if (milliseconds === undefined || (milliseconds >= minTimeout && milliseconds <= maxTimeout)) return milliseconds;
    return place.report(`must be between 1s and 30s, not ${place.quote(value)}`);
  },
  schema: (form) => ({ ...duration.schema(form), examples: ['15s'] }),
};

const batchBytes = bounded(size, (bytes) => bytes >= 1 && bytes <= 1024 * 1024, 'must be between 1B and 1MiB');
const batchWait = bounded(duration, (milliseconds) => milliseconds <= 60_000, 'must be at most 60s');

const keptDeadLetters = bounded(
  duration,
  (milliseconds) => milliseconds >= deadLettersKept.least && milliseconds <= deadLettersKept.most,
  'must be between 1m and 366d',
);

function bounded(shape: Shape<number>, isIn: (value: number) => boolean, sentence: string): Shape<number> {
  return {
    decode(value, place) {
      const decoded = shape.decode(value, place);
      return decoded === undefined || isIn(decoded) ? decoded : place.report(`${sentence}, not ${place.quote(value)}`);
    },
    schema: (form) => shape.schema(form),
  };
}

const retryPreset = choice(['standard', 'short', 'none']);
const retryDelays = listOf(duration, { max: 49 });

/** The name of a preset or the delays themselves; always delays in milliseconds when decoded. */
const retry: Shape<readonly number[]> = {
  decode(value, place) {
    if (typeof value === 'string') return retryPreset.decode(value, place) === undefined ? undefined : scheduled(value, place);
    const before = place.count;
    const delays = retryDelays.decode(value, place);
    return delays === undefined || place.count > before ? undefined : scheduled(delays.map(formatDuration), place);
  },
  schema: (form) => ({ anyOf: [{ ...retryPreset.schema(form), title: 'preset' }, retryDelays.schema(form)] }),
};

function scheduled(value: string | readonly string[], place: Place): readonly number[] | undefined {
  try {
    return readRetrySchedule(value).delays;
  } catch (error) {
    if (error instanceof GatewayError) return place.report(error.message);
    throw error;
  }
}

export const endpointFields = {
  description: optional(text({ max: 2000 }), 'What the endpoint is for.'),
  address: fallback(addressPattern, '*', 'What it gets: an address of the API, * for one segment, or alone for all it may read.'),
  url: required(outgoingUrl, 'Where events are delivered to: http or https, on the public internet unless the operator opened more.'),
  events: fallback(
    listOf(eventType, { max: 100, distinct: true }),
    [],
    'Event types it gets; `.*` at the end takes every type below. Default: all.',
  ),
  filter: optional(text({ min: 1, max: 1024 }), 'Only events for which this CEL expression over attributes and data is true.'),
  headers: fallback(headers, {}, 'Sent with every attempt.'),
  authentication: optional(
    authentication,
    'How the receiver can tell that it is Sluice, besides by the signature. Default: by that alone.',
  ),
  verification: fallback(
    choice(['none', 'challenge', 'cloudevents', 'signed-ping']),
    'none',
    'How its receiver is asked, before the first delivery, whether it wants them. Until it says so they are held.',
  ),
  signature: fallback(
    signatureShape(ownedHeaderName),
    { style: 'standard', header: undefined },
    'The format of the signature: Standard Webhooks, or that of a provider for receivers that expect it.',
    'standard',
  ),
  content: fallback(
    choice(['structured', 'binary', 'data']),
    'structured',
    'What is sent: the CloudEvent as one JSON document, its data with the attributes as headers, or its data alone.',
  ),
  timeout: fallback(timeout, 15_000, 'How long one attempt may take, 1s to 30s.', '15s'),
  retry: fallback(
    retry,
    standardSchedule.delays,
    'Delays after the first attempt, or a preset: standard (3 days), short (13 minutes), none.',
    'standard',
  ),
  rateLimit: optional(
    object({
      limit: required(integer({ min: 1, max: 1_000_000 }), 'Most attempts.'),
      per: required(choice(['second', 'minute']), 'In which time.'),
    }),
    'How many attempts it gets at most. Default: as many as it takes.',
  ),
  concurrency: fallback(integer({ min: 1, max: 32 }), 8, 'Most attempts under way at once.'),
  order: fallback(
    choice(['none', 'per-key', 'strict']),
    'none',
    'none: a delivery that is retried holds up no other; per-key: it holds up those of the same subject; strict: it holds up all.',
  ),
  batch: optional(
    object({
      events: required(integer({ min: 1, max: 1000 }), 'Most events.'),
      bytes: fallback(batchBytes, 256 * 1024, 'Most bytes of all together, at most 1MiB; a larger event goes alone.', '256KiB'),
      wait: fallback(batchWait, 1000, 'How long the first waits for others, at most 60s.', '1s'),
    }),
    'Several events in one attempt, as a CloudEvents batch; needs `content: structured`. Default: each goes alone.',
  ),
  keepDeadLetters: optional(
    keptDeadLetters,
    'How long what is given up is kept to be sent again, 1m to 366d. Default, and the most: as long as the operator keeps it, 30d where that is not set.',
  ),
  metadata: fallback(metadata, {}, 'Whatever its owner wants to keep with it.'),
} as const;

/** What settings that are right each by itself must not be together. */
export function checkEndpointFields(written: Decoded<typeof endpointFields>, place: Place): void {
  const { batch, content, url, authentication: shown } = written;
  if (batch !== undefined && content !== 'structured')
    place.at('batch').report('needs `content: structured`: a batch is a CloudEvents document');
  if (shown?.kind === 'mtls' && !/^https:/i.test(url)) place.at('authentication').report('needs an https URL to show a certificate to');
  const header = shown?.kind === 'key' ? shown.header : shown === undefined || shown.kind === 'mtls' ? undefined : 'Authorization';
  const twice = Object.keys(written.headers).find((name) => name.toLowerCase() === header?.toLowerCase());
  if (twice !== undefined) place.at('headers').at(twice).report('is set by `authentication` already');
}

export const endpointState = choice(['started', 'paused']);

const writtenEndpoint = object(
  {
    ...endpointFields,
    secret: optional(writtenSecret, 'What signs its deliveries, by `${env:NAME}` or `${file:PATH}`. Default: one is made.'),
    secrets: optional(
      listOf(secretEntry, { min: 1, max: maxSecrets }),
      'Instead of `secret`, while one is replaced: all of them sign, newest first.',
    ),
    state: optional(endpointState, 'Default: started when it is new, else as it is.'),
  },
  {
    check(value, place) {
      checkEndpointFields(value, place);
      if (value.secret !== undefined && value.secrets !== undefined) place.report('needs either `secret` or `secrets`, and not both');
      if (value.secrets?.every((one) => one.expiresAt !== undefined) === true)
        place.at('secrets').report('needs one that does not expire, or nothing would sign in the end');
      const secrets = value.secrets?.map((one) => one.value) ?? [];
      if (new Set(secrets).size < secrets.length) place.at('secrets').report('names a secret twice');
    },
  },
);

/** An endpoint as written under a subscription. */
export const endpoint: typeof writtenEndpoint = {
  decode(value, place) {
    const decoded = writtenEndpoint.decode(value, place);
    // Whatever else is wrong: all problems of a file are told at once. What could not be decoded is not there.
    const style = decoded?.signature?.style;
    if (style === undefined) return decoded;
    if (decoded?.secret !== undefined) checkWrittenSecret(decoded.secret, style, place.at('secret'));
    for (const [index, one] of (decoded?.secrets ?? []).entries()) {
      if (one?.value !== undefined) checkWrittenSecret(one.value, style, place.at('secrets').at(index));
    }
    return decoded;
  },
  schema: (form) => writtenEndpoint.schema(form),
};

/** What is stored of an endpoint as written, but for what depends on what is stored already. */
export function endpointSettings(
  written: Decoded<typeof endpointFields>,
): Omit<EndpointSpec, 'subscription' | 'secrets' | 'state' | 'authentication'> {
  return {
    ...(written.description === undefined ? {} : { description: written.description }),
    address: written.address,
    url: written.url,
    types: written.events,
    ...(written.filter === undefined ? {} : { filter: written.filter }),
    headers: written.headers,
    ...(written.verification === 'none' ? {} : { verification: written.verification }),
    ...signatureSetting(written.signature),
    content: written.content,
    timeout: written.timeout,
    retry: written.retry,
    ...(written.rateLimit === undefined ? {} : { rateLimit: written.rateLimit }),
    concurrency: written.concurrency,
    order: written.order,
    ...(written.batch === undefined ? {} : { batch: written.batch }),
    ...(written.keepDeadLetters === undefined ? {} : { keepDeadLetters: written.keepDeadLetters }),
    metadata: written.metadata,
  };
}

function signatureSetting({ style, header }: WrittenSignature): Pick<EndpointSpec, 'signature'> {
  return style === 'standard' ? {} : { signature: { style, ...(header === undefined ? {} : { header }) } };
}
