import { wholeNumber } from '../arguments.ts';
import type { View } from '../client/management.ts';
import { defineCommand, type Context } from '../command.ts';
import { CliError } from '../exit-code.ts';
import { tellRefusal } from './endpoint-refusal.ts';
import { setEndpoint } from './endpoint-set.ts';
import { endpointMembers, endpointOptions } from './endpoint-settings.ts';
import { controlOptions, managementClient, ownerClient, ownerOptions } from '../servers.ts';

const columns = ['id', 'application', 'name', 'url', 'address', 'order', 'state', 'kind'];
const id = { usage: 'ID', min: 1, max: 1 } as const;

const list = defineCommand({
  name: 'list',
  summary: 'where events are delivered to',
  options: {
    ...ownerOptions,
    application: { type: 'string', value: 'NAME', describe: 'of this application only' },
    subscription: { type: 'string', value: 'ID', describe: 'of this subscription only' },
  },
  async run(context) {
    const { application, subscription } = context.values;
    const { client } = await ownerClient(context);
    const rows: View[] = [];
    for await (const row of client.items(['endpoints'], { application, subscription }))
      rows.push({ ...row, kind: row['websub'] === undefined ? 'webhook' : 'websub' });
    await context.output.rows(rows, columns);
  },
});

const addOptions = {
  ...ownerOptions,
  subscription: { type: 'string', value: 'ID', describe: 'the subscription, under a plan of the mode push' },
  name: { type: 'string', value: 'NAME', describe: 'its name, unique within the application; also that of its reader' },
  ...endpointOptions,
  secret: { type: 'string', value: 'SECRET', describe: 'what signs its deliveries; else one is made' },
  paused: { type: 'boolean', describe: 'nothing is delivered until it is started' },
} as const;

const add = defineCommand({
  name: 'add',
  summary: 'deliver the events of a subscription to a URL; prints the id and the secret',
  options: addOptions,
  async run(context) {
    const { subscription, name, url, secret, paused, 'batch-bytes': bytes, 'batch-wait': wait } = context.values;
    if (subscription === undefined || name === undefined || url === undefined)
      throw new CliError('usage', 'sluice endpoints add needs --subscription, --name and --url.');
    const members = await endpointMembers(context);
    if (context.values.batch === undefined && (bytes ?? wait) !== undefined)
      throw new CliError('usage', '--batch-bytes and --batch-wait belong to --batch.');
    const body = { subscription, name, ...members, secret, state: paused ? 'paused' : 'started' };
    const { client, isApplication } = await ownerClient(context);
    const made = await client.post(['endpoints'], body);
    await showWithSecret(context, made, isApplication);
    await tellRefusal(context, client, String(made['id']));
  },
});

async function showWithSecret(context: Context, endpoint: View, isApplication: boolean): Promise<void> {
  const again = isApplication ? 'it is shown this once' : 'sluice endpoints secret shows it again';
  context.output.note(`The secret verifies the signatures of what is delivered; ${again}.`);
  await context.output.show(endpoint, () => `${String(endpoint['id'])} ${String(endpoint['secret'])}`);
}

const pause = defineCommand({
  name: 'pause',
  summary: 'nothing is delivered until it is started; nothing is lost',
  positionals: id,
  options: ownerOptions,
  run: async (context) => await change(context, 'pause', {}),
});

const start = defineCommand({
  name: 'start',
  summary: 'go on delivering, also after it was stopped because it failed',
  positionals: id,
  options: {
    ...ownerOptions,
    from: { type: 'string', value: 'PLACE', default: 'held', describe: 'held, now or a time (RFC 3339): pass over what came before' },
  },
  run: async (context) => await change(context, 'start', { from: context.values.from }),
});

async function change(context: Parameters<typeof ownerClient>[0], name: string, body: object): Promise<void> {
  const { client } = await ownerClient(context);
  const [endpoint = ''] = context.positionals;
  const changed = await client.post(['endpoints', endpoint, name], body);
  await context.output.show(changed, () => `${String(changed['id'])} ${String(changed['state'])}`);
}

const rotate = defineCommand({
  name: 'rotate',
  summary: 'a new secret; the old one signs along for a while',
  positionals: id,
  options: {
    ...ownerOptions,
    overlap: { type: 'string', value: 'TIME', default: '24h', describe: 'how long the old secret signs along: 0s, 30m, 24h, up to 7d' },
    secret: { type: 'string', value: 'SECRET', describe: 'the new secret itself; else one is made' },
  },
  async run(context) {
    const { client, isApplication } = await ownerClient(context);
    const [endpoint = ''] = context.positionals;
    const { overlap, secret } = context.values;
    await showWithSecret(context, await client.post(['endpoints', endpoint, 'rotate'], { overlap, secret }), isApplication);
  },
});

const verify = defineCommand({
  name: 'verify',
  summary: 'ask the receiver now whether it wants deliveries; fails when it does not say so',
  positionals: id,
  options: ownerOptions,
  async run(context) {
    const { client } = await ownerClient(context);
    const [endpoint = ''] = context.positionals;
    const said = await client.post(['endpoints', endpoint, 'verify'], {});
    await context.output.show(said, () => `${endpoint} ${String(said['state'])}`);
    const { sentence } = said;
    if (said['state'] !== 'verified')
      throw new CliError('failed', typeof sentence === 'string' ? sentence : 'The receiver is not verified.');
  },
});

const keys = defineCommand({
  name: 'keys',
  summary: 'the public keys whose signatures (v1a) it gets, one JSON Web Key a line',
  positionals: id,
  options: ownerOptions,
  async run(context) {
    const { client, isApplication } = await ownerClient(context);
    const [endpoint = ''] = context.positionals;
    const { keys: found } = await client.get(['endpoints', endpoint, 'keys']);
    if (Array.isArray(found) && found.length > 0) return await context.output.rows(found as View[], ['kid', 'crv', 'x']);
    context.output.note(withoutKeys(await client.get(['endpoints', endpoint]), isApplication));
  },
});

/** What there is instead of keys, and where. */
function withoutKeys({ id: endpoint, websub }: View, isApplication: boolean): string {
  if (websub !== undefined)
    return 'There are no public keys: what a WebSub subscriber gets is signed with its own secret, where it gave one.';
  const seen = isApplication ? 'an administrator can look it up' : `sluice endpoints secret ${String(endpoint)} shows it`;
  return `There are no public keys: its deliveries are signed with a shared secret; ${seen}, sluice endpoints rotate ${String(endpoint)} makes a new one.`;
}

const secret = defineCommand({
  name: 'secret',
  summary: 'the secrets that sign now, newest first; the audit says who looked',
  positionals: id,
  options: controlOptions,
  async run(context) {
    const client = await managementClient(context);
    const [endpoint = ''] = context.positionals;
    const { secrets } = await client.get(['endpoints', endpoint, 'secret']);
    await context.output.rows(Array.isArray(secrets) ? (secrets as View[]) : [], ['secret', 'expiresAt']);
  },
});

const preview = defineCommand({
  name: 'preview',
  summary: 'how many of the newest events an endpoint gets, or one with a filter that is to be tried would',
  positionals: { usage: '[ID]', min: 0, max: 1 },
  options: {
    ...ownerOptions,
    subscription: { type: 'string', value: 'ID', describe: 'without an endpoint: the subscription under which events are read' },
    address: { type: 'string', value: 'PATTERN', describe: 'an address, * for one segment, or alone for all' },
    event: { type: 'string', multiple: true, value: 'TYPE', describe: 'event types; .* at the end takes every type below' },
    filter: { type: 'string', value: 'CEL', describe: 'the expression' },
    limit: { type: 'string', value: 'N', default: '1000', describe: 'how many events to look at, 1 to 1000' },
  },
  async run(context) {
    const [endpoint] = context.positionals;
    const { subscription, address, event, filter } = context.values;
    const limit = wholeNumber(context.values.limit, 'limit', 1, 1000);
    const isTried = [subscription, address, filter].some((given) => given !== undefined) || event.length > 0;
    if ((endpoint === undefined) === (subscription === undefined) || (endpoint !== undefined && isTried))
      throw new CliError('usage', 'sluice endpoints preview needs an endpoint alone, or --subscription with what is to be tried.');
    const { client } = await ownerClient(context);
    const answer =
      endpoint === undefined
        ? await client.post(['endpoints', 'preview'], { subscription, address, events: event, filter, limit })
        : await client.get(['endpoints', endpoint, 'preview'], { limit: String(limit) });
    await context.output.show(answer, () => previewText(answer));
  },
});

function previewText(answer: View): string {
  const { examined, matched, complete, examples, faults } = answer as unknown as PreviewAnswer;
  const shown = examples.map(
    ({ acceptedAt, type, address, id: event }) => `  ${new Date(acceptedAt).toISOString()} ${type} ${address} ${event}`,
  );
  const failing = faults.examples.map(({ id: event, sentence }) => `  ${event}: ${sentence}`);
  return [
    `${matched} of ${examined} events match${complete ? '' : '; time was up before the newest were reached'}`,
    ...shown,
    ...(faults.events === 0 ? [] : [`the expression fails on ${faults.events}`, ...failing]),
  ].join('\n');
}

interface PreviewAnswer {
  readonly examined: number;
  readonly matched: number;
  readonly complete: boolean;
  readonly examples: readonly { readonly id: string; readonly type: string; readonly address: string; readonly acceptedAt: number }[];
  readonly faults: { readonly events: number; readonly examples: readonly { readonly id: string; readonly sentence: string }[] };
}

const remove = defineCommand({
  name: 'remove',
  summary: 'nothing is delivered there any more, and what waits for another attempt is dropped',
  positionals: id,
  options: ownerOptions,
  async run(context) {
    const { client } = await ownerClient(context);
    const [endpoint = ''] = context.positionals;
    await client.remove(['endpoints', endpoint]);
    await context.output.show({ id: endpoint, removed: true }, () => `${endpoint} removed`);
  },
});

/** Where push subscriptions deliver to. */
export const endpoints = defineCommand({
  name: 'endpoints',
  summary: 'list, add, set, preview, verify, pause, start, rotate and remove endpoints that events are pushed to',
  details: 'With the key of an application instead of the admin token it is about its own endpoints; secret alone needs the token.',
  subcommands: [list, add, setEndpoint, pause, start, rotate, secret, keys, verify, preview, remove],
  examples: [
    'sluice endpoints add --subscription sub_4f0a1b2c3d4e --name shop --address eu/created --url https://example.com/hooks/orders',
    'sluice endpoints add --subscription sub_4f0a1b2c3d4e --name erp --address eu/created --url https://erp.example.com/in --authentication \'{ kind: key, header: Authorization, value: "Bearer ${env:ERP_TOKEN}" }\'',
    "sluice endpoints set ep_4f0a1b2c3d4e --timeout 5s --filter 'data.total > 100.0'",
    'sluice endpoints rotate ep_4f0a1b2c3d4e --overlap 1h',
    "sluice endpoints preview --subscription sub_4f0a1b2c3d4e --address eu/created --filter 'data.total > 100.0'",
  ],
});
