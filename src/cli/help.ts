import { globalOptions } from './arguments.ts';
import type { Command, Options } from './command.ts';

/** What `sluice --help` prints. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  return [
    'sluice: one gateway, control plane and command line for event APIs',
    '',
    'Usage: sluice COMMAND [OPTIONS]',
    '',
    ...commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`),
    '',
    'sluice COMMAND --help tells more about a command; sluice --version prints the version.',
    '',
    'Exit codes: 0 ok, 1 failed, 2 usage, 3 difference found, 4 not authenticated, 5 not found,',
    '            6 conflict, 7 invalid, 8 network, 9 refused',
  ].join('\n');
}

/** What `sluice COMMAND --help` prints; `path` is the command's name with those above it. */
export function commandHelp(path: string, command: Command): string {
  const arguments_ = command.positionals?.usage ?? '';
  const lines = [`sluice ${path}: ${command.summary}`, ''];
  if (command.run !== undefined) lines.push(`Usage: sluice ${[path, arguments_, '[OPTIONS]'].filter((part) => part !== '').join(' ')}`);
  for (const subcommand of command.subcommands ?? []) lines.push(subcommandUsage(path, subcommand));
  if (command.details !== undefined) lines.push('', command.details);
  lines.push('', 'Options:', ...optionLines({ ...command.options, ...globalOptions }));
  if (command.examples !== undefined) lines.push('', 'Examples:', ...command.examples.map((example) => `  ${example}`));
  return lines.join('\n');
}

function subcommandUsage(path: string, command: Command): string {
  const usage = ['  sluice', path, command.name, command.positionals?.usage ?? ''].filter((part) => part !== '').join(' ');
  return `${usage.padEnd(52)}  ${command.summary}`;
}

function optionLines(options: Options): string[] {
  const rows = Object.entries(options).map(([name, option]) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `;
    const value = option.type === 'string' ? ` ${option.value ?? 'VALUE'}` : '';
    const notes = [
      option.default === undefined ? '' : ` (default ${option.default})`,
      option.multiple === true ? ' (may be repeated)' : '',
    ];
    return { left: `  ${short}--${name}${value}`, right: `${option.describe}${notes.join('')}` };
  });
  const width = Math.max(...rows.map((row) => row.left.length));
  return rows.map((row) => `${row.left.padEnd(width)}  ${row.right}`);
}
