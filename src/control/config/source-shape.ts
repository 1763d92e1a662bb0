import { isPattern } from '../../core/address.ts';
import type { GenericHmacOptions } from '../../protocols/provider-webhooks/generic-hmac.ts';
import { hmacPreset, presetNames, providerOf } from '../../protocols/provider-webhooks/provider-of.ts';
import { ProviderWebhookError } from '../../protocols/provider-webhooks/provider-webhook-error.ts';
import type { ProviderWebhook } from '../../protocols/provider-webhooks/provider-webhook.ts';
import type { SourceHmac, SourceSpec } from '../../store/resources.ts';
import { addressPattern } from './address-pattern.ts';
import { outgoingUrlOf } from './outgoing-url-shape.ts';
import type { Place } from './place.ts';
import { duration } from './quantities.ts';
import { choice, text } from './scalars.ts';
import type { Decoded, Shape } from './shape.ts';
import { fallback, listOf, mapOf, object, optional, required } from './shape.ts';
import { isSecretReference, sourceSecret, sourceSecretEntry } from './source-secret-shape.ts';
import { maxSecrets } from './signing-secret-shape.ts';

const maxTypes = 200;
const day = 86_400_000;

const address: Shape<string> = {
  decode(value, place) {
    const given = addressPattern.decode(value, place);
    if (given === undefined) return undefined;
    return isPattern(given) ? place.report(`must be one address, and ${place.quote(value)} is a pattern`) : given;
  },
  schema: (form) => addressPattern.schema(form),
};

const headerName = text({
  title: 'header name',
  min: 1,
  max: 128,
  pattern: { test: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, wanted: 'the name of an HTTP header' },
});

const eventType = text({
  title: 'event type',
  min: 1,
  max: 256,
  pattern: {
    test: /^[^*\s]+(\.\*)?$/,
    wanted: 'an event type such as com.github.push, or com.github.* for every type below',
  },
});

const plainType = text({
  title: 'event type',
  min: 1,
  max: 128,
  pattern: { test: /^[A-Za-z0-9_.-]+$/, wanted: 'an event type such as com.example' },
});

const hmac = object({
  header: required(headerName, 'The header the signature stands in.'),
  prefix: optional(text({ max: 64 }), 'What precedes the signature in its header, such as `sha256=`.'),
  algorithm: fallback(choice(['sha1', 'sha256', 'sha384', 'sha512']), 'sha256', 'The hash function of the HMAC.'),
  encoding: fallback(choice(['hex', 'base64']), 'hex', 'How the signature is written.'),
  secretEncoding: fallback(choice(['utf8', 'hex', 'base64']), 'utf8', 'What the text of the secret is.'),
  timestampHeader: optional(headerName, 'The header with the time of the signature, which the template then must sign.'),
  timestampUnit: fallback(choice(['s', 'ms']), 's', 'Unit of that time.'),
  idHeader: optional(headerName, 'The header with the id of the delivery. Default: the id is a hash of the body.'),
  template: fallback(
    text({ min: 1, max: 256 }),
    '{body}',
    'What is signed: `{timestamp}`, `{id}` and `{body}` with separators between them, such as `{timestamp}.{body}`.',
  ),
  type: required(plainType, 'The type of its events.'),
  typeHeader: optional(headerName, 'A header whose value is put behind that type, after a dot.'),
});

const renamed: Shape<Readonly<Record<string, string>>> = (() => {
  const names = mapOf(eventType, eventType);
  return {
    decode(value, place) {
      const given = names.decode(value, place);
      if (given === undefined) return undefined;
      if (given.size > maxTypes) return place.report(`has ${given.size} entries; at most ${maxTypes} are taken`);
      for (const [from, to] of given) {
        if (from.endsWith('.*') !== to.endsWith('.*')) place.at(from).report('needs `.*` at the end of both types, or of none');
      }
      return Object.fromEntries(given);
    },
    schema: (form) => names.schema(form),
  };
})();

const topicUrl = outgoingUrlOf(2048, 'https://blog.example.com/feed');

const bounded = (min: number, max: number, words: string): Shape<number> => ({
  decode(value, place) {
    const decoded = duration.decode(value, place);
    return decoded === undefined || (decoded >= min && decoded <= max)
      ? decoded
      : place.report(`must be between ${words}, not ${place.quote(value)}`);
  },
  schema: (form) => duration.schema(form),
});

const topic = object({
  url: required(topicUrl, 'The topic: a URL that names a hub.'),
  lease: fallback(
    bounded(10_000, 90 * day, '10s and 90d'),
    10 * day,
    'How long a subscription is asked for; it is renewed in time.',
    '10d',
  ),
});

export const sourceState = choice(['started', 'paused']);

export const sourceFields = {
  description: optional(text({ max: 2000 }), 'What comes in here.'),
  preset: required(choice(presetNames), 'How the provider signs and what its events are called; `hmac` with the options below it.'),
  address: required(address, 'Where its events are published: an address of the API.'),
  tolerance: fallback(bounded(1_000, day, '1s and 1d'), 300_000, 'How far the time of a signature may lie from now, either way.', '5m'),
  hmac: optional(hmac, 'With `preset: hmac`: how a provider signs that has no preset.'),
  types: fallback(renamed, {}, 'Other names for event types, by those of the preset; `.*` at the end of both renames every type below.'),
  eventSource: optional(
    text({ min: 1, max: 1024, pattern: { test: /^\S+$/, wanted: 'a URI or a path' } }),
    'CloudEvents source of its events. Default: as the provider says.',
  ),
  replay: fallback(
    choice(['content', 'id']),
    'content',
    'What is a repetition: `content` that was signed before, whatever id comes with it, or only the `id`.',
  ),
  topic: optional(topic, 'With `preset: websub`: what is subscribed to at its hub.'),
} as const;

type Written = Decoded<typeof sourceFields>;

/** By what a source tells who may send to it. */
interface Verifying {
  readonly preset: string;
  readonly hmac?: GenericHmacOptions | undefined;
}

/** What settings that are right each by itself must not be together. */
export function checkSourceFields(value: Written, place: Place): void {
  if ((value.preset === hmacPreset) !== (value.hmac !== undefined)) place.at('hmac').report('belongs to `preset: hmac`, and that needs it');
  else {
    const provider = providerFor(value);
    if (provider instanceof ProviderWebhookError) place.at('hmac').report(provider.message);
  }
  const isWebsub = isWebsubPreset(value.preset);
  if (isWebsub !== (value.topic !== undefined)) place.at('topic').report('belongs to `preset: websub`, and that needs it');
}

/** Whether a preset is one of those that subscribe at a hub. */
export function isWebsubPreset(preset: string): boolean {
  return preset === 'websub' || preset === 'websub-sha1';
}

/** What is wrong with a secret for a preset, as a sentence that does not quote it; undefined when it can be one. */
export function sourceSecretFault(settings: Verifying, secret: string): string | undefined {
  if (isSecretReference(secret)) return 'stands for a secret that is not known here; fill it in';
  const provider = providerFor(settings);
  return provider instanceof ProviderWebhookError ? provider.message : provider.secretFault(secret);
}

/** The provider, or what is wrong with the options that should describe it. */
function providerFor({ preset, hmac: style }: Verifying): ProviderWebhook | ProviderWebhookError {
  try {
    return providerOf(preset, style);
  } catch (error) {
    if (error instanceof ProviderWebhookError) return error;
    throw error;
  }
}

/** A source as written under a subscription. */
export const source = object(
  {
    ...sourceFields,
    secret: optional(
      sourceSecret,
      'What its signatures are verified by, by `${env:NAME}` or `${file:PATH}`. Default: one is made where the provider lets its users choose.',
    ),
    secrets: optional(
      listOf(sourceSecretEntry, { min: 1, max: maxSecrets }),
      'Instead of `secret`, while one is replaced: each is believed, newest first.',
    ),
    state: optional(sourceState, 'Default: started when it is new, else as it is.'),
  },
  {
    check(value, place) {
      checkSourceFields(value, place);
      if (value.secret !== undefined && value.secrets !== undefined) place.report('needs either `secret` or `secrets`, and not both');
      if (value.secrets?.every((one) => one.expiresAt !== undefined) === true)
        place.at('secrets').report('needs one that does not expire, or nothing would be believed in the end');
      const secrets = value.secrets?.map((one) => one.value) ?? [];
      if (new Set(secrets).size < secrets.length) place.at('secrets').report('names a secret twice');
      for (const [index, secret] of secrets.entries()) checkSecret(value, secret, place.at('secrets').at(index));
      if (value.secret !== undefined) checkSecret(value, value.secret, place.at('secret'));
    },
  },
);

function checkSecret(settings: Written, secret: string, place: Place): void {
  const fault = place.form === 'body' && isSecretReference(secret) ? undefined : sourceSecretFault(settings, secret);
  if (fault !== undefined) place.report(fault);
}

/** What is stored of a source as written, but for what depends on what is stored already. */
export function sourceSettings(written: Written): Omit<SourceSpec, 'subscription' | 'secrets' | 'state'> {
  const { description, preset, address: where, tolerance, hmac: style, types, eventSource, replay, topic: about } = written;
  return {
    ...(description === undefined ? {} : { description }),
    preset,
    address: where,
    tolerance,
    // Members that are left out are left out of what is stored, too.
    ...(style === undefined ? {} : { hmac: JSON.parse(JSON.stringify(style)) as SourceHmac }),
    types,
    ...(eventSource === undefined ? {} : { eventSource }),
    replay,
    ...(about === undefined ? {} : { topic: about }),
  };
}
