import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ControlFixture } from './control-fixture.ts';

const methods = ['get', 'post', 'put', 'patch', 'delete'];

describe('The OpenAPI document', () => {
  let control: ControlFixture;
  let document: any;
  before(async () => {
    control = await ControlFixture.start();
    document = (await control.expect(200, 'GET', '/openapi.json', { token: undefined })).json;
  });
  after(() => control.stop());

  const operations = (): [string, any][] =>
    Object.entries<any>(document.paths).flatMap(([path, item]) =>
      Object.entries<any>(item).map(([method, operation]): [string, any] => [`${method.toUpperCase()} ${path}`, operation]),
    );

  it('is OpenAPI 3.1 by its structure', () => {
    assert.match(document.openapi, /^3\.1\.\d+$/);
    assert.ok(document.info.title && document.info.version);
    for (const [path, item] of Object.entries<any>(document.paths)) {
      assert.match(path, /^\//);
      for (const key of Object.keys(item)) assert.ok(methods.includes(key), `${path} ${key}`);
    }
    const ids = operations().map(([, { operationId }]) => operationId);
    assert.equal(new Set(ids).size, ids.length);
    for (const [name, { tags, parameters = [] }] of operations()) {
      assert.equal(tags.length, 1, name);
      const names = [...name.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
      const described = parameters.filter((parameter: any) => parameter.in === 'path').map((parameter: any): string => parameter.name);
      assert.deepEqual(described.toSorted(), names.toSorted(), name);
      for (const parameter of parameters) assert.ok(parameter.schema && ['path', 'query', 'header'].includes(parameter.in), name);
    }
  });

  it('has for every route a summary, who may call it, what it takes, and what it answers', () => {
    assert.ok(operations().length > 45);
    for (const [name, operation] of operations()) {
      assert.match(operation.summary, /^[A-Z].*\.$/, name);
      assert.ok(Array.isArray(operation.security), name);
      for (const { security } of [operation])
        for (const scheme of security)
          assert.ok(
            Object.keys(scheme).every((key) => key in document.components.securitySchemes),
            name,
          );
      const success = Object.keys(operation.responses).filter((status) => status.startsWith('2'));
      assert.equal(success.length, 1, name);
      for (const status of ['4XX', '5XX'])
        assert.deepEqual(
          operation.responses[status].content['application/problem+json'].schema,
          { $ref: '#/components/schemas/Problem' },
          name,
        );
      for (const response of Object.values<any>(operation.responses)) assert.ok(response.description, name);
      const [status] = success;
      if (status !== '204') assert.ok(Object.values<any>(operation.responses[status!].content)[0].schema, name);
      if (
        /^(PUT|PATCH)|^POST.*(apis|applications|plans|subscriptions|plan|apply|state|lifecycle|tickets|credentials|endpoints|rotate)$/.test(
          name,
        )
      )
        assert.ok(operation.requestBody?.content['application/json'].schema, name);
    }
  });

  it('says which operations applications may call with their own keys, and that all others need the admin token', () => {
    const takes = (scheme: string): string[] =>
      operations()
        .filter(([, { security }]) => security.some((one: object) => scheme in one))
        .map(([, { operationId }]): string => operationId)
        .toSorted();
    const own = [
      'cancelReplay',
      'createEndpoint',
      'createSource',
      'deleteEndpoint',
      'deleteSource',
      'discardDeliveries',
      'discardDelivery',
      'getAnalytics',
      'getDelivery',
      'getEndpoint',
      'getEndpointKeys',
      'getEndpointStatus',
      'getReader',
      'getReplay',
      'getSource',
      'getSourceStatus',
      'getSubscription',
      'getUsage',
      'listAttempts',
      'listDeliveries',
      'listEndpoints',
      'listReaders',
      'listRefusals',
      'listReplays',
      'listSources',
      'listSubscriptions',
      'pauseEndpoint',
      'pauseSource',
      'previewEndpoint',
      'previewFilter',
      'replaceEndpoint',
      'replaceSource',
      'retryDeliveries',
      'retryDelivery',
      'rotateEndpointSecret',
      'rotateSourceSecret',
      'startEndpoint',
      'startReplay',
      'startSource',
      'verifyEndpoint',
    ];
    assert.deepEqual(takes('apiKey'), [...own, 'createTicket'].toSorted());
    assert.deepEqual(takes('applicationToken'), takes('apiKey'));
    const open = ['getHealth', 'getMetrics', 'getOpenApi', 'getReadiness'];
    const all = operations().map(([, { operationId }]): string => operationId);
    assert.deepEqual(takes('adminToken'), all.filter((id) => id !== 'createTicket' && !open.includes(id)).toSorted());
  });

  it('has only schemas that are valid JSON Schema 2020-12, as OpenAPI 3.1 wants', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, schemas: [{ $id: 'document', components: document.components }] });
    let count = 0;
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, member] of Object.entries(value)) {
        if (key === 'schema') {
          const text = JSON.stringify(member).replaceAll('"#/components', '"document#/components');
          assert.ok(ajv.validateSchema(JSON.parse(text)), ajv.errorsText());
          ajv.compile(JSON.parse(text));
          count++;
        } else visit(member);
      }
    };
    visit(document.paths);
    assert.ok(count > 100);
    for (const schema of Object.values(document.components.schemas)) assert.ok(ajv.validateSchema(schema as object));
  });

  it('describes every route there is: what it does not describe is not there', async () => {
    for (const [name] of operations().filter(([name]) => name.includes('/api/v1/'))) {
      const [method, path] = name.split(' ') as [string, string];
      const reply = await fetch(`${control.url}${path.replaceAll(/\{\w+\}/g, '1')}`, { method });
      assert.notEqual(reply.status, 405, name);
      if (!path.endsWith('openapi.json')) assert.equal(reply.status, 401, `${name} answers strangers`);
    }
  });
});
