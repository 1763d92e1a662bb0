import type { View } from '../client/management.ts';
import { defineCommand, type Command, type Context } from '../command.ts';
import { CliError } from '../exit-code.ts';
import { ownerClient, ownerOptions } from '../servers.ts';
import { setSource } from './source-set.ts';
import { sourceMembers, sourceOptions } from './source-settings.ts';

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
  ...sourceOptions,
  secret: { type: 'string', value: 'SECRET', describe: 'the secret, token or public key; else one is made where the provider takes it' },
  paused: { type: 'boolean', describe: 'nothing is taken until it is started' },
} as const;

const add = defineCommand({
  name: 'add',
  summary: 'take the webhooks of a provider; prints the id, and a secret that was made',
  options: addOptions,
  async run(context) {
    const { subscription, name, preset, address, secret, paused, header, type } = context.values;
    if (subscription === undefined || name === undefined || preset === undefined || address === undefined)
      throw new CliError('usage', 'sluice sources add needs --subscription, --name, --preset and --address.');
    if (preset === 'hmac' && (header === undefined || type === undefined))
      throw new CliError('usage', '--preset hmac needs --header and --type.');
    const { hmac, topic, ...members } = sourceMembers(context.values);
    const body = {
      subscription,
      name,
      preset,
      ...members,
      secret,
      hmac: preset === 'hmac' ? hmac : undefined,
      topic: context.values.topic === undefined ? undefined : topic,
      state: paused ? 'paused' : 'started',
    };
    const { client } = await ownerClient(context);
    await showMade(context, await client.post(['sources'], body));
  },
});

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
  summary: 'list, add, set, pause, start, rotate and remove sources that webhooks of other providers come in at',
  details: 'With the key of an application instead of the admin token it is about its own sources.',
  subcommands: [
    list,
    add,
    setSource,
    change('pause', 'whoever sends is told to try again later'),
    change('start', 'take webhooks again'),
    rotate,
    status,
    remove,
  ],
  examples: [
    'sluice sources add --subscription sub_4f0a1b2c3d4e --name builds --preset github --address builds',
    'sluice sources set src_4f0a1b2c3d4e --tolerance 10m',
    'sluice sources rotate src_4f0a1b2c3d4e --secret whsec_of_stripe --overlap 1h',
  ],
});
