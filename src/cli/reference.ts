import { globalOptions } from './arguments.ts';
import type { Command, Option, Options } from './command.ts';
import { exitCodes, type ExitName } from './exit-code.ts';

const exitMeanings: Readonly<Record<ExitName, string>> = {
  ok: 'Done; also a stream that was ended by Ctrl-C or SIGTERM.',
  failed: 'It did not work, for no reason that has a code of its own; a check of `doctor` failed; interrupted.',
  usage: 'The command line is wrong.',
  difference: '`plan` found a difference, `usage verify` a gap or an overlap.',
  unauthenticated: 'There is no token or key, or it is not known, expired or revoked.',
  notFound: 'There is no such file, API, channel, application, subscription or position.',
  conflict: 'It exists already, is in another state, or somebody else changed it meanwhile.',
  invalid: 'A configuration, a contract, an event or a value is not valid.',
  network: 'Nothing answers, or not in time; coming back may help.',
  refused: 'Not allowed, or a limit was reached.',
};

const introduction = `# Command line

This page is generated from the commands in \`src/cli/commands\`; a test keeps the two equal. \`sluice COMMAND --help\` says the same.

Data goes to stdout and everything else to stderr. With \`--json\` each command prints objects, one per line; an error is then one object on
stderr: \`{"error":{"exit":"notFound","sentence":"…","details":…}}\`. \`SLUICE_DEBUG=1\` adds where an error came from.`;

/** The text of docs/reference/cli.md. */
export function cliReference(commands: readonly Command[]): string {
  return `${[introduction, exitSection(), globalSection(), ...commands.map((command) => section(command, command.name, '##'))].join('\n\n')}\n`;
}

function exitSection(): string {
  const rows = Object.entries(exitCodes).map(([name, code]) => `| ${code} | \`${name}\` | ${exitMeanings[name as ExitName]} |`);
  return ['## Exit codes', '', '| code | name | when |', '| --- | --- | --- |', ...rows].join('\n');
}

function globalSection(): string {
  return ['## Options of every command', '', ...optionTable(globalOptions)].join('\n');
}

function section(command: Command, path: string, marks: string): string {
  const { summary, details, examples = [], options = {}, positionals, subcommands = [] } = command;
  const parts = [`${marks} \`sluice ${path}\``, sentence(summary)];
  if (details !== undefined) parts.push(details);
  if (command.run !== undefined)
    parts.push(code([['sluice', path, positionals?.usage ?? '', '[OPTIONS]'].filter((part) => part !== '').join(' ')]));
  if (Object.keys(options).length > 0) parts.push(optionTable(options).join('\n'));
  if (examples.length > 0) parts.push(`For example:\n\n${code(examples)}`);
  return [...parts, ...subcommands.map((one) => section(one, `${path} ${one.name}`, `${marks}#`))].join('\n\n');
}

function optionTable(options: Options): string[] {
  const rows = Object.entries(options).map(([name, option]) => `| ${spelling(name, option)} | ${cell(option.describe + notes(option))} |`);
  return ['| option | meaning |', '| --- | --- |', ...rows];
}

function spelling(name: string, { short, type, value = 'VALUE' }: Option): string {
  const long = type === 'string' ? `--${name} ${value}` : `--${name}`;
  return (short === undefined ? [long] : [`-${short}`, long]).map((one) => `\`${one}\``).join(', ');
}

function notes(option: Option): string {
  return [
    option.default === undefined ? '' : ` (default \`${option.default}\`)`,
    option.multiple === true ? ' (may be repeated)' : '',
  ].join('');
}

function code(lines: readonly string[]): string {
  return ['```sh', ...lines, '```'].join('\n');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
