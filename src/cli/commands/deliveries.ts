import { oneOf, wholeNumber } from '../arguments.ts';
import type { View } from '../client/management.ts';
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

const retry = defineCommand({
  name: 'retry',
  summary: 'send one delivery again at once, or with --dead all that are given up',
  positionals: { usage: 'ENDPOINT [POSITION]', min: 1, max: 2 },
  options: {
    ...ownerOptions,
    dead: { type: 'boolean', describe: 'all that are given up' },
    before: { type: 'string', value: 'TIME', describe: 'with --dead: given up before this time only (RFC 3339)' },
  },
  async run(context) {
    const [id = '', position] = context.positionals;
    const { dead, before } = context.values;
    if (dead === (position !== undefined))
      throw new CliError('usage', 'sluice deliveries retry needs either a POSITION, as sluice deliveries list shows it, or --dead.');
    if (before !== undefined && !dead) throw new CliError('usage', '--before goes with --dead.');
    const { client } = await ownerClient(context);
    const path = ['endpoints', id, 'deliveries'];
    if (position !== undefined) {
      const answer = await client.post([...path, position, 'retry'], {});
      await context.output.show(answer, () => 'due now');
      return;
    }
    let [retried, left] = [0, 0];
    let until: unknown = before;
    for (;;) {
      const answer = await client.post([...path, 'retry'], { state: 'dead', before: until });
      retried += Number(answer['retried']);
      left = Number(answer['left']);
      until = answer['before'];
      if (left === 0 || Number(answer['retried']) === 0) break;
    }
    if (left > 0) context.output.note('So many wait that no more are taken now; repeat this when some are delivered.');
    await context.output.show({ retried, left, before: until }, () => `${retried} due now, ${left} left`);
  },
});

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
  summary: 'show what was delivered to an endpoint, what waits and what is given up, and send it again',
  details: 'With the key of an application instead of the admin token it shows, retries and replays those of its own endpoints.',
  subcommands: [status, list, attempts, retry, replay, replays, cancel],
  examples: [
    'sluice deliveries attempts ep_4f0a1b2c3d4e --outcome dead',
    'sluice deliveries list ep_4f0a1b2c3d4e --state dead',
    'sluice deliveries retry ep_4f0a1b2c3d4e --dead',
    'sluice deliveries replay ep_4f0a1b2c3d4e --from 2030-01-31T12:00:00Z --until 2030-01-31T13:00:00Z --wait',
  ],
});
