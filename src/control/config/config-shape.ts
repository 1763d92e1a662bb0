import type { ContractSource } from '../../store/resources.ts';
import { addressPattern } from './address-pattern.ts';
import { endpoint } from './endpoint-shape.ts';
import { readerName, resourceName } from './names.ts';
import type { Place } from './place.ts';
import { plan } from './plan-shape.ts';
import { duration, size } from './quantities.ts';
import { choice, moment, text } from './scalars.ts';
import { source } from './source-shape.ts';
import type { Decoded, Shape } from './shape.ts';
import { fallback, isRecord, listOf, mapOf, object, optional, required } from './shape.ts';
import { websub } from './websub-shape.ts';

/** Bytes of one contract document or of one file beside it. */
export const maxContractBytes = 2 * 1024 * 1024;

const fileName = text({ title: 'file', min: 1, max: 500 });

const document = text({ max: maxContractBytes });

const contractSource = object({
  name: required(fileName, 'Name of the document, for messages with a place.'),
  text: required(document, 'The document: AsyncAPI 2.6, 3.0 or 3.1 as YAML or JSON.'),
  files: fallback(filesShape(), {}, 'Documents beside it that it refers to, by relative path.'),
});

/** The document itself, as an export writes it; in a file usually its path. */
const contract: Shape<string | ContractSource> = {
  decode(value, place) {
    if (place.form === 'file' && !isRecord(value)) return fileName.decode(value, place);
    return contractSource.decode(value, place);
  },
  schema: (form) =>
    form === 'body'
      ? contractSource.schema(form)
      : { anyOf: [{ ...fileName.schema(form), examples: ['./orders.asyncapi.yaml'] }, contractSource.schema(form)] },
};

function filesShape(): Shape<Readonly<Record<string, string>>> {
  const files = mapOf(fileName, document);
  return {
    decode(value, place) {
      const decoded = files.decode(value, place);
      return decoded === undefined ? undefined : Object.fromEntries(decoded);
    },
    schema: (form) => files.schema(form),
  };
}

const pathPattern = /^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/;

/** Where an API stands on the gateway. */
export const gatewayPath = text({
  title: 'path',
  min: 2,
  max: 200,
  pattern: {
    test: pathPattern,
    wanted: 'a path such as /orders: it begins with /, does not end with it, and holds letters, digits, `-`, `_`, `.` and `~`',
  },
});

const origin = text({
  title: 'origin',
  min: 1,
  max: 300,
  pattern: { test: /^(\*|[a-z][a-z0-9+.-]*:\/\/[^\s/?#]+)$/, wanted: 'an origin such as https://app.example.com, or *' },
});

export const lifecycleState = choice(['created', 'pre-released', 'published', 'blocked', 'deprecated', 'retired']);

export const apiFields = {
  description: optional(text({ max: 2000 }), 'What the API is for.'),
  contract: required(contract, 'The AsyncAPI document that says which channels there are, who may do what, and what events look like.'),
  path: optional(gatewayPath, 'Where it stands on the gateway. Default: / and the name.'),
  backbone: fallback(resourceName, 'main', 'Where its events live: a name under `backbones`.'),
  entrypoints: optional(
    listOf(text({ min: 1, max: 40 }), { max: 32, distinct: true }),
    'The protocols clients may use. Default: all there are.',
  ),
  lifecycle: fallback(
    lifecycleState,
    'published',
    'What clients may do with it: only published and pre-released APIs take new subscriptions, blocked and retired ones serve nobody.',
  ),
  retention: fallback(
    object({ age: optional(duration, 'How long an event is kept.'), bytes: optional(size, 'How many bytes of events are kept.') }),
    { age: undefined, bytes: undefined },
    'What is kept for readers that come later. Default: everything.',
    {},
  ),
  dedup: fallback(
    object({ window: fallback(duration, 600_000, 'For how long a repeated source and id is accepted once per channel.', '10m') }),
    { window: 600_000 },
    'How repeated events are told.',
    { window: '10m' },
  ),
  cors: optional(
    object({
      origins: required(listOf(origin, { min: 1, max: 100, distinct: true }), 'Origins of pages that may use the API; * for all.'),
      maxAge: fallback(duration, 600_000, 'How long browsers remember the permission.', '10m'),
    }),
    'Use from pages of other origins. Default: none.',
  ),
  maxEventBytes: fallback(size, 1_048_576, 'The largest event that is taken.', '1MiB'),
  websub: optional(websub, 'How it is a WebSub hub, where its entrypoints have `websub`.'),
} as const;

/** What a view of an API has besides: taken back and ignored. */
export const readOnlyKeys = ['id', 'kind', 'name', 'version', 'createdAt', 'updatedAt', 'tenant', 'parent'] as const;

const api = object({ ...apiFields, plans: fallback(mapOf(resourceName, plan), new Map(), 'The plans it is offered under, by name.', {}) });

export const allow = object({
  publish: fallback(listOf(addressPattern, { max: 100 }), ['*'], 'Addresses it may publish to; * for one segment, or alone for all.'),
  read: fallback(listOf(addressPattern, { max: 100 }), ['*'], 'Addresses it may read.'),
});

export const allowEverything = { publish: ['*'], read: ['*'] } as const;

const subscription = object(
  {
    api: required(resourceName, 'The API it uses.'),
    plan: optional(resourceName, 'The plan it uses it under; a provider needs none.'),
    as: fallback(
      choice(['client', 'provider']),
      'client',
      'client: does what the contract lets others do; provider: the other side, which publishes what the contract sends.',
    ),
    allow: fallback(allow, allowEverything, 'Narrows what the contract permits, by address pattern.'),
    state: optional(choice(['pending', 'accepted', 'paused']), 'Default: accepted when it is new, else as it is.'),
    endpoints: fallback(
      mapOf(readerName, endpoint),
      new Map(),
      'Where its events are pushed to, under a plan of the mode push. Each has a name of its own in the application, which is also that of its reader.',
      {},
    ),
    sources: fallback(
      mapOf(resourceName, source),
      new Map(),
      'Where the webhooks of other providers come in and are published. Each has a name of its own in the application.',
      {},
    ),
  },
  {
    check(value, place) {
      if (value.as === 'client' && value.plan === undefined) place.report('a client needs a `plan`');
    },
  },
);

/** Fewest characters of a key that an operator brings: shorter ones can be guessed. */
export const minKeyLength = 16;

export const keyValue = text({
  title: 'key',
  min: minKeyLength,
  max: 256,
  pattern: {
    test: /^(?!\$\{(?:env|file):)[\x21-\x7e]+$/,
    wanted: 'a key: printable ASCII without spaces, and no reference that was not filled in',
  },
});

const credential = object(
  {
    kind: required(choice(['api-key']), 'What it is.'),
    value: optional(keyValue, 'The key itself, by `${env:NAME}` or `${file:PATH}`; only its hash is kept.'),
    hash: optional(
      text({ max: 71, pattern: { test: /^sha256:[0-9a-f]{64}$/, wanted: 'a hash such as sha256: and 64 hex digits' } }),
      'Instead of the value: the SHA-256 of the key, as `sluice export` writes it.',
    ),
    prefix: optional(text({ max: 8 }), 'With `hash`: the first characters of the key, so that people can tell keys apart.'),
    expiresAt: optional(moment, 'When it stops being valid.'),
  },
  {
    check(value, place) {
      if ((value.value === undefined) === (value.hash === undefined)) place.report('needs either `value` or `hash`, and not both');
      else if (value.prefix !== undefined && value.hash === undefined) place.report('`prefix` belongs to `hash`');
    },
  },
);

export const applicationFields = {
  description: optional(text({ max: 2000 }), 'What the application does.'),
  owner: optional(text({ max: 200 }), 'Who answers for it.'),
} as const;

const application = object({
  ...applicationFields,
  credentials: fallback(listOf(credential, { max: 100 }), [], 'What it proves itself with.'),
  subscriptions: fallback(listOf(subscription, { max: 1000 }), [], 'The APIs it uses: at most once as client and once as provider each.'),
});

interface WrittenBackbone {
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** No backbone's options are deeper; a document made to break whoever walks through it is. */
const maxOptionDepth = 16;

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((member) => isDeeperThan(member, depth - 1));
}

/** A kind and whatever options that kind has. */
const backbone: Shape<WrittenBackbone> = {
  decode(value, place: Place) {
    if (!isRecord(value)) return place.report(`must be an object with a \`kind\`, not ${place.quote(value)}`);
    if (value['kind'] === undefined) return place.report('`kind` is missing: what the backbone is, such as embedded');
    const kind = resourceName.decode(value['kind'], place.at('kind'));
    if (isDeeperThan(value, maxOptionDepth)) return place.report(`is nested deeper than ${maxOptionDepth} levels`);
    const { kind: _, ...options } = value;
    if (kind === 'embedded')
      for (const key of Object.keys(options))
        place.at(key).report(`unknown key \`${key.slice(0, 60)}\`; an embedded backbone has no options`);
    return kind === undefined ? undefined : { kind, options };
  },
  schema: () => ({
    type: 'object',
    properties: { kind: { type: 'string', description: 'What the backbone is.', examples: ['embedded'] } },
    required: ['kind'],
    additionalProperties: true,
  }),
};

export const configFields = {
  $schema: optional(text({ max: 500 }), 'For editors: where the JSON Schema of this file is.'),
  backbones: fallback(
    mapOf(resourceName, backbone),
    new Map(),
    'Where events live, by name. When none is named there is `main`, which is embedded.',
    {},
  ),
  apis: fallback(mapOf(resourceName, api), new Map(), 'The APIs, by name.', {}),
  applications: fallback(mapOf(resourceName, application), new Map(), 'Who uses them, by name.', {}),
} as const;

/** The whole configuration, as a file or as a JSON body. */
export const configShape = object(configFields);

export type Config = Decoded<typeof configFields>;
export type ConfigApi = Config['apis'] extends ReadonlyMap<string, infer A> ? A : never;
export type ConfigApplication = Config['applications'] extends ReadonlyMap<string, infer A> ? A : never;
export type ConfigSubscription = ConfigApplication['subscriptions'][number];
