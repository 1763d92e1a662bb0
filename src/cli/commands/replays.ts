import { setTimeout } from 'node:timers/promises';
import type { View } from '../client/management.ts';
import { defineCommand } from '../command.ts';
import { CliError, exitCodes } from '../exit-code.ts';
import { ownerClient, ownerOptions } from '../servers.ts';

/** Milliseconds between two looks at one that is waited for. */
const lookAgainAfter = 500;

/** Delivers what was delivered before, or was given up, once more. */
export const replay = defineCommand({
  name: 'replay',
  summary: 'deliver a range of the log to an endpoint once more, or with --dead all that is given up',
  details: `It goes on by itself, also over restarts. PLACE is a position as sluice deliveries attempts shows it, after which the range
begins or with which it ends, or a time (RFC 3339). --from also takes earliest.`,
  positionals: { usage: 'ENDPOINT', min: 1, max: 1 },
  options: {
    ...ownerOptions,
    from: { type: 'string', value: 'PLACE', describe: 'where the range begins' },
    until: { type: 'string', value: 'PLACE', describe: 'where it ends; default: with what is there now' },
    event: { type: 'string', multiple: true, value: 'TYPE', describe: 'these event types only; .* at the end takes every type below' },
    dead: { type: 'boolean', describe: 'all that is given up, instead of a range' },
    before: { type: 'string', value: 'TIME', describe: 'with --dead: given up before this time only (RFC 3339)' },
    wait: { type: 'boolean', describe: 'until it is over' },
  },
  async run(context) {
    const { from, until, event, dead, before, wait } = context.values;
    if (dead === (from !== undefined)) throw new CliError('usage', 'sluice deliveries replay needs either --from or --dead.');
    if (dead && (until !== undefined || event.length > 0)) throw new CliError('usage', '--until and --event go with --from.');
    if (!dead && before !== undefined) throw new CliError('usage', '--before goes with --dead.');
    const { client } = await ownerClient(context);
    const path = ['endpoints', context.positionals[0] ?? '', 'replays'];
    const types = event.length > 0 ? event : undefined;
    let job = await client.post(path, dead ? { state: 'dead', before } : { from, until, types });
    while (wait && isUnderWay(job)) {
      await setTimeout(lookAgainAfter, undefined, { signal: context.signal });
      job = await client.get([...path, String(job['id'])]);
    }
    await context.output.show(job, () => sentenceOf(job));
    return job['state'] === 'failed' ? exitCodes.failed : undefined;
  },
});

/** How far replays have come. */
export const replays = defineCommand({
  name: 'replays',
  summary: 'the replays to an endpoint, newest first, and how far they have come',
  positionals: { usage: 'ENDPOINT', min: 1, max: 1 },
  options: ownerOptions,
  async run(context) {
    const { client } = await ownerClient(context);
    const { items } = await client.get(['endpoints', context.positionals[0] ?? '', 'replays']);
    const columns = ['id', 'kind', 'state', 'passed', 'total', 'sent', 'succeeded', 'failed', 'createdAt'];
    await context.output.rows(Array.isArray(items) ? (items as View[]) : [], columns);
  },
});

/** Calls a replay off. */
export const cancel = defineCommand({
  name: 'cancel',
  summary: 'call a replay off: nothing more of it is sent',
  positionals: { usage: 'ENDPOINT REPLAY', min: 2, max: 2 },
  options: ownerOptions,
  async run(context) {
    const [endpoint = '', id = ''] = context.positionals;
    const { client } = await ownerClient(context);
    await client.remove(['endpoints', endpoint, 'replays', id]);
    await context.output.show({ id, state: 'cancelled' }, () => `${id} cancelled`);
  },
});

function isUnderWay({ state }: View): boolean {
  return state === 'waiting' || state === 'running';
}

function sentenceOf(job: View): string {
  const { id, state, passed, total, succeeded, failed, reason } = job;
  const why = reason === null ? '' : `\n${String((reason as View)['sentence'])}`;
  const results = job['kind'] === 'dead' ? '' : `; ${String(succeeded)} delivered, ${String(failed)} given up`;
  return `${String(id)} ${String(state)}: ${String(passed)} of about ${String(total)}${results}${why}`;
}
