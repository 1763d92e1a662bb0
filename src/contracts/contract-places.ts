import type { Contract, Origin } from './contract.ts';
import { fromPointer, toPointer } from './json-pointer.ts';
import type { Problem } from './problem.ts';
import type { SourceDocument } from './source-document.ts';

/** The texts of a contract for as long as the contract itself lives, so that later problems have their exact lines. */
const texts = new WeakMap<Contract, readonly SourceDocument[]>();

export function rememberPlaces(contract: Contract, documents: readonly SourceDocument[]): void {
  texts.set(contract, documents);
}

/** A problem at a part of a contract, or at steps below it. Without the texts it has the line of the part itself. */
export function problemAt(
  contract: Contract,
  origin: Origin,
  steps: readonly string[],
  severity: Problem['severity'],
  code: string,
  sentence: string,
): Problem {
  const path = [...fromPointer(origin.path), ...steps];
  const document = texts.get(contract)?.find((each) => each.name === origin.file);
  if (document === undefined)
    return { severity, file: origin.file, line: origin.line, column: origin.column, path: toPointer(path), sentence, code };
  const made = document.problem(path, code, sentence);
  return { ...made, severity };
}
