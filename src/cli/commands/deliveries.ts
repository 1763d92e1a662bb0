import { oneOf, wholeNumber } from '../arguments.ts';
import type { ManagementClient, View } from '../client/management.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../exit-code.ts';
import { ownerClient, ownerOptions } from '../servers.ts';
import { cancel, replay, replays } from './replays.ts';

const endpoint = { usage: 'ENDPOINT', min: 1, max: 1 } as const;
const limit = { type: 'string', value: 'N', default: '100', describe: 'at most so many' } as const;

const status = defineCommand({
  name: 'status',
  summary: 'whether an endpoint is sent to, what holds it up, and how much waits',
  positionals: endpoint,
  options: ownerOptions,
  async run(context) {
    const { client } = await ownerClient(context);
    const answer = await client.get(['endpoints', context.positionals[0] ?? '', 'status']);
    const reasons = [answer['held'], answer['refused']].flatMap((why) => (isView(why) ? [`\n${String(why['sentence'])}`] : []));
    const since = answer['failingSince'];
    const failing = typeof since === 'number' ? `, failing since ${new Date(since).toISOString()}` : '';
    const counts = `${String(answer['waiting'])} waiting, ${String(answer['dead'])} dead`;
    await context.output.show(answer, () => `${String(answer['state'])}${failing}: ${counts}${reasons.join('')}`);
  },
});

const list = defineCommand({
  name: 'list',
  summary: 'what an endpoint is still to be sent after a failure, and what is given up',
  positionals: endpoint,
  options: { ...ownerOptions, state: { type: 'string', value: 'WORD', describe: 'waiting or dead' }, limit },
  async run(context) {
    const state = context.values.state === undefined ? undefined : oneOf(context.values.state, 'state', ['waiting', 'dead']);
    const rows = await itemsOf(context, 'deliveries', { state });
    await context.output.rows(rows, ['position', 'event', 'type', 'state', 'reason', 'attempts', 'dueAt', 'acceptedAt']);
  },
});

const attempts = defineCommand({
  name: 'attempts',
  summary: 'the attempts to deliver to an endpoint, newest first; --json shows headers, times and answers',
  positionals: endpoint,
  options: {
    ...ownerOptions,
    event: { type: 'string', value: 'ID', describe: 'of the event of this id only' },
    outcome: { type: 'string', value: 'WORD', describe: 'delivered, retry, dead or held' },
    limit,
  },
  async run(context) {
    const { event, outcome } = context.values;
    const wanted = outcome === undefined ? undefined : oneOf(outcome, 'outcome', ['delivered', 'retry', 'dead', 'held']);
    const rows = await itemsOf(context, 'attempts', { event, outcome: wanted });
    await context.output.rows(
      rows.map((row) => ({ ...row, startedAt: row['at'] })),
      ['startedAt', 'position', 'event', 'attempt', 'outcome', 'status', 'failure', 'duration', 'nextAt', 'sentence'],
    );
  },
});

const show = defineCommand({
  name: 'show',
  summary: 'one delivery that waits or is given up: its event as JSON, with --json all there is of it',
  positionals: { usage: 'ENDPOINT POSITION', min: 2, max: 2 },
  options: ownerOptions,
  async run(context) {
    const [id = '', position = ''] = context.positionals;
    const { client } = await ownerClient(context);
    const answer = await client.get(['endpoints', id, 'deliveries', position]);
    await context.output.show(answer, () => safeJson(answer['cloudEvent']));
  },
});

/** On several lines, with nothing in it that steers a terminal: control characters stand in texts alone, where JSON has another way to write them. */
function safeJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(/[\u007f-\u009f]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);
}

/** Which of the deliveries that are given up. */
const deadOptions = {
  ...ownerOptions,
  dead: { type: 'boolean', describe: 'all that are given up' },
  before: { type: 'string', value: 'TIME', describe: 'with --dead: given up before this time only (RFC 3339)' },
} as const;

const discard = defineCommand({
  name: 'discard',
  summary: 'throw away one delivery that is given up, or with --dead all of them: they cannot be sent again',
  positionals: { usage: 'ENDPOINT [POSITION]', min: 1, max: 2 },
  options: deadOptions,
  async run(context) {
    const [id = '', position] = meant(context, 'discard');
    const { client } = await ownerClient(context);
    const path = ['endpoints', id, 'deliveries'];
    if (position !== undefined) {
      await client.remove([...path, position]);
      await context.output.show({ discarded: 1 }, () => 'discarded');
      return;
    }
    const { done, left, before } = await callByCall(client, [...path, 'discard'], 'discarded', context.values.before);
    if (left > 0) context.output.note('The others cannot be discarded yet: the endpoint has not come past them.');
    await context.output.show({ discarded: done, left, before }, () => `${done} discarded, ${left} left`);
  },
});

const retry = defineCommand({
  name: 'retry',
  summary: 'send one delivery again at once, or with --dead all that are given up',
  positionals: { usage: 'ENDPOINT [POSITION]', min: 1, max: 2 },
  options: deadOptions,
  async run(context) {
    const [id = '', position] = meant(context, 'retry');
    const { client } = await ownerClient(context);
    const path = ['endpoints', id, 'deliveries'];
    if (position !== undefined) {
      const answer = await client.post([...path, position, 'retry'], {});
      await context.output.show(answer, () => 'due now');
      return;
    }
    const { done, left, before } = await callByCall(client, [...path, 'retry'], 'retried', context.values.before);
    if (left > 0) context.output.note('So many wait that no more are taken now; repeat this when some are delivered.');
    await context.output.show({ retried: done, left, before }, () => `${done} due now, ${left} left`);
  },
});

interface Meaning {
  readonly positionals: readonly string[];
  readonly values: { readonly dead: boolean; readonly before: string | undefined };
}

/** The endpoint, and the position where one delivery is meant; throws CliError `usage`. */
function meant({ positionals, values: { dead, before } }: Meaning, command: string): readonly string[] {
  if (dead === positionals.length > 1)
    throw new CliError('usage', `sluice deliveries ${command} needs either a POSITION, as sluice deliveries list shows it, or --dead.`);
  if (before !== undefined && !dead) throw new CliError('usage', '--before goes with --dead.');
  return positionals;
}

/** Does something with all that are given up, until none is left or no more is done; `counted` is the member of an answer that says how many. */
async function callByCall(
  client: ManagementClient,
  path: readonly string[],
  counted: string,
  until: string | undefined,
): Promise<{ readonly done: number; readonly left: number; readonly before: unknown }> {
  let done = 0;
  let before: unknown = until;
  for (;;) {
    const answer = await client.post(path, { state: 'dead', before });
    const left = Number(answer['left']);
    const some = Number(answer[counted]);
    done += some;
    ({ before } = answer);
    if (left === 0 || some === 0) return { done, left, before };
  }
}

async function itemsOf(
  context: Parameters<typeof ownerClient>[0] & { readonly values: { readonly limit: string }; readonly positionals: readonly string[] },
  what: 'attempts' | 'deliveries',
  query: Readonly<Record<string, string | undefined>>,
): Promise<readonly View[]> {
  const most = wholeNumber(context.values.limit, 'limit', 1, 100_000);
  const { client } = await ownerClient(context);
  const rows: View[] = [];
  for await (const row of client.items(['endpoints', context.positionals[0] ?? '', what], query, most)) rows.push(row);
  return rows;
}

function isView(value: unknown): value is View {
  return typeof value === 'object' && value !== null;
}

/** What became of deliveries to endpoints. */
export const deliveries = defineCommand({
  name: 'deliveries',
  summary: 'show what was delivered to an endpoint, what waits and what is given up, and send it again or discard it',
  details: 'With the key of an application instead of the admin token it shows, retries, discards and replays those of its own endpoints.',
  subcommands: [status, list, attempts, show, retry, discard, replay, replays, cancel],
  examples: [
    'sluice deliveries attempts ep_4f0a1b2c3d4e --outcome dead',
    'sluice deliveries list ep_4f0a1b2c3d4e --state dead',
    'sluice deliveries show ep_4f0a1b2c3d4e POSITION',
    'sluice deliveries retry ep_4f0a1b2c3d4e --dead',
    'sluice deliveries discard ep_4f0a1b2c3d4e --dead --before 2030-01-31T12:00:00Z',
    'sluice deliveries replay ep_4f0a1b2c3d4e --from 2030-01-31T12:00:00Z --until 2030-01-31T13:00:00Z --wait',
  ],
});
