import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { discover, type TopicLinks } from '../../protocols/websub/discovery.ts';
import { readerKey, serviceKey, worldConfig, worldFiles } from '../../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../../testing/sluice-fixture.ts';

const limit = { timeout: 60_000 };
const nobody = undefined;

describe('a channel as a WebSub topic', () => {
  let world: SluiceFixture;
  before(async () => {
    const config = worldConfig({ limits: '{ eventCount: { limit: 4, per: day } }', api: ['websub: { anonymous: public }'] });
    const everybody = "  public:\n    subscriptions: [{ api: world, plan: basic, allow: { read: ['open/*'] } }]\n";
    world = await openSluice(config + everybody, { files: worldFiles() });
  });
  after(() => world.stop());

  const get = (target: string, key?: string, method = 'GET'): Promise<Response> =>
    fetch(`${world.gateway}/world/${target}`, { method, headers: key === undefined ? {} : { 'x-api-key': key } });
  const publish = async (channel: string, body: string, contentType: string): Promise<void> => {
    const ce = { 'ce-specversion': '1.0', 'ce-id': crypto.randomUUID(), 'ce-source': '/test', 'ce-type': 'test.event' };
    const headers = { ...ce, 'x-api-key': serviceKey, 'content-type': contentType };
    const response = await fetch(`${world.gateway}/world/${channel}`, { method: 'POST', headers, body });
    assert.equal(response.status, 202, await response.text());
  };
  const linksOf = ({ url, headers }: Response): TopicLinks =>
    discover({ url, link: headers.get('link') ?? undefined, contentType: undefined, body: Buffer.alloc(0) });

  test('WS-D1: says on every GET and HEAD where its hub is and what it is called, also to who has no key', limit, async () => {
    const links = { hubs: [`${world.gateway}/world/-/websub`], self: `${world.gateway}/world/links/events?latest` };
    for (const [target, key, method, status] of [
      ['links/events', readerKey, 'GET', 200],
      ['links/events?latest', readerKey, 'GET', 204],
      ['links/events', readerKey, 'HEAD', 200],
      ['links/events?latest', nobody, 'HEAD', 403],
      ['l%69nks/events', nobody, 'GET', 401],
    ] as const) {
      const response = await get(target, key, method);
      assert.equal(response.status, status, `${method} ${target}`);
      assert.deepEqual(linksOf(response), links, `${method} ${target}`);
    }
  });

  test('a page names the next one before the hub', limit, async () => {
    const response = await get('links/events?from=earliest', readerKey);
    assert.match(response.headers.get('link') ?? '', /^<\/world\/links\/events\?after=[^>]+>; rel="next", <http/);
  });

  test('WS-D3: its content is the data of the newest event, with the content type it was published with to the letter', limit, async () => {
    await publish('open/events', '{"n": 1}', 'application/json');
    await publish('open/events', 'größer', 'Text/Plain; Charset="UTF-8"; format=flowed');
    await publish('other/events', '{}', 'application/json');
    const response = await get('open/events?latest');
    assert.equal(response.headers.get('content-type'), 'Text/Plain; Charset="UTF-8"; format=flowed');
    assert.equal(await response.text(), 'größer');
    assert.match(response.headers.get('content-security-policy') ?? '', /sandbox/);
    assert.equal(await (await get('other/events?latest', readerKey)).text(), '{}');
  });

  test('a channel without events has no content', limit, async () => {
    assert.equal((await get('empty/events?latest', readerKey)).status, 204);
  });

  test('who shows no key reads what everybody may, and nothing else', limit, async () => {
    assert.equal((await get('other/events?latest')).status, 403);
    assert.equal((await get('open/events')).status, 401);
    assert.equal((await get('open/events?latest', 'a-key-nobody-has-123')).status, 401);
  });

  test('its reading is counted like any other', limit, async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 6; n += 1) statuses.push((await get('other/events?latest', readerKey)).status);
    assert.equal(statuses[0], 200);
    assert.equal(statuses.at(-1), 429);
  });

  test('a pattern is no topic, and other methods mean nothing', limit, async () => {
    assert.equal((await get('*/events?latest', readerKey)).status, 400);
    assert.equal((await get('open/events?latest', readerKey, 'PUT')).status, 405);
  });
});
