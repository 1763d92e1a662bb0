import { documentLimits } from './document-limits.ts';
import type { DocumentLimits } from './document-limits.ts';
import { fromPointer, toPointer, valueAt } from './json-pointer.ts';
import { ContractError, quote, quoteList } from './problem.ts';
import type { ProblemList } from './problem.ts';
import { SourceDocument } from './source-document.ts';

/** A part of one of the files. */
export interface Spot {
  readonly document: SourceDocument;
  readonly path: readonly string[];
  readonly value: unknown;
}

/** Aliases and references may chain, but not for ever. */
const mostHops = 32;

/**
 * Follows `$ref` within the document and to files that were named with it, and nowhere else: nothing is ever opened or
 * fetched here, a file is a text the operator handed over under that relative path (or URL).
 */
export class References {
  readonly main: SourceDocument;
  readonly problems: ProblemList;
  /** URLs that were referred to and not handed over. */
  readonly missingUrls = new Set<string>();
  readonly #files: Readonly<Record<string, string>>;
  readonly #documents = new Map<string, SourceDocument | undefined>();
  readonly #limits: DocumentLimits;

  constructor(
    main: SourceDocument,
    files: Readonly<Record<string, string>>,
    problems: ProblemList,
    limits: DocumentLimits = documentLimits,
  ) {
    this.main = main;
    this.problems = problems;
    this.#limits = limits;
    const normalised = Object.entries(files).map(([name, text]) => [isUrl(name) ? name : (normalise(name) ?? name), text] as const);
    this.#files = Object.fromEntries(normalised);
    this.#documents.set('', main);
  }

  root(): Spot {
    return { document: this.main, path: [], value: this.main.value };
  }

  /** Every file that was opened, the main document first. */
  opened(): readonly SourceDocument[] {
    return [...this.#documents.values()].filter((document) => document !== undefined);
  }

  /** The member of an object or list, references not followed. */
  child(spot: Spot, key: string): Spot | undefined {
    const value = valueAt(spot.value, [key]);
    return value === undefined ? undefined : { document: spot.document, path: [...spot.path, key], value };
  }

  /** The spot itself, or what its `$ref` leads to in the end; undefined (and a problem noted) when it leads nowhere. */
  follow(spot: Spot): Spot | undefined {
    let current = spot;
    const seen = new Set<string>();
    for (let hops = 0; ; hops += 1) {
      const reference = referenceOf(current.value);
      if (reference === undefined) return current;
      const id = `${current.document.name}#${toPointer(current.path)}`;
      if (hops >= mostHops) {
        this.#add(
          spot,
          `The reference ${quote(referenceOf(spot.value))} leads through more than ${mostHops} others; refer to the definition itself.`,
        );
        return undefined;
      }
      if (seen.has(id)) {
        this.#add(spot, `The reference ${quote(referenceOf(spot.value))} leads back to itself; let it end at a definition.`);
        return undefined;
      }
      seen.add(id);
      const next = this.resolve(current, reference);
      if (next === undefined) return undefined;
      current = next;
    }
  }

  /** What the text of one `$ref` found at the spot names; undefined (and a problem noted) when nothing. */
  resolve(spot: Spot, reference: string): Spot | undefined {
    const hash = reference.indexOf('#');
    const file = hash < 0 ? reference : reference.slice(0, hash);
    const fragment = hash < 0 ? '' : decode(reference.slice(hash + 1));
    if (reference === '') {
      this.#add(spot, 'The reference is empty; name a definition, as in `#/components/schemas/Order`.');
      return undefined;
    }
    const document = file === '' ? spot.document : this.#open(spot, file);
    if (document === undefined) return undefined;
    if (fragment === undefined || (fragment !== '' && !fragment.startsWith('/'))) {
      this.#add(spot, `The reference ${quote(reference)} must be a JSON pointer after \`#\`, as in \`#/components/schemas/Order\`.`);
      return undefined;
    }
    const path = fromPointer(fragment);
    const value = valueAt(document.value, path);
    if (value !== undefined) return { document, path, value };
    this.#add(spot, `The reference ${quote(reference)} names nothing${nearby(document, path)}.`);
    return undefined;
  }

  #open(spot: Spot, file: string): SourceDocument | undefined {
    const key = this.#keyOf(spot, file);
    if (key === undefined) return undefined;
    if (this.#documents.has(key)) return this.#documents.get(key);
    this.#documents.set(key, undefined);
    try {
      this.#documents.set(key, new SourceDocument(key, this.#files[key] as string, this.#limits));
    } catch (thrown) {
      if (!(thrown instanceof ContractError)) throw thrown;
      for (const problem of thrown.problems) this.problems.add(problem);
    }
    return this.#documents.get(key);
  }

  #keyOf(spot: Spot, file: string): string | undefined {
    if (isUrl(file)) return this.#urlKey(spot, file);
    const path = decode(file);
    if (path === undefined || /^([a-z]+:|[\\/]|~)/i.test(path) || path.includes('\\')) {
      this.#add(spot, `The reference ${quote(file)} is not allowed: only relative paths to files named with the contract are.`);
      return undefined;
    }
    const from = spot.document === this.main ? '' : folderOf(spot.document.name);
    const key = isUrl(spot.document.name) ? new URL(path, spot.document.name).href : normalise(`${from}${path}`);
    if (key !== undefined && key === normalise(this.main.name.split('/').at(-1) ?? '')) return '';
    if (key !== undefined && Object.hasOwn(this.#files, key)) return key;
    const known = Object.keys(this.#files);
    const remedy = known.length === 0 ? 'no other file was named with it' : `named with it: ${quoteList(known)}`;
    this.#add(spot, `The file ${quote(file)} was not named with the contract (${remedy}); name it, or move the part into the document.`);
    return undefined;
  }

  #urlKey(spot: Spot, url: string): string | undefined {
    if (Object.hasOwn(this.#files, url)) return url;
    if (this.missingUrls.size < 100) this.missingUrls.add(url);
    this.#add(spot, `The reference ${quote(url)} is a URL, and URLs are not followed; save it as a file and name that with the contract.`);
    return undefined;
  }

  #add(spot: Spot, sentence: string): void {
    const path = referenceOf(spot.value) === undefined ? spot.path : [...spot.path, '$ref'];
    this.problems.add(spot.document.problem(path, 'reference', sentence));
  }
}

/** The `$ref` of an object, when it has one as text. */
export function referenceOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, '$ref')) return undefined;
  const reference = (value as { $ref: unknown }).$ref;
  return typeof reference === 'string' ? reference : undefined;
}

function isUrl(text: string): boolean {
  return /^(https?|ftp):\/\//i.test(text) || text.startsWith('//');
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** A relative path without `.` and inner `..`; undefined when it is absolute or empty. */
function normalise(path: string): string | undefined {
  if (path.startsWith('/')) return undefined;
  const kept: string[] = [];
  for (const step of path.split('/')) {
    if (step === '' || step === '.') continue;
    if (step === '..' && kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else kept.push(step);
  }
  return kept.length === 0 ? undefined : kept.join('/');
}

function folderOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/') + 1);
}

function nearby(document: SourceDocument, path: readonly string[]): string {
  for (let length = path.length - 1; length >= 0; length -= 1) {
    const value = valueAt(document.value, path.slice(0, length));
    if (typeof value !== 'object' || value === null) continue;
    const keys = Object.keys(value);
    const where = length === 0 ? 'the document' : quote(toPointer(path.slice(0, length)));
    return keys.length === 0 ? `: ${where} is empty` : `: ${where} has ${quoteList(keys)}`;
  }
  return '';
}
