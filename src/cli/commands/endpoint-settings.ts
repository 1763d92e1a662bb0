import { dirname, resolve } from 'node:path';
import { ifGiven, oneOf, wholeNumber } from '../arguments.ts';
import type { View } from '../client/management.ts';
import { withoutDefaults, type Context } from '../command.ts';
import { CliError } from '../exit-code.ts';

/** What an endpoint gets, and how it is called. */
export const endpointOptions = {
  url: { type: 'string', value: 'URL', describe: 'where events are delivered to' },
  address: {
    type: 'string',
    value: 'PATTERN',
    default: '*',
    describe: 'what it gets: an address, * for one segment, all of which must be readable; or * alone for all that is',
  },
  event: { type: 'string', multiple: true, value: 'TYPE', describe: 'event types it gets; .* at the end takes every type below' },
  filter: { type: 'string', value: 'CEL', describe: 'only events for which this is true' },
  header: { type: 'string', multiple: true, value: 'HEADER', describe: '"Name: value", sent with every attempt' },
  content: { type: 'string', value: 'WORD', default: 'structured', describe: 'structured, binary or data' },
  timeout: { type: 'string', value: 'TIME', default: '15s', describe: 'how long one attempt may take, 1s to 30s' },
  retry: {
    type: 'string',
    multiple: true,
    value: 'TIME',
    describe: 'a delay after the first attempt and each one more, or standard, short, none',
  },
  concurrency: { type: 'string', value: 'N', default: '8', describe: 'most attempts under way at once, 1 to 32' },
  order: { type: 'string', value: 'WORD', default: 'none', describe: 'none, per-key or strict' },
  authentication: {
    type: 'string',
    value: 'YAML',
    describe:
      'what the receiver is shown: { kind: basic, user: shop, password: "${env:PASSWORD}" }, or the kinds key, oauth2-client-credentials, mtls; @FILE reads it from a file',
  },
  verification: {
    type: 'string',
    value: 'WORD',
    default: 'none',
    describe: 'how the receiver is asked whether it wants deliveries: none, challenge, cloudevents or signed-ping',
  },
  signature: { type: 'string', value: 'WORD', default: 'standard', describe: 'standard, github, github-sha1 or stripe' },
  'signature-header': { type: 'string', value: 'NAME', describe: "another name for the provider's header with the signature" },
  rate: { type: 'string', value: 'RATE', describe: 'most attempts: 10/second or 100/minute' },
  batch: { type: 'string', value: 'N', describe: 'most events in one attempt, 1 to 1000; needs --content structured' },
  'batch-bytes': { type: 'string', value: 'SIZE', describe: 'most bytes of them together; default 256KiB' },
  'batch-wait': { type: 'string', value: 'TIME', describe: 'how long the first waits for others; default 1s' },
  'keep-dead-letters': {
    type: 'string',
    value: 'TIME',
    describe: 'how long what is given up is kept, such as 7d; default, and the most: as long as the operator keeps it',
  },
  metadata: { type: 'string', multiple: true, value: 'NAME=VALUE', describe: 'what its owner wants to keep with it' },
  description: { type: 'string', value: 'TEXT', describe: 'what it is for' },
} as const;

/** The same where only what is named counts. */
export const endpointChanges = withoutDefaults(endpointOptions);

const maxFileBytes = 256 * 1024;

/** These options as members of an endpoint, undefined where none was given. Rejects with a CliError for what cannot be read. */
export async function endpointMembers({ values, env, cwd }: Context<typeof endpointChanges>): Promise<View> {
  const { url, address, event, filter, header, content, timeout, retry, concurrency, order } = values;
  const { authentication, verification, rate, metadata, description } = values;
  return {
    url,
    address,
    events: event.length === 0 ? undefined : event,
    filter,
    headers: header.length === 0 ? undefined : headersOf(header),
    content: ifGiven(content, (word) => oneOf(word, 'content', ['structured', 'binary', 'data'])),
    timeout,
    retry: retry.length === 0 ? undefined : scheduleOf(retry),
    concurrency: ifGiven(concurrency, (text) => wholeNumber(text, 'concurrency', 1, 32)),
    order: ifGiven(order, (word) => oneOf(word, 'order', ['none', 'per-key', 'strict'])),
    authentication: await ifGiven(authentication, async (text) => await authenticationIn(text, env, cwd)),
    verification: ifGiven(verification, (word) => oneOf(word, 'verification', ['none', 'challenge', 'cloudevents', 'signed-ping'])),
    signature: signatureIn(values),
    rateLimit: ifGiven(rate, rateIn),
    batch: batchIn(values),
    keepDeadLetters: values['keep-dead-letters'],
    metadata: metadata.length === 0 ? undefined : metadataIn(metadata),
    description,
  };
}

type Given = Context<typeof endpointChanges>['values'];

/** A single word is a preset: a delay begins with a digit. */
function scheduleOf(retry: readonly string[]): string | readonly string[] {
  const [first = ''] = retry;
  return retry.length === 1 && /^[a-z]/.test(first) ? first : retry;
}

function headersOf(headers: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    headers.map((header) => {
      const at = header.indexOf(':');
      if (at < 1) throw new CliError('usage', '--header must be a name, a colon and a value, such as "X-Env: prod".');
      return [header.slice(0, at).trim(), header.slice(at + 1).trim()];
    }),
  );
}

function signatureIn({ signature, 'signature-header': header }: Given): View | undefined {
  if (signature === undefined && header === undefined) return undefined;
  return { style: ifGiven(signature, (word) => oneOf(word, 'signature', ['standard', 'github', 'github-sha1', 'stripe'])), header };
}

/** YAML, of which JSON is a part; secrets are filled in as in a configuration file. */
async function authenticationIn(given: string, env: Context['env'], cwd: string): Promise<unknown> {
  const [{ parse }, { substitute }, { readTextFile }] = await Promise.all([
    import('yaml'),
    import('../../control/config/substitute.ts'),
    import('../../control/config/read-config-file.ts'),
  ]);
  const file = given.startsWith('@') ? resolve(cwd, given.slice(1)) : undefined;
  const read = (path: string): Promise<string> => readTextFile(path, { maxBytes: maxFileBytes });
  try {
    const document: unknown = parse(file === undefined ? given : await read(file), { maxAliasCount: 0 });
    const readSecretFile = (path: string): Promise<string> => read(resolve(file === undefined ? cwd : dirname(file), path));
    const { value, problems } = await substitute(document, { env, readSecretFile });
    if (problems[0] === undefined) return value;
    throw new Error(`${problems[0].path.slice(1)} ${problems[0].sentence}`);
  } catch (error) {
    // What YAML complains of may quote a secret.
    const isYaml = (error as Error).name.startsWith('YAML');
    throw new CliError('usage', `--authentication cannot be read: ${isYaml ? 'it is not YAML' : (error as Error).message}.`, {
      cause: error,
    });
  }
}

function rateIn(rate: string): object {
  const [, limit, per] = /^(\d{1,7})\/(second|minute)$/.exec(rate) ?? [];
  if (limit === undefined) throw new CliError('usage', `--rate must be such as 10/second or 100/minute, not "${rate}".`);
  return { limit: Number(limit), per };
}

function metadataIn(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new CliError('usage', `--metadata must be a name, = and a value, such as team=billing, not "${pair}".`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function batchIn({ batch, 'batch-bytes': bytes, 'batch-wait': wait }: Given): View | undefined {
  if (batch === undefined && bytes === undefined && wait === undefined) return undefined;
  return { events: ifGiven(batch, (text) => wholeNumber(text, 'batch', 1, 1000)), bytes, wait };
}
