import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import type { EndpointSpec, Resource } from '../store/resources.ts';
import { targetOf } from './target-of.ts';
import { webhookRequest } from './webhook-request.ts';

const standardSecret = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=';
const links = '<https://api.example/world/-/websub>; rel="hub", <https://api.example/world/a?latest>; rel="self"';

function endpoint(more: Partial<EndpointSpec> = {}, websub: Partial<NonNullable<EndpointSpec['websub']>> = {}): Resource<'endpoint'> {
  const spec: EndpointSpec = {
    subscription: 's',
    address: 'a',
    url: 'https://subscriber.example/hook?id=1',
    types: [],
    headers: {},
    secrets: [],
    content: 'data',
    timeout: 1000,
    retry: [],
    concurrency: 1,
    order: 'none',
    metadata: {},
    state: 'started',
    websub: {
      topic: 'https://api.example/world/a?latest',
      hub: 'https://api.example/world/-/websub',
      self: 'https://api.example/world/a?latest',
      method: 'sha256',
      leaseUntil: 1,
      request: 'r',
      ...websub,
    },
    ...more,
  };
  return { tenant: 'default', kind: 'endpoint', id: 'e', name: 'e', parent: 'p', version: 1, createdAt: 0, updatedAt: 0, spec };
}

function event(data: Uint8Array | undefined, datacontenttype: string | undefined): Event {
  const draft = { id: '1', source: '/s', type: 't', extensions: {}, data, datacontenttype, dataKind: 'binary' } as const;
  return new Event(draft, 'a', 'x-1' as Position, 0);
}

function sent(resource: Resource<'endpoint'>, given: Event): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const target = targetOf(resource, { open: (sealed) => sealed, compile: () => ({ test: () => true }) });
  const { headers = [], body } = webhookRequest(target, given, { number: 2, retryReason: 'timeout', at: Date.now() });
  return { headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])), body: Buffer.from(body!).toString() };
}

describe('what a WebSub subscriber is sent', () => {
  const text = event(Buffer.from('größer'), 'Text/Plain; charset=UTF-8');

  test('WS-C1, WS-C2: is the data alone, its content type to the letter, and where hub and topic are; nothing else without a secret', () => {
    assert.deepEqual(sent(endpoint(), text), { headers: { 'content-type': 'Text/Plain; charset=UTF-8', link: links }, body: 'größer' });
  });

  for (const method of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
    test(`WS-A1: is signed with ${method} over its bytes where there is a secret`, () => {
      const { headers } = sent(endpoint({}, { method, secret: { sealed: 'geheim-ß' } }), text);
      assert.equal(headers['x-hub-signature'], `${method}=${createHmac(method, 'geheim-ß').update('größer').digest('hex')}`);
    });
  }

  test('N5: is signed as a webhook besides where the endpoint has a secret for that', () => {
    const { headers, body } = sent(endpoint({ secrets: [{ sealed: standardSecret }] }), event(Buffer.from('{}'), 'application/json'));
    new Webhook(standardSecret).verify(body, headers);
    assert.equal(headers['link'], links);
  });

  test('has a content type in any case', () => {
    assert.equal(sent(endpoint(), event(Buffer.from('x'), undefined)).headers['content-type'], 'application/octet-stream');
  });

  test('is no event without data', () => {
    const target = targetOf(endpoint(), { open: (sealed) => sealed, compile: () => ({ test: () => true }) });
    assert.deepEqual([event(undefined, 'text/plain'), event(Buffer.alloc(0), 'text/plain'), text].map(target.wants), [false, false, true]);
  });
});
