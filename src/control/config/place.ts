/** What is wrong with a document and where: `path` is a JSON pointer into it. */
export interface PlacedProblem {
  readonly path: string;
  readonly sentence: string;
}

/** `file`: written by people, with units and contract files by path. `body`: a JSON body, where plain numbers are milliseconds and contracts are texts. */
export type Form = 'file' | 'body';

interface Findings {
  readonly problems: PlacedProblem[];
  readonly form: Form;
  /** Pointers of values that came from `${env:…}` or `${file:…}`: never quoted. */
  readonly secrets: ReadonlySet<string>;
}

/** More problems than anybody reads; also bounds what a hostile document can make us answer. */
const maxProblems = 100;

/** One value's place in a document that is being decoded: where its problems are reported. */
export class Place {
  readonly pointer: string;
  readonly #findings: Findings;

  constructor(findings: Findings, pointer = '') {
    this.#findings = findings;
    this.pointer = pointer;
  }

  get form(): Form {
    return this.#findings.form;
  }

  /** Problems reported so far in the whole document. */
  get count(): number {
    return this.#findings.problems.length;
  }

  at(key: string | number): Place {
    return new Place(this.#findings, pointerTo(this.pointer, key));
  }

  report(sentence: string): undefined {
    if (this.#findings.problems.length < maxProblems) this.#findings.problems.push({ path: this.pointer, sentence });
    return undefined;
  }

  /** The value as it may stand in a sentence: shortened, and never a secret. */
  quote(value: unknown): string {
    if (this.#findings.secrets.has(this.pointer)) return 'the value given';
    if (value === null) return 'null';
    if (Array.isArray(value)) return 'a list';
    if (typeof value === 'object') return 'an object';
    const text = JSON.stringify(value) ?? 'nothing';
    return text.length > 60 ? `${text.slice(0, 60)}…` : text;
  }
}

/** The JSON pointer of a member. */
export function pointerTo(parent: string, key: string | number): string {
  return `${parent}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** The members a JSON pointer names, outermost first. */
export function pointerSegments(pointer: string): readonly string[] {
  if (pointer === '') return [];
  return pointer
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}
