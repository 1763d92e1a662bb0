import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ApiRuntime } from '../../gateway/catalogue.ts';
import { topicOf } from './topic.ts';

const external = 'https://blog.example/%7Efeed?format=atom';
const api = { resource: { spec: { websub: { topics: { [external]: 'posts' } } } } } as unknown as Pick<ApiRuntime, 'resource'>;
const base = 'https://events.example:8443/shop/orders';

describe('the topics of a hub', () => {
  for (const [url, address] of [
    [`${base}/created?latest`, 'created'],
    [`${base}/eu/42/created?latest`, 'eu/42/created'],
    [`${base}/a%20b/%C3%A4?latest`, 'a b/ä'],
    ['https://EVENTS.example:8443/shop/orders/created?latest', 'created'],
  ] as const) {
    test(`${url} is the channel ${address}`, () => {
      assert.equal(topicOf(url, api, base).address, address);
    });
  }

  test('WS-D3: however a channel is written, its canonical URL is one', () => {
    const written = ['/a%20%62', '/a b', '/%61%20b'].map((path) => topicOf(`${base}${path}?latest`, api, base).self);
    assert.deepEqual(new Set(written), new Set([`${base}/a%20b?latest`]));
  });

  test('a topic of others is known by its URL to the letter, but for what is escaped without need', () => {
    const found = { self: external, address: 'posts', isExternal: true };
    assert.deepEqual(topicOf('https://blog.example/~feed?format=atom', api, base), found);
    assert.throws(() => topicOf('https://blog.example/~feed', api, base), { code: 'NOT_FOUND' });
  });

  for (const url of [
    `${base}?latest`,
    `${base}/?latest`,
    `${base}x/created?latest`,
    `${base}/*/created?latest`,
    `${base}/created`,
    `${base}/created?latest=1`,
    `${base}/created?latest&x`,
    `${base}/created?latest#part`,
    `${base}/-/websub?latest`,
    `${base}/../created?latest`,
    'http://events.example:8443/shop/orders/created?latest',
    'https://events.example/shop/orders/created?latest',
    'https://user@events.example:8443/shop/orders/created?latest',
  ]) {
    test(`${url} is none`, () => {
      assert.throws(() => topicOf(url, api, base), { code: 'NOT_FOUND' });
    });
  }

  test('a segment that could mean two things is refused', () => {
    for (const path of ['/a//b', '/a%2Fb', '/%ff', '/%00'])
      assert.throws(() => topicOf(`${base}${path}?latest`, api, base), { code: 'BAD_REQUEST' }, path);
  });
});
