import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readerKey, serviceKey, worldFiles } from '../../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../../testing/sluice-fixture.ts';
import { websubConfig } from '../../testing/websub-world.ts';

const feeds = `
asyncapi: 3.0.0
info: { title: Feeds, version: 1.0.0 }
channels: { feed: { address: 'feed' } }
operations: { send: { action: send, channel: { $ref: '#/channels/feed' } } }
`;
const following = (topic: string): string => `
apis:
  feeds: { contract: ./feeds.yaml, path: /feeds, plans: { free: {} } }
applications:
  reader:
    credentials: [{ kind: api-key, value: ${readerKey} }]
    subscriptions: [{ api: feeds, plan: free }]
  intake:
    subscriptions:
      - api: feeds
        as: provider
        sources: { theirs: { preset: websub, address: feed, topic: { url: '${topic}' } } }
`;

test(
  'a source of one Sluice follows a channel of another, whose hub it finds, and gets its events signed',
  { timeout: 180_000 },
  async () => {
    const options = { openOutgoing: ['127.0.0.0/8'] };
    const hub = await openSluice(websubConfig('{ anonymous: public }'), { ...options, files: worldFiles() });
    let follower: SluiceFixture | undefined;
    try {
      const topic = `${hub.gateway}/world/open/events?latest`;
      follower = await openSluice(following(topic), { ...options, files: { 'feeds.yaml': feeds } });
      let held: { websub?: { self: string; secret?: object } } | undefined;
      while (held === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        [held] = ((await hub.client().get(['endpoints'])) as { items: (typeof held)[] }).items;
      }
      assert.equal(held.websub?.self, topic);
      assert.ok(held.websub?.secret !== undefined);
      const ce = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/test', 'ce-type': 'test.event' };
      const headers = { ...ce, 'x-api-key': serviceKey, 'content-type': 'text/plain; charset=utf-8' };
      const published = await fetch(`${hub.gateway}/world/open/events`, { method: 'POST', headers, body: 'größer' });
      assert.equal(published.status, 202);
      const page = await fetch(`${follower.gateway}/feeds/feed?from=earliest&wait=20s`, { headers: { 'x-api-key': readerKey } });
      const [event] = (await page.json()) as { data: string; source: string; datacontenttype: string }[];
      assert.deepEqual([event?.data, event?.source, event?.datacontenttype], ['größer', topic, 'text/plain; charset=utf-8']);
    } finally {
      await follower?.stop();
      await hub.stop();
    }
  },
);
