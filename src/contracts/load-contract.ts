import { readAsyncApi2 } from './asyncapi-2.ts';
import { readAsyncApi3 } from './asyncapi-3.ts';
import type { Contract } from './contract.ts';
import { rememberPlaces } from './contract-places.ts';
import { documentLimits } from './document-limits.ts';
import { valueAt } from './json-pointer.ts';
import { OfficialSchema, supportedVersions } from './official-schema.ts';
import type { SupportedVersion } from './official-schema.ts';
import { ContractError, ProblemList, quote } from './problem.ts';
import type { Problem } from './problem.ts';
import { References } from './references.ts';
import { SourceDocument } from './source-document.ts';

/** A document and the files beside it that the operator named, by path relative to the document. */
export interface ContractText {
  readonly name: string;
  readonly text: string;
  readonly files: Readonly<Record<string, string>>;
}

export interface LoadOptions {
  /** The text behind a URL the operator allows, undefined for any other. Without it no URL is followed. */
  readonly allowUrl?: ((url: string) => Promise<string | undefined>) | undefined;
}

/** Fetched files may refer to further ones, but only so far. */
const mostFetches = 32;

/** Reads, checks and understands an AsyncAPI document. Rejects with ContractError that names every cause with its place. */
export async function loadContract(source: ContractText, options: LoadOptions = {}): Promise<Contract> {
  const files: Record<string, string> = { ...source.files };
  for (let fetches = 0; ; ) {
    const main = new SourceDocument(source.name, source.text, documentLimits);
    const references = new References(main, files, new ProblemList());
    const contract = await read(references);
    const fetched = fetches >= mostFetches ? [] : await fetchAllowed(references.missingUrls, options);
    fetches += Math.max(1, fetched.length);
    if (fetched.length > 0) {
      for (const [url, text] of fetched) files[url] = text;
      continue;
    }
    if (contract === undefined || references.problems.hasErrors) throw new ContractError(references.problems.sorted());
    const loaded = { ...contract, warnings: references.problems.sorted() };
    rememberPlaces(loaded, references.opened());
    return loaded;
  }
}

async function fetchAllowed(urls: ReadonlySet<string>, options: LoadOptions): Promise<readonly (readonly [string, string])[]> {
  const fetched: (readonly [string, string])[] = [];
  for (const url of options.allowUrl === undefined ? [] : [...urls].slice(0, mostFetches)) {
    const text = await options.allowUrl?.(url);
    if (text !== undefined) fetched.push([url, text]);
  }
  return fetched;
}

async function read(references: References): Promise<Omit<Contract, 'warnings'> | undefined> {
  const version = versionOf(references.main);
  if (typeof version !== 'string') throw new ContractError([version]);
  const official = await OfficialSchema.load(version);
  for (const problem of official.check(references.root())) references.problems.add(problem);
  const reading = { references, official };
  return version === '2.6.0' ? readAsyncApi2(reading) : readAsyncApi3(reading);
}

function versionOf(main: SourceDocument): SupportedVersion | Problem {
  const supported = 'AsyncAPI 2.6.0, 3.0.0 and 3.1.0 are supported';
  if (typeof main.value !== 'object' || main.value === null || Array.isArray(main.value)) {
    return main.problem([], 'version', `The document must be an object with the member \`asyncapi\`; ${supported}.`);
  }
  const written = valueAt(main.value, ['asyncapi']);
  if (written === undefined) {
    const other = ['openapi', 'swagger'].find((key) => Object.hasOwn(main.value as object, key));
    const what = other === undefined ? 'The document has no member `asyncapi`' : `This is a document of ${quote(other)}, not of \`asyncapi\``;
    return main.problem(other === undefined ? [] : [other], 'version', `${what}; ${supported}.`, { key: true });
  }
  const version = supportedVersions.find((each) => each === written);
  if (version !== undefined) return version;
  return main.problem(['asyncapi'], 'version', `The version ${quote(typeof written === 'string' ? written : JSON.stringify(written))} is not supported; ${supported}.`);
}
