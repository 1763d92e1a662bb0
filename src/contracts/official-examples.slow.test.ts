import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { lintContract } from './lint.ts';

/** A folder with the example documents of the AsyncAPI specification, as `asyncapi-<version>/…`. */
const vectors = process.env.SLUICE_VECTORS;

for (const version of vectors === undefined ? [] : ['2.6.0', '3.0.0', '3.1.0']) {
  const folder = join(vectors ?? '', `asyncapi-${version}`);
  const documents = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /\.ya?ml$/.test(path));
  for (const path of documents.filter((each) => !each.includes('common/'))) {
    test(`the official example ${version}/${path} is valid`, async () => {
      const here = dirname(join(folder, path));
      const beside = documents.filter((each) => each.includes('common/')).map((each) => join(folder, each));
      const files = Object.fromEntries(beside.map((file) => [relative(here, file), readFileSync(file, 'utf8')]));
      const problems = await lintContract({ name: basename(path), text: readFileSync(join(folder, path), 'utf8'), files });
      assert.deepEqual(
        problems.filter((problem) => problem.severity === 'error'),
        [],
      );
    });
  }
}

test(
  'the official examples are tried where SLUICE_VECTORS names them',
  { skip: vectors === undefined ? 'SLUICE_VECTORS is not set' : false },
  () => {
    assert.ok(readdirSync(vectors ?? '').includes('asyncapi-3.1.0'));
  },
);
