import { oneOf } from '../arguments.ts';
import type { View } from '../client/management.ts';
import { defineCommand, type Command, type Context } from '../command.ts';
import { CliError } from '../exit-code.ts';
import { controlOptions, managementClient, ownerClient, ownerOptions } from '../servers.ts';

const columns = ['id', 'application', 'api', 'as', 'plan', 'state'];
const states = ['pending', 'accepted', 'rejected', 'paused', 'closed'] as const;

const list = defineCommand({
  name: 'list',
  summary: 'who may use what, under which plan; what is its own with the key of an application',
  options: {
    ...ownerOptions,
    api: { type: 'string', value: 'API', describe: 'of this API only' },
    application: { type: 'string', value: 'NAME', describe: 'of this application only' },
    state: { type: 'string', value: 'STATE', describe: `one of ${states.join(', ')}` },
  },
  async run(context) {
    const { api, application, state } = context.values;
    if (state !== undefined) oneOf(state, 'state', states);
    const { client } = await ownerClient(context);
    const rows: View[] = [];
    for await (const row of client.items(['subscriptions'], { api, application, state })) rows.push(row);
    await context.output.rows(rows, columns);
  },
});

const create = defineCommand({
  name: 'create',
  summary: 'subscribe an application to an API',
  options: {
    ...controlOptions,
    api: { type: 'string', value: 'API', describe: 'the API' },
    application: { type: 'string', value: 'NAME', describe: 'the application' },
    plan: { type: 'string', value: 'PLAN', describe: 'the plan; a provider may do without' },
    as: { type: 'string', value: 'ROLE', default: 'client', describe: 'client or provider' },
    'allow-publish': {
      type: 'string',
      multiple: true,
      value: 'PATTERN',
      describe: 'addresses it may publish to; all the contract permits when left out',
    },
    'allow-read': {
      type: 'string',
      multiple: true,
      value: 'PATTERN',
      describe: 'addresses it may read; all the contract permits when left out',
    },
  },
  async run(context) {
    const { api, application, plan } = context.values;
    if (api === undefined || application === undefined)
      throw new CliError('usage', 'sluice subscriptions create needs --api and --application.');
    const as = oneOf(context.values.as, 'as', ['client', 'provider']);
    const allow = allowance(context.values['allow-publish'], context.values['allow-read']);
    const client = await managementClient(context);
    await showOne(context, await client.post(['subscriptions'], { api, application, as, plan, allow }));
  },
});

function allowance(
  publish: readonly string[],
  read: readonly string[],
): { publish: readonly string[]; read: readonly string[] } | undefined {
  if (publish.length === 0 && read.length === 0) return undefined;
  return { publish: publish.length === 0 ? ['*'] : publish, read: read.length === 0 ? ['*'] : read };
}

async function showOne(context: Context, subscription: View): Promise<void> {
  await context.output.show(subscription, () => `${String(subscription['id'])} ${String(subscription['state'])}`);
}

function transition(name: string, summary: string): Command {
  return defineCommand({
    name,
    summary,
    positionals: { usage: 'ID', min: 1, max: 1 },
    options: { ...controlOptions, reason: { type: 'string', value: 'TEXT', describe: 'what the subscriber is told' } },
    async run(context) {
      const client = await managementClient(context);
      const [id = ''] = context.positionals;
      const { reason } = context.values;
      await showOne(context, await client.post(['subscriptions', id, name], reason === undefined ? {} : { reason }));
    },
  });
}

/** Subscriptions and their states. */
export const subscriptions = defineCommand({
  name: 'subscriptions',
  summary: 'list, create, accept, reject, pause, resume and close subscriptions',
  subcommands: [
    list,
    create,
    transition('accept', 'a pending subscription may be used'),
    transition('reject', 'a pending subscription may not be used'),
    transition('pause', 'nothing passes until it is resumed; open connections end'),
    transition('resume', 'a paused subscription may be used again'),
    transition('close', 'for good: it cannot be opened again'),
  ],
  examples: ['sluice subscriptions list --state pending', 'sluice subscriptions accept sub_4f0a1b2c3d4e'],
});
