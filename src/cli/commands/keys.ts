import { defineCommand, type Context } from '../command.ts';
import type { View } from '../client/management.ts';
import { controlOptions, managementClient } from '../servers.ts';

const application = 'APPLICATION';

async function showNewKey(context: Context, key: View): Promise<void> {
  context.output.note('The key is shown this once only; keep it now.');
  await context.output.show(key, () => String(key['value']));
}

const list = defineCommand({
  name: 'list',
  summary: "an application's keys, without their values",
  positionals: { usage: application, min: 1, max: 1 },
  options: controlOptions,
  async run(context) {
    const client = await managementClient(context);
    const [name = ''] = context.positionals;
    const rows: View[] = [];
    for await (const key of client.items(['applications', name, 'credentials'])) rows.push(key);
    await context.output.rows(rows, ['id', 'prefix', 'origin', 'state', 'createdAt', 'lastUsed', 'expiresAt']);
  },
});

const create = defineCommand({
  name: 'create',
  summary: 'a new key; prints its value',
  positionals: { usage: application, min: 1, max: 1 },
  options: {
    ...controlOptions,
    value: { type: 'string', value: 'KEY', describe: 'the key itself, at least 16 characters; else one is made' },
  },
  async run(context) {
    const client = await managementClient(context);
    const [name = ''] = context.positionals;
    const { value } = context.values;
    await showNewKey(
      context,
      await client.post(['applications', name, 'credentials'], { kind: 'api-key', ...(value === undefined ? {} : { value }) }),
    );
  },
});

const rotate = defineCommand({
  name: 'rotate',
  summary: 'a new key for an old one, which goes on working for a while',
  positionals: { usage: `${application} ID`, min: 2, max: 2 },
  options: {
    ...controlOptions,
    overlap: { type: 'string', value: 'TIME', default: '24h', describe: 'how long the old key goes on working: 0s, 30m, 24h, …' },
  },
  async run(context) {
    const client = await managementClient(context);
    const [name = '', id = ''] = context.positionals;
    const { overlap } = context.values;
    await showNewKey(context, await client.post(['applications', name, 'credentials', id, 'rotate'], { overlap }));
  },
});

const revoke = defineCommand({
  name: 'revoke',
  summary: 'a key is refused from now on, open connections included',
  positionals: { usage: `${application} ID`, min: 2, max: 2 },
  options: controlOptions,
  async run(context) {
    const client = await managementClient(context);
    const [name = '', id = ''] = context.positionals;
    await client.remove(['applications', name, 'credentials', id]);
    await context.output.show({ id, revoked: true }, () => `${id} revoked`);
  },
});

/** Keys of applications. */
export const keys = defineCommand({
  name: 'keys',
  summary: 'list, create, rotate and revoke API keys',
  subcommands: [list, create, rotate, revoke],
  examples: ['sluice keys create dashboard', 'sluice keys rotate dashboard key_4f0a1b2c3d4e --overlap 1h'],
});
