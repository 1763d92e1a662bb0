import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { compileChecker } from '../../contracts/event-checker.ts';
import { wholeNumber } from '../arguments.ts';
import { GatewayClient } from '../client/gateway.ts';
import { parseJson } from '../client/json.ts';
import { Publisher } from '../client/publisher.ts';
import type { TriggerContext } from '../commands/trigger.ts';
import { CliError } from '../exit-code.ts';
import { printable } from '../output.ts';
import { apiKey, channelUrl, gatewayUrl, managementClient } from '../servers.ts';
import { EventMaker, type MadeEvent } from './event-maker.ts';
import { findEvent, knownEvents, knownNotices, mayPublish, typeOf, type KnownEvent } from './find-event.ts';
import { contractsOfConfig, contractsOfServer, contractsOfSubscriber, type KnownApi } from './known-contracts.ts';
import { parseAssignment } from './set-member.ts';

/** Publishes what the command line asks for, or lists the types there are. Throws CliError. */
export async function triggerEvents(context: TriggerContext): Promise<void> {
  const { values, positionals, output } = context;
  const [type] = positionals;
  const apis = await knownApis(context);
  if (type === undefined) {
    const all = knownEvents(apis);
    const open = all.filter(mayPublish);
    if (all.length === 0 && knownNotices(apis).length > 0) output.note('There are notices only, which Sluice alone publishes.');
    if (open.length < all.length) output.note(`${all.length - open.length} more are not for this application to publish.`);
    const rows = open.map((event) => ({ type: typeOf(event), api: event.api.name, address: event.channel.address }));
    return output.rows(rows, ['type', 'api', 'address']);
  }
  const count = wholeNumber(values.count, 'count', 1, 100_000);
  const seed = values.seed === undefined ? randomInt(2 ** 32) : wholeNumber(values.seed, 'seed', 0, 2 ** 32 - 1);
  const event = findEvent(apis, type, values.address);
  const { address, subject, source } = values;
  const parameters = new Map(values.param.map(parseParameter));
  const wishes = { address, parameters, data: await givenData(context), assignments: values.set.map(parseAssignment), subject, source };
  const maker = new EventMaker(event, await compileChecker(event.api.contract), wishes);
  for (let turn = 0; turn < count && !context.signal.aborted; turn += 1)
    await publishOne(await maker.make(turn, seed + turn), event, context);
}

/**
 * As an administrator, or as the application whose key there is: one named by an option counts more than a token that was found, and any
 * where the management API does not take the token or is not there.
 */
async function knownApis(context: TriggerContext): Promise<readonly KnownApi[]> {
  const { config, api, key: named, token } = context.values;
  if (config !== undefined) return contractsOfConfig(config, api, context);
  const key = apiKey(context.values, context.env);
  const asApplication = (own: string): Promise<readonly KnownApi[]> =>
    contractsOfSubscriber(new GatewayClient(gatewayUrl(context.values, context.env), own, context.signal), api);
  if (key !== undefined && named !== undefined && token === undefined) return asApplication(key);
  const values = { ...context.values, data: context.values['data-folder'] };
  try {
    return await contractsOfServer(await managementClient({ ...context, values }), api);
  } catch (error) {
    if (!(error instanceof CliError) || (error.exit !== 'unauthenticated' && error.exit !== 'network')) throw error;
    if (key !== undefined) return asApplication(key);
    const remedy = "Or give an application's key with --key or SLUICE_KEY, or name the configuration file with --config.";
    throw new CliError(error.exit, `${error.message} ${remedy}`, { details: error.details, cause: error });
  }
}

/** The text of `--data`; undefined when a sample is wanted. */
async function givenData({ values: { data }, stdin, cwd }: TriggerContext): Promise<string | undefined> {
  if (data === '@-') return (await buffer(stdin)).toString('utf8');
  if (data?.startsWith('@') !== true) return data;
  const file = data.slice(1);
  return readFile(resolve(cwd, file), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new CliError('notFound', `There is no file ${file}.`, { cause: error });
    throw new CliError('failed', `${file} cannot be read: ${error.message}.`, { cause: error });
  });
}

async function publishOne({ address, from, id, text }: MadeEvent, { api, message }: KnownEvent, context: TriggerContext): Promise<void> {
  const { values, env, signal, output } = context;
  const url = channelUrl(`${api.path}/${address}`, gatewayUrl(values, env));
  const told = { type: message.types[0] ?? message.id, api: api.name, address, from, id };
  if (values['dry-run']) {
    const event: unknown = parseJson(text)?.value;
    return output.show({ ...told, event }, () =>
      [`POST ${url.href}`, ...JSON.stringify(event, undefined, 2).split('\n')].map(printable).join('\n'),
    );
  }
  const answer = await new Publisher(url, apiKey(values, env), signal).publish({ contentType: 'application/cloudevents+json', body: text });
  await output.show({ ...told, ...answer }, () => answer.positions.map(printable).join('\n'));
  output.note(printable(`${told.type} published to ${url.pathname} (data from ${from === 'schema' ? 'its schema' : from})`));
}

function parseParameter(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new CliError('usage', `--param must be a name, "=" and a value, not "${text}".`);
  return [text.slice(0, at), text.slice(at + 1)];
}
