import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { mintApiKey } from '../../store/api-key.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../exit-code.ts';
import { contractTemplate, configTemplate, ignoredPaths } from '../init-templates.ts';

/** Starts a project: a configuration, a contract and keys that work at once. */
export const init = defineCommand({
  name: 'init',
  summary: 'write a commented sluice.yaml and a small contract to start from',
  positionals: { usage: '[FOLDER]', min: 0, max: 1 },
  details: 'Overwrites nothing: a file that exists already is an error, and then nothing is written.',
  async run(context) {
    const name = context.positionals[0] ?? '.';
    const folder = resolve(context.cwd, name);
    const files = [
      { path: 'sluice.yaml', text: configTemplate, mode: 0o644 },
      { path: 'greetings.asyncapi.yaml', text: contractTemplate, mode: 0o644 },
      { path: '.keys/greeter', text: `${mintApiKey()}\n`, mode: 0o600 },
      { path: '.keys/listener', text: `${mintApiKey()}\n`, mode: 0o600 },
    ];
    await refuseExisting(
      folder,
      files.map(({ path }) => path),
    );
    await mkdir(join(folder, '.keys'), { recursive: true });
    for (const { path, text, mode } of files) await writeFile(join(folder, path), text, { flag: 'wx', mode });
    await ignore(join(folder, '.gitignore'));
    await context.output.show({ folder, files: files.map(({ path }) => path) }, () => files.map(({ path }) => path).join('\n'));
    context.output.note(nextSteps(name));
  },
});

async function refuseExisting(folder: string, paths: readonly string[]): Promise<void> {
  const there = await Promise.all(paths.map(async (path) => ((await readOrNothing(join(folder, path))) === undefined ? [] : [path])));
  const existing = there.flat();
  if (existing.length > 0) throw new CliError('conflict', `${existing.join(', ')} exists already in ${folder}; init overwrites nothing.`);
}

async function ignore(file: string): Promise<void> {
  const text = (await readOrNothing(file)) ?? '';
  const lines = new Set(text.split(/\r?\n/));
  const missing = ignoredPaths.filter((path) => !lines.has(path));
  const gap = text === '' || text.endsWith('\n') ? '' : '\n';
  if (missing.length > 0) await appendFile(file, `${gap}${missing.join('\n')}\n`);
}

async function readOrNothing(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function nextSteps(folder: string): string {
  const enter = folder === '.' ? [] : [`  cd ${folder}`];
  return [
    'Next:',
    ...enter,
    '  npx sluice up',
    'and in other terminals:',
    '  npx sluice listen greetings/world --key "$(cat .keys/listener)"',
    `  npx sluice publish greetings/world --key "$(cat .keys/greeter)" --data '{"text": "hello"}'`,
  ].join('\n');
}
