import { resolve } from 'node:path';
import { defineCommand } from '../command.ts';
import { CliError, exitCodes } from '../exit-code.ts';
import { printable } from '../output.ts';

/** Checks contracts without a running Sluice. */
export const lint = defineCommand({
  name: 'lint',
  summary: 'check AsyncAPI documents; exit code 7 when one has errors',
  positionals: { usage: 'FILE…', min: 1, max: 1000 },
  examples: ['sluice lint orders.asyncapi.yaml', 'sluice lint contracts/*.yaml --json'],
  async run(context) {
    let errors = 0;
    for (const file of context.positionals) {
      const problems = await lintFile(file, resolve(context.cwd, file));
      for (const problem of problems) {
        const { severity, file: place, line, column, sentence, code } = problem;
        if (severity === 'error') errors += 1;
        await context.output.show(problem, () => printable(`${place}:${line}:${column}: ${severity}: ${sentence} [${code}]`));
      }
      if (problems.length === 0) context.output.note(`${file}: nothing to complain about`);
    }
    return errors === 0 ? exitCodes.ok : exitCodes.invalid;
  },
});

async function lintFile(file: string, path: string) {
  const [{ lintContract }, { readContract }, { isMissingFile, readTextFile }] = await Promise.all([
    import('../../contracts/lint.ts'),
    import('../../control/config/contract-files.ts'),
    import('../../control/config/read-config-file.ts'),
  ]);
  const source = await readContract(file, path, readTextFile).catch((error: unknown) => {
    if (isMissingFile(error)) throw new CliError('notFound', `There is no file ${file}.`, { cause: error });
    throw new CliError('failed', `${file} cannot be read: ${(error as Error).message}.`, { cause: error });
  });
  return lintContract(source);
}
