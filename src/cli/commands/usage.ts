import { oneOf } from '../arguments.ts';
import type { ManagementClient, View } from '../client/management.ts';
import { defineCommand } from '../command.ts';
import { CliError, exitCodes } from '../exit-code.ts';
import { printable } from '../output.ts';
import { controlOptions, managementClient, ownerClient, ownerOptions, type OwnerClient } from '../servers.ts';

const names = ['application', 'api', 'plan'] as const;
const figures = ['events', 'bytes', 'redelivered', 'dropped', 'published', 'duplicates'] as const;

const verify = defineCommand({
  name: 'verify',
  summary: 'checks that the ledger has neither gaps nor overlaps and fits the log; exit code 3 when it has',
  options: controlOptions,
  async run(context) {
    const client = await managementClient(context);
    const result = await client.get(['usage', 'verify']);
    await context.output.show(result, () => verdict(result));
    return result['ok'] === true ? exitCodes.ok : exitCodes.difference;
  },
});

function verdict(result: View): string {
  const places = (kind: string) => (Array.isArray(result[kind]) ? (result[kind] as unknown[]) : []);
  const kinds = ['gap', 'overlap', 'loss', 'overcharge'] as const;
  const found = kinds.flatMap((kind) => places(kind === 'loss' ? 'losses' : `${kind}s`).map((place) => `${kind} ${JSON.stringify(place)}`));
  const counted = `${String(result['ranges'])} ranges of ${String(result['readers'])} readers`;
  const compared = typeof result['compared'] === 'number' ? `, ${result['compared']} compared with the log` : '';
  if (result['ok'] === true) return `${counted}${compared}: no gap, no overlap`;
  return [`${counted}${compared}: ${found.length} faults`, ...found.map(printable)].join('\n');
}

/** Usage as it will be billed. */
export const usage = defineCommand({
  name: 'usage',
  summary: 'what was delivered to whom, as it will be billed; usage verify checks the ledger',
  details: 'With the key of an application instead of the admin token it shows what that application used.',
  subcommands: [verify],
  options: {
    ...ownerOptions,
    by: { type: 'string', value: 'WORD', default: 'subscription', describe: 'subscription, type or reader' },
    api: { type: 'string', value: 'API', describe: 'of this API only' },
    application: { type: 'string', value: 'NAME', describe: 'of this application only' },
    subscription: { type: 'string', value: 'ID', describe: 'of this subscription only' },
    from: { type: 'string', value: 'TIME', describe: 'from this time on (RFC 3339)' },
    to: { type: 'string', value: 'TIME', describe: 'until this time (RFC 3339)' },
  },
  examples: ['sluice usage', 'sluice usage --by type --api orders --json', 'sluice usage verify'],
  async run(context) {
    const { api, application, subscription, from, to } = context.values;
    const by = oneOf(context.values.by, 'by', ['subscription', 'type', 'reader']);
    const owner = await ownerClient(context);
    const { client } = owner;
    const answer = await client.get(['usage'], { by, api, application, subscription, from, to });
    if (rowsOf(answer).length === 0) await checkNamed(owner, { api, application, subscription });
    const rows = by === 'subscription' ? await withNames(rowsOf(answer), client) : rowsOf(answer);
    await context.output.rows(rows, [...(by === 'subscription' ? names : []), 'id', ...figures]);
  },
});

interface Named {
  readonly api: string | undefined;
  readonly application: string | undefined;
  readonly subscription: string | undefined;
}

/** Nothing used and no such thing look alike: rejects with `notFound` when a name stands for nothing that the caller can see. */
async function checkNamed({ client, isApplication }: OwnerClient, { api, application, subscription }: Named): Promise<void> {
  if (subscription !== undefined) await client.get(['subscriptions', subscription]);
  if (!isApplication) {
    if (api !== undefined) await client.get(['apis', api]);
    if (application !== undefined) await client.get(['applications', application]);
    return;
  }
  if (api === undefined && application === undefined) return;
  for await (const _ of client.items(['subscriptions'], { api, application }, 1)) return;
  const named = [api === undefined ? [] : `the API ${api}`, application === undefined ? [] : `the application ${application}`].flat();
  throw new CliError('notFound', `This key belongs to no subscription of ${printable(named.join(' and '))}.`);
}

/** The ledger knows subscriptions by their ids, people by whose they are. */
async function withNames(rows: readonly View[], client: ManagementClient): Promise<readonly View[]> {
  const byId = new Map<unknown, View>();
  for await (const subscription of client.items(['subscriptions'])) byId.set(subscription['id'], subscription);
  return rows.map((row) => {
    const { application = null, api: ofApi = null, as = null, plan = null } = byId.get(row['id']) ?? {};
    return { application, api: ofApi, as, plan, ...row };
  });
}

function rowsOf(answer: View): readonly View[] {
  return Array.isArray(answer['items']) ? (answer['items'] as View[]) : [];
}
