import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { preparedText, preparedVersions } from './prepare.ts';

for (const version of preparedVersions) {
  test(`the schema of ${version} is what the official one prepares to`, () => {
    assert.equal(readFileSync(new URL(`./asyncapi-${version}.json`, import.meta.url), 'utf8'), preparedText(version));
  });
}
