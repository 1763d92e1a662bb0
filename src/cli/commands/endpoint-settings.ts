import { dirname, resolve } from 'node:path';
import { oneOf, wholeNumber } from '../arguments.ts';
import type { Context } from '../command.ts';
import { CliError } from '../exit-code.ts';

/** What an endpoint is and how it is called, besides what its events are. */
export const settingOptions = {
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
  metadata: { type: 'string', multiple: true, value: 'NAME=VALUE', describe: 'what its owner wants to keep with it' },
  description: { type: 'string', value: 'TEXT', describe: 'what it is for' },
} as const;

const maxFileBytes = 256 * 1024;

/** These options as members of an endpoint. Rejects with a CliError for what cannot be read. */
export async function settingsIn({ values, env, cwd }: Context<typeof settingOptions>): Promise<Readonly<Record<string, unknown>>> {
  const { authentication, verification, signature, rate } = values;
  const style = oneOf(signature, 'signature', ['standard', 'github', 'github-sha1', 'stripe']);
  const header = values['signature-header'];
  return {
    authentication: authentication === undefined ? undefined : await authenticationIn(authentication, env, cwd),
    verification: oneOf(verification, 'verification', ['none', 'challenge', 'cloudevents', 'signed-ping']),
    signature: header === undefined ? style : { style, header },
    rateLimit: rate === undefined ? undefined : rateIn(rate),
    batch: batchIn(values),
    metadata: metadataIn(values.metadata),
    description: values.description,
  };
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

function batchIn(values: Context<typeof settingOptions>['values']): object | undefined {
  const { batch, 'batch-bytes': bytes, 'batch-wait': wait } = values;
  if (batch !== undefined) return { events: wholeNumber(batch, 'batch', 1, 1000), bytes, wait };
  if (bytes !== undefined || wait !== undefined) throw new CliError('usage', '--batch-bytes and --batch-wait belong to --batch.');
  return undefined;
}
