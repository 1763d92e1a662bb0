import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ManagementClient } from './client/management.ts';
import type { Context, Options } from './command.ts';
import { CliError } from './exit-code.ts';

/** Options of every command that talks to the management API. */
export const controlOptions = {
  control: { type: 'string', value: 'URL', describe: 'management API; else SLUICE_CONTROL, else http://127.0.0.1:8081' },
  token: { type: 'string', value: 'TOKEN', describe: 'admin token; else SLUICE_ADMIN_TOKEN, else the file admin-token in the data folder' },
  data: { type: 'string', value: 'DIR', default: '.sluice', describe: 'data folder of the Sluice on this machine' },
} as const satisfies Options;

/** Options of the commands that an application may use with its own key, and then sees what is its own. */
export const ownerOptions = {
  ...controlOptions,
  key: { type: 'string', value: 'KEY', describe: "an application's API key instead of the admin token; else SLUICE_KEY" },
} as const satisfies Options;

/** Options of every command that talks to the gateway. */
export const gatewayOptions = {
  gateway: { type: 'string', value: 'URL', describe: 'gateway; else SLUICE_GATEWAY, else http://127.0.0.1:8080' },
  key: { type: 'string', value: 'KEY', describe: 'API key; else SLUICE_KEY' },
} as const satisfies Options;

type Env = Context['env'];

/** The management API with the token that the options, the environment or the data folder name. */
export async function managementClient(context: Context<typeof controlOptions>): Promise<ManagementClient> {
  const { values, env, cwd, signal } = context;
  const token = await findToken(values, env, cwd);
  return new ManagementClient(controlUrl(values, env), token, signal);
}

/** The management API for commands that applications may use too. */
export interface OwnerClient {
  readonly client: ManagementClient;
  /** It sees only what belongs to one application. */
  readonly isApplication: boolean;
}

/** The management API as an administrator, or as the application whose key there is: one named by an option counts more than one found. */
export async function ownerClient(context: Context<typeof ownerOptions>): Promise<OwnerClient> {
  const { values, env, signal } = context;
  const key = apiKey(values, env);
  const asApplication = (own: string): OwnerClient => {
    return { client: new ManagementClient(controlUrl(values, env), own, signal), isApplication: true };
  };
  if (key !== undefined && values.key !== undefined && values.token === undefined) return asApplication(key);
  try {
    return { client: await managementClient(context), isApplication: false };
  } catch (error) {
    if (key === undefined || !(error instanceof CliError) || error.exit !== 'unauthenticated') throw error;
    return asApplication(key);
  }
}

export function controlUrl(values: { readonly control: string | undefined }, env: Env): URL {
  return serverUrl(values.control ?? env['SLUICE_CONTROL'] ?? 'http://127.0.0.1:8081', '--control');
}

export function gatewayUrl(values: { readonly gateway: string | undefined }, env: Env): URL {
  return serverUrl(values.gateway ?? env['SLUICE_GATEWAY'] ?? 'http://127.0.0.1:8080', '--gateway');
}

/** The API key to show at the gateway; undefined when there is none. */
export function apiKey(values: { readonly key: string | undefined }, env: Env): string | undefined {
  const key = values.key ?? env['SLUICE_KEY'];
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key))
    throw new CliError('usage', 'An API key has visible ASCII characters only; check --key or SLUICE_KEY.');
  return key;
}

/** Where a channel is on the gateway: a whole URL as given, or the API's path and an address. */
export function channelUrl(target: string, gateway: URL): URL {
  if (/^https?:\/\//i.test(target)) return serverUrl(target, 'The URL');
  const url = new URL(gateway);
  const prefix = url.pathname.endsWith('/') ? url.pathname.slice(0, -1) : url.pathname;
  const segments = target.replace(/^\/+/, '').split('/');
  url.pathname = [prefix, ...segments.map((segment) => encodeURIComponent(segment))].join('/');
  return url;
}

async function findToken(values: { readonly token: string | undefined; readonly data: string }, env: Env, cwd: string): Promise<string> {
  const given = values.token ?? env['SLUICE_ADMIN_TOKEN'];
  if (given !== undefined && !/^[\x21-\x7e]*$/.test(given))
    throw new CliError('usage', 'An admin token has visible ASCII characters only; check --token or SLUICE_ADMIN_TOKEN.');
  if (given !== undefined) return given;
  const file = join(resolve(cwd, values.data), 'admin-token');
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    const remedy = 'name the data folder with --data, or give the token with --token or SLUICE_ADMIN_TOKEN';
    throw new CliError('unauthenticated', `No admin token: ${file} cannot be read (${code}); ${remedy}.`, { cause: error });
  }
}

function serverUrl(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new CliError('usage', `${name} must be a URL such as http://127.0.0.1:8080, not "${text}".`);
  }
  return url;
}
