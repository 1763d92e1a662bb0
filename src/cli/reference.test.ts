import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { loadAll } from './commands.ts';
import { exitCodes } from './exit-code.ts';
import { overview } from './help.ts';
import { cliReference } from './reference.ts';

const page = new URL('../../docs/reference/cli.md', import.meta.url);

test('docs/reference/cli.md has every command and option as the code has it (UPDATE_REFERENCE=1 writes it)', async () => {
  const commands = await loadAll();
  const expected = cliReference(commands);
  if (process.env['UPDATE_REFERENCE'] === '1') await writeFile(page, expected);
  assert.equal(await readFile(page, 'utf8'), expected);
  for (const command of commands)
    for (const [path, one] of [
      [command.name, command] as const,
      ...(command.subcommands ?? []).map((sub) => [`${command.name} ${sub.name}`, sub] as const),
    ]) {
      const from = expected.indexOf(`# \`sluice ${path}\`\n`);
      assert.notEqual(from, -1, path);
      for (const name of Object.keys(one.options ?? {})) assert.ok(expected.indexOf(`\`--${name}`, from) > from, `${path} --${name}`);
    }
});

test('the page and --help name the same exit codes', async () => {
  const help = overview(await loadAll()).replace(/\s+/g, ' ');
  const written = [...(await readFile(page, 'utf8')).matchAll(/^\| (\d) \| `(\w+)` \| .+\. \|$/gm)].map(([, code]) => Number(code));
  assert.deepEqual(written, Object.values(exitCodes));
  for (const code of written) assert.match(help, new RegExp(`[ :]${code} [a-z]`));
});
