import { resolve } from 'node:path';
import { placeIn } from '../control/config/config-error.ts';
import type { ConfigBundle } from '../control/config/parse-config.ts';
import { isObject, type JsonObject } from './client/json.ts';
import type { ManagementClient, View } from './client/management.ts';
import type { Context, Options } from './command.ts';
import { CliError } from './exit-code.ts';
import { printable, type Output } from './output.ts';

/** Options of the commands that compare a configuration file with a running Sluice. */
export const changeOptions = {
  config: { type: 'string', short: 'c', value: 'FILE', default: 'sluice.yaml', describe: 'the configuration file' },
  prune: { type: 'boolean', describe: 'delete what the file does not name' },
} as const satisfies Options;

/** Reads a configuration file; all its mistakes are one CliError `invalid`, and one that is not there is `notFound`. */
export async function readConfig(file: string, context: Pick<Context, 'cwd' | 'env'>): Promise<ConfigBundle> {
  const [{ isMissingFile, readConfigFile }, { ConfigError }] = await Promise.all([
    import('../control/config/read-config-file.ts'),
    import('../control/config/config-error.ts'),
  ]);
  try {
    return await readConfigFile(resolve(context.cwd, file), context.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (isMissingFile(error)) {
      const remedy = 'name another with --config, or let sluice init write one';
      throw new CliError('notFound', `There is no file ${file}; ${remedy}.`, { cause: error });
    }
    throw new CliError('invalid', error.message, { details: { file, problems: error.problems }, cause: error });
  }
}

/** Sends a configuration to `plan` or `apply` and answers the changes. */
export async function sendConfig(
  client: ManagementClient,
  verb: 'plan' | 'apply',
  bundle: ConfigBundle,
  prune: boolean,
): Promise<readonly View[]> {
  try {
    const answer = await client.post([verb], {
      config: bundle.config,
      prune,
      ...(verb === 'apply' ? { actor: `config:${bundle.name}` } : {}),
    });
    return Array.isArray(answer['changes']) ? (answer['changes'] as View[]) : [];
  } catch (error) {
    throw error instanceof CliError ? withPlaces(error, bundle) : error;
  }
}

/** The server knows members, we know the lines they stand on. */
export function withPlaces(error: CliError, bundle: ConfigBundle): CliError {
  const problems = isObject(error.details) ? error.details['problems'] : undefined;
  if (!Array.isArray(problems)) return error;
  const lines = problems.filter(isObject).map((problem) => {
    const pointer = typeof problem['path'] === 'string' ? problem['path'] : '';
    const { line, column } = bundle.locate(pointer);
    const member = pointer === '' ? '' : `${pointer.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')}: `;
    const sentence = typeof problem['sentence'] === 'string' ? problem['sentence'] : error.message;
    return `${placeIn(bundle.name, { line, column })}: ${printable(member + sentence)}`;
  });
  return lines.length === 0 ? error : new CliError(error.exit, lines.join('\n'), { details: error.details, cause: error });
}

/** One line per change, or the changes as objects. */
export async function showChanges(output: Output, changes: readonly View[]): Promise<void> {
  for (const change of changes) await output.show(change, () => changeLine(change));
}

const signs: Readonly<Record<string, string>> = { create: '+', update: '~', delete: '-' };

function changeLine(change: View): string {
  const { op, kind, name, parent, before, after } = change;
  const path = [parent, name].filter((part) => typeof part === 'string' && part !== '').join('/');
  const members = op === 'update' && isObject(before) && isObject(after) ? changedMembers(before, after) : [];
  return printable(`${signs[String(op)] ?? '?'} ${String(kind)} ${path}${members.length === 0 ? '' : `: ${members.join(', ')}`}`);
}

function changedMembers(before: JsonObject, after: JsonObject): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}
