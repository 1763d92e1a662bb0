import { oneOf } from '../arguments.ts';
import type { View } from '../client/management.ts';
import { defineCommand, type Command, type Context } from '../command.ts';
import { CliError } from '../exit-code.ts';
import { ownerClient, ownerOptions } from '../servers.ts';

const columns = ['id', 'application', 'name', 'preset', 'address', 'state'];
const id = { usage: 'ID', min: 1, max: 1 } as const;

const list = defineCommand({
  name: 'list',
  summary: 'where webhooks of other providers come in',
  options: {
    ...ownerOptions,
    application: { type: 'string', value: 'NAME', describe: 'of this application only' },
    subscription: { type: 'string', value: 'ID', describe: 'of this subscription only' },
  },
  async run(context) {
    const { application, subscription } = context.values;
    const { client } = await ownerClient(context);
    const rows: View[] = [];
    for await (const row of client.items(['sources'], { application, subscription })) rows.push(row);
    await context.output.rows(rows, columns);
  },
});

const addOptions = {
  ...ownerOptions,
  subscription: { type: 'string', value: 'ID', describe: 'the subscription under which its events are published' },
  name: { type: 'string', value: 'NAME', describe: 'its name, unique within the application; it stands in the URL' },
  preset: { type: 'string', value: 'NAME', describe: 'the provider: github, stripe, slack, …; hmac with --header and --type' },
  address: { type: 'string', value: 'ADDRESS', describe: 'where its events are published' },
  secret: { type: 'string', value: 'SECRET', describe: 'the secret, token or public key; else one is made where the provider takes it' },
  tolerance: { type: 'string', value: 'TIME', default: '5m', describe: 'how far the time of a signature may lie from now' },
  rename: {
    type: 'string',
    multiple: true,
    value: 'FROM=TO',
    describe: 'another name for an event type; .* at the end of both for all below',
  },
  header: { type: 'string', value: 'NAME', describe: 'with --preset hmac: the header the signature stands in' },
  prefix: { type: 'string', value: 'TEXT', describe: 'with --preset hmac: what precedes the signature, such as sha256=' },
  algorithm: { type: 'string', value: 'WORD', default: 'sha256', describe: 'with --preset hmac: sha1, sha256, sha384 or sha512' },
  encoding: { type: 'string', value: 'WORD', default: 'hex', describe: 'with --preset hmac: hex or base64' },
  'id-header': { type: 'string', value: 'NAME', describe: 'with --preset hmac: the header with the id of the delivery' },
  'timestamp-header': { type: 'string', value: 'NAME', describe: 'with --preset hmac: the header with the time of the signature' },
  template: { type: 'string', value: 'TEXT', describe: 'with --preset hmac: what is signed, such as {timestamp}.{body}' },
  type: { type: 'string', value: 'TYPE', describe: 'with --preset hmac: the type of its events' },
  topic: { type: 'string', value: 'URL', describe: 'with --preset websub: what is subscribed to' },
  lease: { type: 'string', value: 'TIME', default: '10d', describe: 'with --preset websub: for how long at a time' },
  paused: { type: 'boolean', describe: 'nothing is taken until it is started' },
} as const;

const add = defineCommand({
  name: 'add',
  summary: 'take the webhooks of a provider; prints the id, and a secret that was made',
  options: addOptions,
  async run(context) {
    const { subscription, name, preset, address, secret, tolerance, rename, topic, lease, paused } = context.values;
    if (subscription === undefined || name === undefined || preset === undefined || address === undefined)
      throw new CliError('usage', 'sluice sources add needs --subscription, --name, --preset and --address.');
    const body = {
      subscription,
      name,
      preset,
      address,
      secret,
      tolerance,
      types: Object.fromEntries(rename.map(renaming)),
      hmac: preset === 'hmac' ? hmacOf(context.values) : undefined,
      topic: topic === undefined ? undefined : { url: topic, lease },
      state: paused ? 'paused' : 'started',
    };
    const { client } = await ownerClient(context);
    await showMade(context, await client.post(['sources'], body));
  },
});

function renaming(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new CliError('usage', '--rename must be two event types with = between, such as a.*=b.*');
  return [text.slice(0, at), text.slice(at + 1)];
}

function hmacOf(values: Context<typeof addOptions>['values']): View {
  const { header, prefix, algorithm, encoding, template, type } = values;
  if (header === undefined || type === undefined) throw new CliError('usage', '--preset hmac needs --header and --type.');
  return {
    header,
    prefix,
    algorithm: oneOf(algorithm, 'algorithm', ['sha1', 'sha256', 'sha384', 'sha512']),
    encoding: oneOf(encoding, 'encoding', ['hex', 'base64']),
    idHeader: values['id-header'],
    timestampHeader: values['timestamp-header'],
    template,
    type,
  };
}

async function showMade(context: Context, source: View): Promise<void> {
  const { id: made, application, name, secret } = source;
  context.output.note(`Webhooks come in at {the API's URL}/-/in/${String(application)}/${String(name)}.`);
  if (secret !== undefined) context.output.note('Give the secret to the provider; it is shown this once.');
  await context.output.show(source, () => (secret === undefined ? String(made) : `${String(made)} ${String(source['secret'])}`));
}

function change(name: 'pause' | 'start', summary: string): Command {
  return defineCommand({
    name,
    summary,
    positionals: id,
    options: ownerOptions,
    async run(context) {
      const { client } = await ownerClient(context);
      const [source = ''] = context.positionals;
      const changed = await client.post(['sources', source, name], {});
      await context.output.show(changed, () => `${String(changed['id'])} ${String(changed['state'])}`);
    },
  });
}

const rotate = defineCommand({
  name: 'rotate',
  summary: 'a new secret; the old one is believed too for a while',
  positionals: id,
  options: {
    ...ownerOptions,
    overlap: { type: 'string', value: 'TIME', default: '24h', describe: 'how long the old secret is believed too: 0s, 30m, 24h, up to 7d' },
    secret: { type: 'string', value: 'SECRET', describe: 'the new secret, as the provider shows it; else one is made where it takes one' },
  },
  async run(context) {
    const { client } = await ownerClient(context);
    const [source = ''] = context.positionals;
    const { overlap, secret } = context.values;
    await showMade(context, await client.post(['sources', source, 'rotate'], { overlap, secret }));
  },
});

const remove = defineCommand({
  name: 'remove',
  summary: 'webhooks that are sent there are refused from now on',
  positionals: id,
  options: ownerOptions,
  async run(context) {
    const { client } = await ownerClient(context);
    const [source = ''] = context.positionals;
    await client.remove(['sources', source]);
    await context.output.show({ id: source, removed: true }, () => `${source} removed`);
  },
});

const status = defineCommand({
  name: 'status',
  summary: 'how a source does that subscribes at a WebSub hub',
  positionals: id,
  options: ownerOptions,
  async run(context) {
    const { client } = await ownerClient(context);
    const [source = ''] = context.positionals;
    const view = await client.get(['sources', source, 'status']);
    await context.output.show(view, () => statusLine(view));
  },
});

function statusLine({ state, subscription }: View): string {
  if (typeof subscription !== 'object' || subscription === null) return String(state);
  const { state: how, leaseUntil, reason } = subscription as { state: string; leaseUntil: number | null; reason: string | null };
  const until = leaseUntil === null ? '' : ` until ${new Date(leaseUntil).toISOString()}`;
  return `${String(state)}, ${how}${until}${reason === null ? '' : `: ${reason}`}`;
}

/** Where the webhooks of other providers come in. */
export const sources = defineCommand({
  name: 'sources',
  summary: 'list, add, pause, start, rotate and remove sources that webhooks of other providers come in at',
  details: 'With the key of an application instead of the admin token it is about its own sources.',
  subcommands: [
    list,
    add,
    change('pause', 'whoever sends is told to try again later'),
    change('start', 'take webhooks again'),
    rotate,
    status,
    remove,
  ],
  examples: [
    'sluice sources add --subscription sub_4f0a1b2c3d4e --name builds --preset github --address builds',
    'sluice sources rotate src_4f0a1b2c3d4e --secret whsec_of_stripe --overlap 1h',
  ],
});
