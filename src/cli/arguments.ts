import { parseArgs } from 'node:util';
import type { Option, Options, Positionals } from './command.ts';
import { CliError } from './exit-code.ts';
import { nearest } from './suggest.ts';

/** Options that every command has. */
export const globalOptions = {
  json: { type: 'boolean', describe: 'print data as JSON, one object per line' },
  help: { type: 'boolean', short: 'h', describe: 'show this help' },
} as const satisfies Options;

export interface Arguments {
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly positionals: readonly string[];
}

/** Reads a command's arguments; what is unknown or incomplete is a usage error with a remedy. */
export function parseArguments(argv: readonly string[], options: Options, command: string): Arguments {
  const known: Options = { ...options, ...globalOptions };
  const { tokens } = parseArgs({ args: [...argv], options: parsable(known), strict: false, tokens: true, allowPositionals: true });
  const values: Record<string, string | boolean | string[] | undefined> = startValues(known);
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(known, token.name) ? known[token.name] : undefined;
    if (option === undefined) throw unknownOption(token.rawName, known, command);
    const value = optionValue(option, token);
    const list = values[token.name];
    if (option.multiple === true && Array.isArray(list)) list.push(String(value));
    else values[token.name] = value;
  }
  return { values, positionals };
}

/** Refuses too few or too many arguments after the options. */
export function checkPositionals(positionals: readonly string[], wanted: Positionals | undefined, command: string): void {
  const { min, max, usage } = wanted ?? { min: 0, max: 0, usage: '' };
  if (positionals.length < min) throw usageError(`sluice ${command} needs ${usage}.`, command);
  if (positionals.length > max) throw usageError(`sluice ${command} does not know what to do with "${positionals[max]}".`, command);
}

/** A usage error that says where help is. */
export function usageError(sentence: string, command = ''): CliError {
  return new CliError('usage', `${sentence} Try: sluice ${command === '' ? '' : `${command} `}--help`);
}

/** A whole number given as text; a usage error names the option when it is none or out of range. */
export function wholeNumber(text: string, name: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new CliError('usage', `--${name} must be a whole number from ${min} to ${max}, not "${text}".`);
  return value;
}

/** One of a few words; a usage error lists them. */
export function oneOf<const Word extends string>(text: string, name: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new CliError('usage', `--${name} must be one of ${words.join(', ')}, not "${text}".`);
  return found;
}

/** What is read from an option's text; undefined where it was not given. */
export function ifGiven<T>(text: string | undefined, read: (text: string) => T): T | undefined {
  return text === undefined ? undefined : read(text);
}

function parsable(options: Options): Record<string, { type: 'string' | 'boolean'; short?: string; multiple: true }> {
  const entries = Object.entries(options).map(([name, option]) => {
    const short = option.short === undefined ? {} : { short: option.short };
    return [name, { type: option.type, multiple: true as const, ...short }] as const;
  });
  return Object.fromEntries(entries);
}

function startValues(options: Options): Record<string, string | boolean | string[] | undefined> {
  const start = (option: Option) => (option.type === 'boolean' ? false : option.multiple === true ? [] : option.default);
  return Object.fromEntries(Object.entries(options).map(([name, option]) => [name, start(option)]));
}

interface OptionToken {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function optionValue(option: Option, token: OptionToken): string | boolean {
  if (option.type === 'boolean') {
    if (token.value !== undefined) throw new CliError('usage', `${token.rawName} takes no value.`);
    return true;
  }
  if (token.value === undefined)
    throw new CliError('usage', `${token.rawName} needs a value: ${token.rawName} ${option.value ?? 'VALUE'}.`);
  if (token.inlineValue !== true && token.value.startsWith('-') && token.value.length > 1) {
    throw new CliError('usage', `${token.rawName} needs a value; write ${token.rawName}=${token.value} if it really starts with "-".`);
  }
  return token.value;
}

function unknownOption(rawName: string, known: Options, command: string): CliError {
  const meant = nearest(rawName.replace(/^-+/, ''), Object.keys(known));
  return usageError(`Unknown option ${rawName}.${meant === undefined ? '' : ` Did you mean --${meant}?`}`, command);
}
