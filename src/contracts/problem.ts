/** One thing wrong with a contract, and where. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** Name of the document or of the file beside it. */
  readonly file: string;
  /** Both count from 1; the column counts UTF-16 units. */
  readonly line: number;
  readonly column: number;
  /** JSON pointer within the file. */
  readonly path: string;
  /** Names what is wrong and what to do. */
  readonly sentence: string;
  /** Stable: `yaml`, `limit`, `version`, `schema`, `reference`, `address`, `payload-schema`, … */
  readonly code: string;
}

/** A contract that cannot be used: `problems` holds at least one error, in the order of the document. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const first = problems.find((problem) => problem.severity === 'error') ?? problems[0];
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    super(first === undefined ? 'The contract cannot be used.' : `${first.file}:${first.line}:${first.column}: ${first.sentence}${more}`);
    this.problems = problems;
  }
}

/** Problems collected while a contract is read, at most `mostProblems` of them, without repeats. */
export class ProblemList {
  readonly #seen = new Set<string>();
  readonly #problems: Problem[] = [];
  readonly #mostProblems: number;

  constructor(mostProblems = 50) {
    this.#mostProblems = mostProblems;
  }

  add(problem: Problem): void {
    const key = `${problem.file}\n${problem.line}\n${problem.column}\n${problem.sentence}`;
    if (this.#problems.length >= this.#mostProblems || this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#problems.push(problem);
  }

  /** Whether an error stands at this very pointer of the file already. */
  hasErrorAt(file: string, path: string): boolean {
    return this.#problems.some((problem) => problem.severity === 'error' && problem.file === file && problem.path === path);
  }

  get hasErrors(): boolean {
    return this.#problems.some((problem) => problem.severity === 'error');
  }

  /** Errors before warnings, each in the order of their places. */
  sorted(): readonly Problem[] {
    const rank = (problem: Problem): number => (problem.severity === 'error' ? 0 : 1);
    return this.#problems.toSorted((a, b) => rank(a) - rank(b) || a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column);
  }
}

/** A user's word fit for a sentence: quoted, without control characters, at most 80 characters. */
export function quote(word: unknown): string {
  const text = String(word).replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/g, '\ufffd');
  return `\`${text.length > 80 ? `${text.slice(0, 77)}…` : text}\``;
}

/** A sentence ends with a point unless it ends with a question. */
export function finish(sentence: string): string {
  return sentence.endsWith('?') ? sentence : `${sentence}.`;
}

/** Words for a sentence: at most ten, then how many more. */
export function quoteList(words: readonly string[], total = words.length): string {
  const shown = words.slice(0, 10).map(quote).join(', ');
  return total > 10 ? `${shown} and ${total - 10} more` : shown;
}
