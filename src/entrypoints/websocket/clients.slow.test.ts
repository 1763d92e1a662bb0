import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { WebSocket as UndiciWebSocket } from 'undici';
import { WebSocket as NpmWebSocket } from 'ws';
import { assertNoConnections, keyOf, numbered, openChat, say, type ChatUser } from '../../testing/chat-world.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';
import { until } from '../../testing/until.ts';

const limit = { timeout: 60_000 };

/** What the WebSocket of a browser and those of both packages have in common. */
interface Client {
  readonly protocol: string;
  readonly extensions: string;
  readonly readyState: number;
  addEventListener(type: string, listener: (event: never) => void): void;
  send(data: string): void;
  close(code?: number): void;
}

const clients: Readonly<Record<string, (url: string, protocols: string[], user: ChatUser) => Client>> = {
  ws: (url, protocols, user) => new NpmWebSocket(url, protocols, { headers: { 'x-api-key': keyOf(user) } }) as unknown as Client,
  undici: (url, protocols, user) => new UndiciWebSocket(url, { protocols, headers: { 'x-api-key': keyOf(user) } }) as unknown as Client,
};

type Json = Readonly<Record<string, unknown>>;

for (const [name, create] of Object.entries(clients)) {
  describe(`the WebSocket of ${name}`, () => {
    let world: SluiceFixture;
    const opened: Client[] = [];

    before(async () => {
      world = await openChat();
    });

    after(async () => {
      for (const client of opened) client.close();
      await assertNoConnections(world);
      await world.stop();
    });

    const open = async (path: string, protocols: string[], user: ChatUser = 'open') => {
      const client = create(`${world.gateway.replace('http', 'ws')}${path}`, protocols, user);
      opened.push(client);
      const heard: Json[] = [];
      const closes: { readonly code: number; readonly reason: string }[] = [];
      client.addEventListener('message', ({ data }: { readonly data: string }) => heard.push(JSON.parse(data) as Json));
      client.addEventListener('close', ({ code, reason }: { readonly code: number; readonly reason: string }) =>
        closes.push({ code, reason }),
      );
      await once(client as unknown as EventTarget, 'open');
      return { client, heard, closes };
    };

    for (const protocols of [[], ['cloudevents.json'], ['sluice.v1.json']]) {
      test(`reads and publishes ${protocols[0] ?? 'without a subprotocol'}, compressed`, limit, async () => {
        const { client, heard } = await open(`/chat/${protocols[0] ?? 'plain'}/both`, protocols);
        assert.equal(client.protocol, protocols[0] ?? '');
        assert.match(client.extensions, /^permessage-deflate/);
        const event = {
          specversion: '1.0',
          id: `${protocols[0]}`,
          source: '/clients',
          type: 'com.example.both',
          data: { text: 'grün 😀'.repeat(1000) },
        };
        const hasOps = protocols[0] === 'sluice.v1.json';
        client.send(JSON.stringify(hasOps ? { op: 'publish', ref: 1, event } : event));
        await until(
          async () => heard.length === (hasOps ? 2 : 1),
          () => `it heard ${JSON.stringify(heard)}`,
        );
        const delivered = hasOps ? (heard.find(({ op }) => op === 'event')?.['event'] as Json) : heard[0];
        assert.deepEqual(delivered, { ...event, position: delivered?.['position'] });
        if (hasOps) assert.deepEqual(heard.find(({ op }) => op === 'accepted')?.['positions'], [delivered?.['position']]);
      });
    }

    test('reads ten thousand events in order', limit, async () => {
      await say(world, '/chat/many/said', numbered('', 10_000));
      const { heard } = await open('/chat/many/said?from=earliest', []);
      await until(
        async () => heard.length === 10_000,
        () => `it heard ${heard.length}`,
      );
      assert.deepEqual(
        heard.map(({ id }) => id),
        numbered('', 10_000).map(({ id }) => id),
      );
    });

    test('is told by close code why it ends', limit, async () => {
      const { heard, closes } = await open('/chat/over/said', ['sluice.v1.json'], 'brief');
      await until(
        async () => closes.length === 1,
        () => 'it was not closed',
      );
      assert.equal(closes[0]?.code, 4408);
      assert.match(closes[0]?.reason ?? '', /^DURATION_OVER retry-after=1: /);
      assert.equal((heard.at(-1)?.['problem'] as Json | undefined)?.['code'], 'DURATION_OVER');
    });

    test('is told 1012 when the gateway restarts', limit, async () => {
      const { closes } = await open('/chat/again/said', []);
      await world.restart({ grace: 1000 });
      await until(
        async () => closes.length === 1,
        () => 'it was not closed',
      );
      assert.equal(closes[0]?.code, 1012);
      assert.match(closes[0]?.reason ?? '', /^RESTARTING retry-after=\d+: /);
    });

    test('closes in its own time', limit, async () => {
      const { client, closes } = await open('/chat/bye/said', []);
      client.close(4000);
      await until(
        async () => closes.length === 1,
        () => 'the close was not answered',
      );
      assert.equal(closes[0]?.code, 4000);
    });
  });
}
