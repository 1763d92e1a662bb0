import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRuntime } from '../../gateway/catalogue.ts';
import type { ResourceStore } from '../../store/resources.ts';
import type { Visitors } from '../visitors.ts';
import { HooksDesk } from './hooks-desk.ts';
import { OwnEndpoints } from './own-endpoints.ts';

test('a hook is found and deleted without a look at the thousands of others', async () => {
  const asked: string[] = [];
  const hook = { id: 'ept_1', version: 3, subscription: 'sub_1', metadata: { 'made-by': 'rest-hook' } };
  const endpoints = new OwnEndpoints(({ method, url }) => {
    asked.push(`${method} ${url}`);
    return Promise.resolve({ statusCode: method === 'DELETE' ? 204 : 200, body: method === 'DELETE' ? '' : JSON.stringify(hook) });
  });
  const subscriptions = [{ resource: { id: 'sub_1' }, context: { api: 'shop' } }];
  const visitors = { subscriberOf: () => ({ application: 'platform', apiKey: 'key', subscriptions }) } as unknown as Visitors;
  const catalogue = { api: () => undefined, subscription: () => undefined };
  const desk = new HooksDesk({
    visitors,
    endpoints,
    catalogue,
    store: {} as ResourceStore,
    gateway: { newest: () => Promise.resolve([]) },
  });
  const request = { method: 'DELETE', path: '', query: '', headers: {}, body: Buffer.alloc(0), origin: '' };
  const api = { resource: { name: 'shop' } } as unknown as ApiRuntime;
  const { status } = await desk.answer({ request, api, apiUrl: '', rest: ['ept_1'] });
  assert.equal(status, 204);
  assert.deepEqual(asked, ['GET /api/v1/endpoints/ept_1', 'DELETE /api/v1/endpoints/ept_1']);
});
