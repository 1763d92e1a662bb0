import { runBounded } from './bounded-thread.ts';
import type { ThreadLimits } from './bounded-thread.ts';
import type { Contract } from './contract.ts';
import { rememberPlaces } from './contract-places.ts';
import { ContractError } from './problem.ts';
import { readContract } from './read-contract.ts';
import type { ContractText, ReadOutcome } from './read-contract.ts';

export interface LoadOptions {
  /** The text behind a URL the operator allows, undefined for any other. Without it no URL is followed. */
  readonly allowUrl?: ((url: string) => Promise<string | undefined>) | undefined;
}

/** Fetched files may refer to further ones, but only so far. */
const mostFetches = 32;

/** UTF-16 units that are read in place; more is read in a thread with limits, because hostile text costs more than its length. */
const mostInPlace = 64 * 1024;
const readLimits: ThreadLimits = { time: 5000, memory: 384 };

/** Reads, checks and understands an AsyncAPI document. Rejects with ContractError that names every cause with its place. */
export async function loadContract(source: ContractText, options: LoadOptions = {}): Promise<Contract> {
  const files: Record<string, string> = { ...source.files };
  for (let fetches = 0; ;) {
    const { contract, problems, missingUrls } = await read({ name: source.name, text: source.text, files });
    const wanted = options.allowUrl === undefined ? [] : missingUrls.slice(0, mostFetches - fetches);
    fetches += wanted.length;
    let fetched = 0;
    for (const url of wanted) {
      const text = await options.allowUrl?.(url);
      if (text === undefined) continue;
      files[url] = text;
      fetched += 1;
    }
    if (fetched > 0) continue;
    if (contract === undefined) throw new ContractError(problems);
    return contract;
  }
}

async function read(source: ContractText): Promise<ReadOutcome> {
  const size = source.text.length + Object.values(source.files).reduce((sum, text) => sum + text.length, 0);
  if (size <= mostInPlace) return readContract(source, rememberPlaces);
  const outcome = await runBounded<ReadOutcome>('read-worker', source, readLimits);
  if ('result' in outcome) return outcome.result;
  const spent = outcome.exceeded === 'time' ? `${readLimits.time} ms` : `${readLimits.memory} MiB`;
  const sentence = `Reading the document takes more than ${spent}; make it smaller, or split it.`;
  return {
    contract: undefined,
    problems: [{ severity: 'error', file: source.name, line: 1, column: 1, path: '', sentence, code: 'limit' }],
    missingUrls: [],
  };
}
