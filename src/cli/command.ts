import type { Readable } from 'node:stream';
import type { Output } from './output.ts';

/** One option of a command, as `parseArgs` knows it plus what help says about it. */
export interface Option {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  readonly default?: string;
  /** What stands for the value in help: `URL`, `FILE`, … */
  readonly value?: string;
  readonly describe: string;
}

export type Options = Readonly<Record<string, Option>>;

type Value<O extends Option> = O extends { type: 'boolean' }
  ? boolean
  : O extends { multiple: true }
    ? readonly string[]
    : O extends { default: string }
      ? string
      : string | undefined;

export type Values<O extends Options> = { readonly [Name in keyof O]: Value<O[Name]> };

/** What a command gets from outside: its arguments, the world, and a signal that is aborted by SIGINT and SIGTERM. */
export interface Context<O extends Options = Options> {
  readonly values: Values<O>;
  readonly positionals: readonly string[];
  readonly output: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Readable;
  readonly signal: AbortSignal;
  /** Of this package. */
  readonly version: string;
}

/** What goes before a command can run: names and number of what follows the options. */
export interface Positionals {
  /** As help writes them: `API/ADDRESS [FILE]`. */
  readonly usage: string;
  readonly min: number;
  readonly max: number;
}

/** One command of the command line. `--json` and `--help` are every command's and need no mention. */
export interface Command<O extends Options = Options> {
  readonly name: string;
  /** One short sentence without a full stop. */
  readonly summary: string;
  /** A few lines for `--help`: what the summary cannot say. */
  readonly details?: string;
  readonly examples?: readonly string[];
  readonly positionals?: Positionals;
  readonly options?: O;
  readonly subcommands?: readonly Command[];
  /** The exit code, 0 when nothing is returned; rejects with CliError or GatewayError. A stream returns when `signal` is aborted. */
  readonly run?: (context: Context<O>) => Promise<number | void>;
}

/** Keeps the types of a command's own options inside its `run`, and forgets them for the dispatcher. */
export function defineCommand<const O extends Options>(command: Command<O>): Command {
  return command as unknown as Command;
}

/** The same options, each of which holds only when it is given. */
export function withoutDefaults<const O extends Options>(options: O): { readonly [Name in keyof O]: Omit<O[Name], 'default'> } {
  const entries = Object.entries(options).map(([name, option]) => {
    const { default: _, ...rest } = option;
    return [name, rest] as const;
  });
  return Object.fromEntries(entries) as { [Name in keyof O]: Omit<O[Name], 'default'> };
}
