/** One mistake in a configuration file: where it is and what to write instead. */
export interface ConfigProblem {
  /** 1-based; 0 when the place is not in the file. */
  readonly line: number;
  readonly column: number;
  /** JSON pointer. */
  readonly path: string;
  readonly sentence: string;
}

/** All the mistakes of a configuration file at once; the message has one line for each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[], options: { readonly cause?: unknown } = {}) {
    super(problems.map((problem) => `${placeIn(file, problem)}: ${member(problem.path)}${problem.sentence}`).join('\n'), options);
    this.file = file;
    this.problems = problems;
  }
}

/** `file:line:column`, or the file alone where the place is not in it. */
export function placeIn(file: string, { line, column }: Pick<ConfigProblem, 'line' | 'column'>): string {
  return line === 0 ? file : `${file}:${line}:${column}`;
}

function member(path: string): string {
  return path === '' ? '' : `${path.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')}: `;
}
