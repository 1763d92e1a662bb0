import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { configSchema } from './config-schema.ts';
import { withConfigTables } from './reference.ts';

const page = new URL('../../../docs/reference/configuration.md', import.meta.url);
const schemaFile = new URL('../../../schema/sluice.schema.json', import.meta.url);
const updating = process.env['UPDATE_REFERENCE'] === '1';

describe('What is written about the configuration', () => {
  it('schema/sluice.schema.json is the schema in the code (UPDATE_REFERENCE=1 writes it)', async () => {
    const expected = `${JSON.stringify(configSchema(), null, 2)}\n`;
    if (updating) await writeFile(schemaFile, expected);
    assert.equal(await readFile(schemaFile, 'utf8'), expected);
  });

  it('docs/reference/configuration.md lists every key as the schema has it (UPDATE_REFERENCE=1 writes it)', async () => {
    const written = await readFile(page, 'utf8');
    const expected = withConfigTables(written);
    if (updating) await writeFile(page, expected);
    assert.equal(updating ? expected : written, expected);
    assert.match(expected, /### `apis\.\{name\}\.plans\.\{name\}\.limits\.eventCount`/);
    assert.match(expected, /\| `retention` \|/);
  });

  it('the schema is valid and takes the example of the page, and refuses what the reader refuses', async () => {
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(configSchema());
    const example = /```yaml\n([\s\S]*?)```/.exec(await readFile(page, 'utf8'))![1]!;
    assert.ok(validate(parse(example)), JSON.stringify(validate.errors));
    assert.equal(validate({ apis: { orders: { contract: 'a.yaml', entrypoint: [] } } }), false);
    assert.equal(validate({ apis: { orders: { contract: 'a.yaml', dedup: { window: 'soon' } } } }), false);
    assert.equal(validate({ apis: { 'or ders': { contract: 'a.yaml' } } }), false);
  });
});
