import { oneOf } from '../arguments.ts';
import { editOne, withMembers, withoutMembers } from '../client/edit.ts';
import { isObject } from '../client/json.ts';
import type { View } from '../client/management.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../exit-code.ts';
import { ownerClient, ownerOptions } from '../servers.ts';
import { tellRefusal } from './endpoint-refusal.ts';
import { endpointChanges, endpointMembers } from './endpoint-settings.ts';

/** What can take its default again, by the name of its option: the member it is. */
const clearable = {
  address: 'address',
  event: 'events',
  filter: 'filter',
  header: 'headers',
  content: 'content',
  timeout: 'timeout',
  retry: 'retry',
  concurrency: 'concurrency',
  order: 'order',
  authentication: 'authentication',
  verification: 'verification',
  signature: 'signature',
  rate: 'rateLimit',
  batch: 'batch',
  'keep-dead-letters': 'keepDeadLetters',
  metadata: 'metadata',
  description: 'description',
} as const;
const words = Object.keys(clearable) as (keyof typeof clearable)[];

/** Changes what is named of an endpoint that is there. */
export const setEndpoint = defineCommand({
  name: 'set',
  summary: 'change what is named of an endpoint, and nothing else',
  details: `Events and retries that are named take the place of all there were; of headers and metadata each goes by its name, and one with an
empty value is taken out. Its state and its secrets are changed by start, pause and rotate.`,
  positionals: { usage: 'ID', min: 1, max: 1 },
  options: {
    ...ownerOptions,
    ...endpointChanges,
    clear: { type: 'string', multiple: true, value: 'OPTION', describe: `take the default again, or none: ${words.join(', ')}` },
  },
  examples: [
    'sluice endpoints set ep_4f0a1b2c3d4e --url https://example.com/hooks/new --rate 10/second',
    "sluice endpoints set ep_4f0a1b2c3d4e --header 'X-Env: prod' --clear filter",
  ],
  async run(context) {
    const members = await endpointMembers(context);
    const cleared = context.values.clear.map((word) => clearable[oneOf(word, 'clear', words)]);
    if (cleared.length === 0 && Object.values(members).every((value) => value === undefined))
      throw new CliError(
        'usage',
        'sluice endpoints set needs something to change, such as --url or --timeout. Try: sluice endpoints set --help',
      );
    const { client } = await ownerClient(context);
    const [id = ''] = context.positionals;
    // Its state stays whatever it is by then, and a WebSub subscription is refused in words of its own.
    const { after, isChanged } = await editOne(client, ['endpoints', id], (current) =>
      changed(withoutMembers(current, ['state', 'websub', ...cleared]), members),
    );
    await context.output.show(after, () => `${id} ${isChanged ? 'changed' : 'is so already'}`);
    if (members['address'] !== undefined || cleared.includes('address')) await tellRefusal(context, client, id);
  },
});

function changed(current: View, members: View): View {
  const { headers, metadata, signature, batch, ...plain } = members;
  return withMembers(current, {
    ...plain,
    headers: headers && entriesChanged(current['headers'], headers as View, (name) => name.toLowerCase()),
    metadata: metadata && entriesChanged(current['metadata'], metadata as View, (name) => name),
    signature: signature && signatureChanged(current['signature'], signature as View),
    batch: batch && batchChanged(current['batch'], batch as View),
  });
}

/** Entries by name, less those that are given nothing; names are the same whose `keyOf` is. */
function entriesChanged(current: unknown, given: View, keyOf: (name: string) => string): View {
  const named = new Set(Object.keys(given).map(keyOf));
  const kept = Object.entries(isObject(current) ? current : {}).filter(([name]) => !named.has(keyOf(name)));
  return Object.fromEntries([...kept, ...Object.entries(given).filter(([, value]) => value !== '')]);
}

/** The format `standard` has no header of its own. */
function signatureChanged(current: unknown, given: View): View {
  const next = withMembers(current ?? { style: 'standard' }, given);
  return given['style'] === 'standard' && given['header'] === undefined ? { style: 'standard' } : next;
}

function batchChanged(current: unknown, given: View): View {
  if (current === undefined && given['events'] === undefined)
    throw new CliError('usage', '--batch-bytes and --batch-wait belong to --batch, which this endpoint has none of.');
  return withMembers(current, given);
}
