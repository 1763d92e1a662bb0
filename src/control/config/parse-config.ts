import { resolve } from 'node:path';
import type { ContractSource } from '../../store/resources.ts';
import { ConfigDocument, maxConfigBytes } from './config-document.ts';
import type { ConfigProblem } from './config-error.ts';
import { ConfigError } from './config-error.ts';
import type { Config } from './config-shape.ts';
import { configShape } from './config-shape.ts';
import type { ReadText } from './contract-files.ts';
import { readContract } from './contract-files.ts';
import type { PlacedProblem } from './place.ts';
import { pointerTo } from './place.ts';
import { decode, isRecord } from './shape.ts';
import { substitute } from './substitute.ts';

/** A configuration with everything it refers to: what the management API takes, and where each part stood. */
export interface ConfigBundle {
  /** The file as the operator named it. */
  readonly name: string;
  /** Plain JSON in the form of the file, secrets filled in and contracts as `{name, text, files}`. Holds secrets. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Line and column of the member a JSON pointer into `config` names. */
  locate(pointer: string): { readonly line: number; readonly column: number };
}

export interface ConfigSources {
  /** How the file is called in messages. */
  readonly name: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: ReadText;
  /** Absolute; paths in the file are relative to it. */
  readonly baseFolder: string;
}

const maxSecretBytes = 64 * 1024;

/** Reads a configuration from its text; rejects with ConfigError, which names all mistakes at once. */
export async function parseConfig(text: string, sources: ConfigSources): Promise<ConfigBundle> {
  if (text.length > maxConfigBytes)
    throw new ConfigError(sources.name, [{ line: 1, column: 1, path: '', sentence: `is larger than ${maxConfigBytes / 1024 / 1024} MiB` }]);
  const document = new ConfigDocument(text);
  if (document.problems.length > 0) throw new ConfigError(sources.name, document.problems);
  const {
    value,
    secrets,
    problems: missing,
  } = await substitute(document.value ?? {}, {
    env: sources.env,
    readSecretFile: (path) => sources.readFile(resolve(sources.baseFolder, path), { maxBytes: maxSecretBytes }),
  });
  const unresolved = new Set(missing.map((problem) => problem.path));
  const decoded = decode(configShape, value, 'file', secrets);
  const problems: PlacedProblem[] = [...missing, ...decoded.problems.filter((problem) => !unresolved.has(problem.path))];
  const contracts =
    isRecord(value) && decoded.value !== undefined
      ? await readContracts(decoded.value, sources, problems)
      : new Map<string, ContractSource>();
  if (problems.length > 0) throw new ConfigError(sources.name, placed(problems, document));
  return {
    name: sources.name,
    config: withContracts(value as Record<string, unknown>, contracts),
    locate: (pointer) => document.locate(pointer),
  };
}

/** Problems with the lines and columns of their places, in the order of the file. */
export function placed(
  problems: readonly PlacedProblem[],
  document: { locate(pointer: string): { readonly line: number; readonly column: number } },
): readonly ConfigProblem[] {
  return problems
    .map(({ path, sentence }) => ({ ...document.locate(path), path, sentence }))
    .toSorted((a, b) => a.line - b.line || a.column - b.column);
}

async function readContracts(
  config: Config,
  sources: ConfigSources,
  problems: PlacedProblem[],
): Promise<ReadonlyMap<string, ContractSource>> {
  const contracts = new Map<string, ContractSource>();
  for (const [name, api] of config.apis ?? []) {
    if (typeof api.contract !== 'string') continue;
    try {
      contracts.set(name, await readContract(api.contract, resolve(sources.baseFolder, api.contract), sources.readFile));
    } catch (error) {
      problems.push({
        path: pointerTo(pointerTo('/apis', name), 'contract'),
        sentence: error instanceof Error ? error.message : String(error),
      });
    }
  }
  return contracts;
}

function withContracts(
  config: Readonly<Record<string, unknown>>,
  contracts: ReadonlyMap<string, ContractSource>,
): Readonly<Record<string, unknown>> {
  if (!isRecord(config['apis'])) return config;
  const apis = Object.entries(config['apis']).map(([name, api]) => [
    name,
    isRecord(api) && contracts.has(name) ? { ...api, contract: contracts.get(name) } : api,
  ]);
  return { ...config, apis: Object.fromEntries(apis) };
}
