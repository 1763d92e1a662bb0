import { checkPositionals, parseArguments, usageError } from './arguments.ts';
import type { Command, Context } from './command.ts';
import { isObject } from './client/json.ts';
import { commandLoaders, loadAll } from './commands.ts';
import { CliError, exitCodes, exitOfAnswer } from './exit-code.ts';
import { commandHelp, overview } from './help.ts';
import { Output } from './output.ts';
import type { Readable, Writable } from 'node:stream';
import { GatewayError } from '../core/errors.ts';
import { nearest } from './suggest.ts';

/** The process as the command line sees it, so that tests can bring their own. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly signal: AbortSignal;
  readonly version: string;
}

/** Runs one command line and answers its exit code; never rejects. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  const output = new Output(argv.includes('--json'), world.stdout, world.stderr);
  try {
    return await dispatch(argv, world, output);
  } catch (thrown) {
    return report(thrown, output, world);
  }
}

async function dispatch(argv: readonly string[], world: World, output: Output): Promise<number> {
  const [first, ...rest] = argv;
  if (first === '--version' || first === '-v') {
    await output.show({ version: world.version }, () => world.version);
    return exitCodes.ok;
  }
  if (first === undefined || first === '--help' || first === '-h' || (first === 'help' && rest.length === 0)) {
    await output.line(overview(await loadAll()));
    return first === undefined ? exitCodes.usage : exitCodes.ok;
  }
  if (first === 'help') return dispatch([...rest, '--help'], world, output);
  const load = Object.hasOwn(commandLoaders, first) ? commandLoaders[first] : undefined;
  if (load === undefined) throw unknownCommand(first, Object.keys(commandLoaders), '');
  return runCommand(await load(), rest, first, { world, output });
}

interface Surroundings {
  readonly world: World;
  readonly output: Output;
}

async function runCommand(command: Command, argv: readonly string[], path: string, surroundings: Surroundings): Promise<number> {
  const [first, ...rest] = argv;
  const subcommand = command.subcommands?.find((one) => one.name === first);
  if (subcommand !== undefined) return runCommand(subcommand, rest, `${path} ${subcommand.name}`, surroundings);
  const { world, output } = surroundings;
  if (argv.includes('--help') || argv.includes('-h')) {
    await output.line(commandHelp(path, command));
    return exitCodes.ok;
  }
  if (command.run === undefined) throw missingSubcommand(command, first, path);
  const { values, positionals } = parseArguments(argv, command.options ?? {}, path);
  checkPositionals(positionals, command.positionals, path);
  const { env, cwd, stdin, signal, version } = world;
  const context: Context = { values: values as Context['values'], positionals, output, env, cwd, stdin, signal, version };
  try {
    return (await command.run(context)) ?? exitCodes.ok;
  } catch (thrown) {
    throw namesKey(thrown, command, context);
  }
}

/** A gateway that is shown no key says which headers it takes; on the command line that is an option. */
function namesKey(thrown: unknown, { options = {} }: Command, { values, env }: Context): unknown {
  const { gateway, key } = options;
  if (gateway === undefined || key === undefined || (values['key'] ?? env['SLUICE_KEY']) !== undefined) return thrown;
  if (!(thrown instanceof CliError) || !isObject(thrown.details) || thrown.details['code'] !== 'UNAUTHENTICATED') return thrown;
  if (thrown.message.includes('--key')) return thrown;
  const { exit, message, details } = thrown;
  return new CliError(exit, `${message} Name the key of an application with --key or SLUICE_KEY.`, { details, cause: thrown });
}

function missingSubcommand(command: Command, first: string | undefined, path: string): CliError {
  const names = (command.subcommands ?? []).map((one) => one.name);
  if (first === undefined || first.startsWith('-')) return usageError(`sluice ${path} needs one of ${names.join(', ')}.`, path);
  return unknownCommand(first, names, path);
}

function unknownCommand(word: string, known: readonly string[], path: string): CliError {
  const meant = nearest(word, known);
  const name = [path, word].filter((part) => part !== '').join(' ');
  return usageError(`Unknown command "${name}".${meant === undefined ? '' : ` Did you mean "${meant}"?`}`, path);
}

function report(thrown: unknown, output: Output, world: World): number {
  const error = toCliError(thrown, world.signal);
  const exit = exitCodes[error.exit];
  if (output.json) output.note(JSON.stringify({ error: { exit: error.exit, sentence: error.message, details: error.details } }));
  else output.note(`sluice: ${error.message}`);
  if (world.env['SLUICE_DEBUG'] !== undefined && thrown instanceof Error) output.note(String(thrown.stack));
  return exit;
}

function toCliError(thrown: unknown, signal: AbortSignal): CliError {
  const isCutShort = !(thrown instanceof CliError) || thrown.exit === 'network';
  if (signal.aborted && isCutShort) return new CliError('failed', 'Interrupted.', { cause: thrown });
  if (thrown instanceof CliError) return thrown;
  if (thrown instanceof GatewayError) {
    return new CliError(exitOfAnswer(thrown.status, thrown.code), thrown.message, { details: thrown.toProblem(), cause: thrown });
  }
  const sentence = thrown instanceof Error ? thrown.message : String(thrown);
  return new CliError('failed', `${sentence} (set SLUICE_DEBUG=1 to see where)`, { cause: thrown });
}
