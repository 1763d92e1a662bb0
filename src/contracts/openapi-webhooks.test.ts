import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { loadContract } from './load-contract.ts';
import { openApiDocument } from './openapi-webhooks.ts';

/** A folder with the example documents of the AsyncAPI specification, as `asyncapi-<version>/…`. */
const vectors = process.env.SLUICE_VECTORS;

const config = await createConfig({
  extends: ['recommended'],
  rules: {
    // What an author leaves out is no fault of the document's form.
    'info-license': 'off',
    'no-empty-servers': 'off',
    'operation-4xx-response': 'off',
    'operation-2xx-response': 'off',
    // A shared header of the signature is described even where only some operations use it.
    'no-unused-components': 'off',
    // An author's examples are shown as they are.
    'no-invalid-media-type-examples': 'off',
    // A schema that is valid where it stands may speak of members that another one describes.
    'no-required-schema-properties-undefined': 'off',
  },
});

async function faultsOf(document: unknown): Promise<readonly string[]> {
  const problems = await lintFromString({ source: JSON.stringify(document), config });
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer ?? ''}`);
}

async function documentOf(text: string, files: Readonly<Record<string, string>> = {}): Promise<Record<string, never>> {
  return openApiDocument(await loadContract({ name: 'contract.yaml', text, files })) as Record<string, never>;
}

const orders = `
asyncapi: 3.0.0
info: { title: Orders, version: 1.2.0, description: All of them. }
channels:
  created:
    address: orders/{shop}/created
    parameters: { shop: { description: Where, enum: [north, south] } }
    messages:
      com.example.order.created: { $ref: '#/components/messages/Created' }
  requests:
    address: requests
    messages: { request: { payload: { type: object } }, other: { payload: { type: string } } }
operations:
  created: { action: send, channel: { $ref: '#/channels/created' } }
  requests: { action: receive, channel: { $ref: '#/channels/requests' } }
components:
  messages:
    Created:
      name: com.example.order.created
      title: An order was placed
      contentType: application/json
      payload: { $ref: '#/components/schemas/Order' }
      examples: [{ name: small, payload: { id: o-1, lines: [], pair: [1, a] } }]
  schemas:
    Order:
      title: Order
      description: What was bought.
      type: object
      required: [id, lines]
      properties:
        id: { type: string, description: As the shop knows it. }
        lines: { type: array, items: { $ref: '#/components/schemas/Line' } }
        pair: { type: array, items: [{ type: integer }, { type: string }], additionalItems: false }
        parent: { $ref: '#/components/schemas/Order' }
      dependencies: { pair: [id], parent: { required: [lines] } }
    Line: { type: object, properties: { price: { type: number, exclusiveMinimum: 0 } } }
`;

describe('the OpenAPI document of a contract', () => {
  test('is valid, and has a webhook for each type that is sent and a path for each channel clients publish to', async () => {
    const document = await documentOf(orders);
    assert.deepEqual(await faultsOf(document), []);
    assert.deepEqual(Object.keys(document['webhooks']!), ['com.example.order.created']);
    assert.deepEqual(Object.keys(document['paths']!), ['/requests']);
  });

  test('schemas keep their names and descriptions, stand there once, and mean the same in draft 2020-12', async () => {
    const { components } = (await documentOf(orders)) as unknown as { components: { schemas: Record<string, Record<string, unknown>> } };
    const { Order, Line } = components.schemas;
    assert.deepEqual(
      Object.keys(components.schemas).filter((name) => /Order|Line/.test(name)),
      ['Order', 'Line'],
    );
    assert.equal(Order?.['description'], 'What was bought.');
    assert.deepEqual(Line?.['properties'], { price: { type: 'number', exclusiveMinimum: 0 } });
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema({ $id: 'doc', components });
    const check = ajv.compile({ $ref: 'doc#/components/schemas/Order' });
    assert.ok(check({ id: 'a', lines: [{ price: 1 }], pair: [1, 'a'] }));
    for (const wrong of [
      { id: 'a' },
      { id: 'a', lines: [{ price: 0 }] },
      { id: 'a', lines: [], pair: ['a', 'a'] },
      { id: 'a', lines: [], pair: [1, 'a', 2] },
      { id: 'a', lines: [], parent: {} },
    ])
      assert.ok(!check(wrong), JSON.stringify(wrong));
  });

  test('an event as it is delivered fits what the webhook says of it, and another type does not', async () => {
    const document = await documentOf(orders);
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'doc', ...document });
    const pointer = 'doc#/webhooks/com.example.order.created/post/requestBody/content/application~1cloudevents+json/schema';
    const check = ajv.compile({ $ref: pointer });
    const event = { specversion: '1.0', id: '1', source: '/shop', type: 'com.example.order.created', data: { id: 'o', lines: [] } };
    assert.ok(check(event));
    assert.ok(!check({ ...event, type: 'com.example.order.gone' }));
    assert.ok(!check({ ...event, data: { id: 'o' } }));
  });

  test('of some of the channels alone it is valid, and has no schema that only the others need', async () => {
    const contract = await loadContract({
      name: 'contract.yaml',
      files: {},
      text: `
asyncapi: 3.0.0
info: { title: Firm, version: '1' }
channels:
  news: { address: news, messages: { said: { payload: { $ref: '#/components/schemas/Said' } } } }
  wages: { address: wages, messages: { paid: { payload: { $ref: '#/components/schemas/Paid' } }, said: { payload: { $ref: '#/components/schemas/Said' } } } }
  raises: { address: raises, messages: { raise: { payload: { $ref: '#/components/schemas/Raise' } } } }
operations:
  news: { action: send, channel: { $ref: '#/channels/news' } }
  wages: { action: send, channel: { $ref: '#/channels/wages' } }
  raises: { action: receive, channel: { $ref: '#/channels/raises' } }
components:
  schemas:
    Said: { type: object, properties: { by: { $ref: '#/components/schemas/Person' } } }
    Paid: { type: object, properties: { to: { $ref: '#/components/schemas/Person' }, amount: { $ref: '#/components/schemas/Amount' } } }
    Raise: { type: object, properties: { by: { $ref: '#/components/schemas/Amount' } } }
    Person: { type: object }
    Amount: { type: object, properties: { currency: { type: string } } }
`,
    });
    const only = (...ids: string[]) => openApiDocument({ ...contract, channels: contract.channels.filter(({ id }) => ids.includes(id)) });
    const news = only('news');
    assert.deepEqual(await faultsOf(news), []);
    assert.match(JSON.stringify(news), /"Said".*"Person"/);
    assert.doesNotMatch(JSON.stringify(news), /wage|paid|raise|amount|currency/i);
    assert.match(JSON.stringify(only('news', 'raises')), /"Amount"/);
    assert.deepEqual(await faultsOf(only()), []);
  });

  test('two channels may send the same type, and names that mean something to JavaScript are only names', async () => {
    const document = await documentOf(`
asyncapi: 3.0.0
info: { title: Odd, version: '1' }
channels:
  a: { address: a, messages: { toString: { payload: { $ref: '#/components/schemas/constructor' } } } }
  b: { address: b, messages: { toString: { payload: { type: string } } } }
operations:
  a: { action: send, channel: { $ref: '#/channels/a' } }
  b: { action: send, channel: { $ref: '#/channels/b' } }
components: { schemas: { constructor: { type: object, properties: { valueOf: { type: string } } } } }
`);
    assert.deepEqual(await faultsOf(document), []);
    assert.equal(Object.keys(document['webhooks']!).length, 2);
  });

  test('another schema language is delivered as bytes of its media type, and not described', async () => {
    const document = await documentOf(`
asyncapi: 3.0.0
info: { title: Avro, version: '1' }
channels:
  a:
    address: a
    messages: { tick: { contentType: avro/binary, payload: { schemaFormat: application/vnd.apache.avro;version=1.9.0, schema: { type: string } } } }
operations: { a: { action: send, channel: { $ref: '#/channels/a' } } }
`);
    assert.deepEqual(await faultsOf(document), []);
  });
});

for (const version of vectors === undefined ? [] : ['2.6.0', '3.0.0', '3.1.0']) {
  const folder = join(vectors ?? '', `asyncapi-${version}`);
  const documents = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /\.ya?ml$/.test(path));
  for (const path of documents.filter((each) => !each.includes('common/'))) {
    test(`the OpenAPI document of the official example ${version}/${path} is valid`, async () => {
      const here = dirname(join(folder, path));
      const beside = documents.filter((each) => each.includes('common/')).map((each) => join(folder, each));
      const files = Object.fromEntries(beside.map((file) => [relative(here, file), readFileSync(file, 'utf8')]));
      const contract = await loadContract({ name: basename(path), text: readFileSync(join(folder, path), 'utf8'), files });
      assert.deepEqual(await faultsOf(openApiDocument(contract)), []);
    });
  }
}
