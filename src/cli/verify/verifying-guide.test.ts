import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { snippets } from './snippet-list.ts';
import { verifyingGuide } from './verifying-guide.ts';

const page = new URL('../../../docs/guides/verifying-webhooks.md', import.meta.url);

test('docs/guides/verifying-webhooks.md has every snippet as the code has it (UPDATE_REFERENCE=1 writes it)', async () => {
  const expected = verifyingGuide(snippets);
  if (process.env['UPDATE_REFERENCE'] === '1') await writeFile(page, expected);
  assert.equal(await readFile(page, 'utf8'), expected);
});

test('every snippet refuses ids with a dot, times far from now, and what nothing fits, and is one of its language and scheme', () => {
  const names = snippets.map(({ language, scheme }) => `${language} ${scheme}`);
  assert.deepEqual([...new Set(names)], names);
  for (const { language, scheme, code } of snippets) {
    for (const part of ['webhook-id is missing or malformed', 'too far from now', 'no signature fits', scheme, '300'])
      assert.ok(code.includes(part) || (part === '300' && code.includes('5*time.Minute')), `${language} ${scheme}: ${part}`);
    assert.ok(
      code.split('\n').every((line) => line.length <= 130),
      `${language} ${scheme}: lines are short`,
    );
  }
});
