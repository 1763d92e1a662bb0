import { loadContract } from '../../contracts/load-contract.ts';
import type { Contract } from '../../contracts/contract.ts';
import type { ContractSource } from '../../store/resources.ts';
import { isObject } from '../client/json.ts';
import type { GatewayClient } from '../client/gateway.ts';
import type { ManagementClient, View } from '../client/management.ts';
import { readConfig } from '../config-changes.ts';
import type { Context } from '../command.ts';
import { CliError } from '../exit-code.ts';

/** An API as somebody who publishes to it needs to know it. */
export interface KnownApi {
  readonly name: string;
  /** Where it stands on the gateway, with a leading slash. */
  readonly path: string;
  readonly contract: Contract;
  /** Who asks, where it is no administrator; undefined: everything may be tried. */
  readonly subscribed?: { readonly application: string; readonly as: readonly string[] };
}

/** The APIs of a running Sluice, or only the one of that name. */
export async function contractsOfServer(client: ManagementClient, only: string | undefined): Promise<readonly KnownApi[]> {
  const apis: KnownApi[] = [];
  for await (const { name, path } of client.items(['apis'])) {
    if (typeof name !== 'string' || typeof path !== 'string' || (only !== undefined && name !== only)) continue;
    const model: View = await client.get(['apis', name, 'channels']);
    if (!Array.isArray(model['channels'])) throw new CliError('failed', `The management API did not answer with the contract of ${name}.`);
    apis.push({ name, path, contract: model as unknown as Contract });
  }
  return named(apis, only);
}

/** The APIs that the application of a key is subscribed to, as the gateway shows them to it. */
export async function contractsOfSubscriber(gateway: GatewayClient, only: string | undefined): Promise<readonly KnownApi[]> {
  const { application, items } = await gateway.get('.well-known/sluice-apis');
  const mine = (Array.isArray(items) ? (items as View[]) : []).filter(({ name }) => only === undefined || name === only);
  if (mine.length === 0) {
    const what = only === undefined ? 'to any API' : `to an API named "${only}"`;
    const who = typeof application === 'string' ? `The application ${application}` : 'The application of this key';
    throw new CliError('refused', `${who} has no accepted subscription ${what}; subscribe it first.`);
  }
  const apis: KnownApi[] = [];
  for (const { name, path, as } of mine) {
    const model: View = await gateway.get(`${String(path)}/-/channels.json`);
    if (!Array.isArray(model['channels'])) throw new CliError('failed', `The gateway did not answer with the contract of ${String(name)}.`);
    const subscribed = { application: String(application), as: Array.isArray(as) ? as.map(String) : [] };
    apis.push({ name: String(name), path: String(path), contract: model as unknown as Contract, subscribed });
  }
  return apis;
}

/** The APIs of a configuration file, without a running Sluice. */
export async function contractsOfConfig(
  file: string,
  only: string | undefined,
  context: Pick<Context, 'cwd' | 'env'>,
): Promise<readonly KnownApi[]> {
  const { config } = await readConfig(file, context);
  const apis: KnownApi[] = [];
  for (const [name, api] of Object.entries(isObject(config['apis']) ? config['apis'] : {})) {
    if (!isObject(api) || (only !== undefined && name !== only)) continue;
    const path = typeof api['path'] === 'string' ? api['path'] : `/${name}`;
    apis.push({ name, path, contract: await loadContract(api['contract'] as ContractSource) });
  }
  return named(apis, only);
}

function named(apis: readonly KnownApi[], only: string | undefined): readonly KnownApi[] {
  if (only !== undefined && apis.length === 0) throw new CliError('notFound', `There is no API named "${only}".`);
  return apis;
}
