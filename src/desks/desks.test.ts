import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeskRequest } from '../core/desk.ts';
import type { ApiRuntime, Catalogue } from '../gateway/catalogue.ts';
import type { Desk, Visit } from './desk.ts';
import { Desks } from './desks.ts';

const api = { resource: { name: 'orders', spec: { path: '/orders', lifecycle: 'published' } } } as unknown as ApiRuntime;
const catalogue: Pick<Catalogue, 'route'> = {
  route: (path) => (path.startsWith('/orders') ? { api, rest: path.split('/').slice(2) } : undefined),
};

function at(path: string, origin = 'http://gateway.example'): DeskRequest {
  return { method: 'GET', path, query: '', headers: {}, body: Buffer.alloc(0), origin };
}

function opened(publicUrl?: string): { readonly desks: Desks; readonly visits: Visit[] } {
  const visits: Visit[] = [];
  const desk: Desk = {
    name: 'hooks',
    answer: (visit) => {
      visits.push(visit);
      return Promise.resolve({ status: 200, headers: {}, body: '' });
    },
  };
  return { desks: new Desks({ catalogue, publicUrl, desks: [desk], gatewayDesks: [] }), visits };
}

describe('desks', () => {
  test('the segment after the dash names the desk, and those behind it come decoded', async () => {
    const { desks, visits } = opened();
    await desks.ask(at('/orders/-/hooks/a%20b/c'));
    assert.deepEqual(visits[0]?.rest, ['a b', 'c']);
    assert.equal(visits[0]?.apiUrl, 'http://gateway.example/orders');
  });

  test('URLs given out begin with the public one where there is one, whatever host a client names', async () => {
    const { desks, visits } = opened('https://events.example.com');
    await desks.ask(at('/orders/-/hooks', 'http://evil.example'));
    assert.equal(visits[0]?.apiUrl, 'https://events.example.com/orders');
    assert.equal(visits[0]?.request.origin, 'https://events.example.com');
  });

  test('a host that is none is refused, before any URL is made of it', async () => {
    const { desks, visits } = opened();
    for (const name of ['', 'a b', 'a>; rel="hub"', 'user@evil.example', 'evil.example/x', 'a?b', 'a:99999', 'a#b', '%zz'])
      await assert.rejects(desks.ask(at('/orders/-/hooks', `http://${name}`)), { code: 'BAD_REQUEST' }, name);
    for (const name of ['a.example', 'a_b.example:8080', '[::1]:80', '127.0.0.1']) await desks.ask(at('/orders/-/hooks', `http://${name}`));
    assert.equal(visits.length, 4);
  });

  for (const path of ['/orders/-', '/orders/-/', '/orders/-/none', '/none/-/hooks', '/.well-known/none', '/.well-known/']) {
    test(`nothing answers at ${path}`, async () => {
      await assert.rejects(opened().desks.ask(at(path)), /there are in, hooks, openapi.json, channels.json and websub|empty or dot/);
    });
  }

  test('a segment that could mean two things is refused', async () => {
    for (const path of ['/orders/-/hooks/..', '/orders/-/hooks/%2e%2e', '/orders/-/hooks/a%2Fb', '/orders/-/hooks/%ff'])
      await assert.rejects(opened().desks.ask(at(path)), { code: 'BAD_REQUEST' }, path);
  });
});
