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

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super(problems.map((problem) => `${file}:${problem.line}:${problem.column}: ${place(problem.path)}${problem.sentence}`).join('\n'));
    this.file = file;
    this.problems = problems;
  }
}

function place(path: string): string {
  return path === '' ? '' : `${path.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')}: `;
}
