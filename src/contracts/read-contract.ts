import { readAsyncApi2 } from './asyncapi-2.ts';
import { readAsyncApi3 } from './asyncapi-3.ts';
import type { Contract } from './contract.ts';
import { documentLimits } from './document-limits.ts';
import { valueAt } from './json-pointer.ts';
import { OfficialSchema, supportedVersions } from './official-schema.ts';
import type { SupportedVersion } from './official-schema.ts';
import { ContractError, ProblemList, quote } from './problem.ts';
import type { Problem } from './problem.ts';
import { References } from './references.ts';
import { SourceDocument } from './source-document.ts';

/** A document and the files beside it that the operator named, by path relative to the document (or by URL). */
export interface ContractText {
  readonly name: string;
  readonly text: string;
  readonly files: Readonly<Record<string, string>>;
}

/** What became of reading a document once. */
export interface ReadOutcome {
  /** Undefined when a problem is an error. */
  readonly contract: Contract | undefined;
  readonly problems: readonly Problem[];
  /** URLs that it refers to and that were not handed over. */
  readonly missingUrls: readonly string[];
}

/** Reads, checks and understands a document; never rejects for what is in it. `opened` gets the documents that were parsed. */
export async function readContract(
  source: ContractText,
  opened?: (contract: Contract, documents: readonly SourceDocument[]) => void,
): Promise<ReadOutcome> {
  try {
    const main = new SourceDocument(source.name, source.text, documentLimits);
    const references = new References(main, source.files, new ProblemList());
    const read = await understand(references);
    const problems = references.problems.sorted();
    const contract = references.problems.hasErrors ? undefined : { ...read, warnings: problems };
    if (contract !== undefined) opened?.(contract, references.opened());
    return { contract, problems, missingUrls: [...references.missingUrls] };
  } catch (thrown) {
    if (thrown instanceof ContractError) return { contract: undefined, problems: thrown.problems, missingUrls: [] };
    throw thrown;
  }
}

async function understand(references: References): Promise<Omit<Contract, 'warnings'>> {
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
    const what =
      other === undefined ? 'The document has no member `asyncapi`' : `This is a document of ${quote(other)}, not of \`asyncapi\``;
    return main.problem(other === undefined ? [] : [other], 'version', `${what}; ${supported}.`, { key: true });
  }
  const version = supportedVersions.find((each) => each === written);
  if (version !== undefined) return version;
  return main.problem(
    ['asyncapi'],
    'version',
    `The version ${quote(typeof written === 'string' ? written : JSON.stringify(written))} is not supported; ${supported}.`,
  );
}
