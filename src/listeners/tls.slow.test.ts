import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { connect as connectSocket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { Agent, fetch } from 'undici';
import { WebSocket } from 'ws';
import { assertNoConnections, keyOf, numbered, openChat } from '../testing/chat-world.ts';
import { selfSigned } from '../testing/self-signed.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { until } from '../testing/until.ts';

const limit = { timeout: 60_000 };
const pair = selfSigned({ names: ['localhost', '127.0.0.1'] });
const key = { authorization: `Bearer ${keyOf('open')}` };

for (const workers of [undefined, 2]) {
  describe(`https by ${workers ?? 'no'} workers`, () => {
    let world: SluiceFixture;
    const agents: Agent[] = [];
    const agent = (allowH2: boolean): Agent => {
      const one = new Agent({ allowH2, connect: { ca: pair.cert } });
      agents.push(one);
      return one;
    };
    const shake = async (options: ConnectionOptions): Promise<TLSSocket> => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(world.gateway).port), ...options });
      await once(socket, 'secureConnect');
      return socket;
    };

    /** Whether those who trust only this certificate trust the gateway, by whichever worker. */
    const isShown = async (cert: string): Promise<boolean> => {
      const shaken = await Promise.allSettled(Array.from({ length: workers === undefined ? 1 : 16 }, () => shake({ ca: cert })));
      for (const one of shaken) if (one.status === 'fulfilled') one.value.destroy();
      return shaken.every(({ status }) => status === 'fulfilled');
    };

    before(async () => {
      world = await openChat({ tls: pair, ...(workers === undefined ? {} : { workers }) });
    });

    after(async () => {
      for (const one of agents) await one.destroy();
      await assertNoConnections(world);
      await world.stop();
    });

    test('says so in its URL, and speaks HTTP/2 or HTTP/1.1 as the client likes', limit, async () => {
      assert.match(world.gateway, /^https:\/\/127\.0\.0\.1:\d+$/);
      for (const [offered, spoken] of [
        [['h2', 'http/1.1'], 'h2'],
        [['http/1.1'], 'http/1.1'],
        [undefined, false],
      ] as const) {
        const socket = await shake({ ca: pair.cert, ...(offered === undefined ? {} : { ALPNProtocols: [...offered] }) });
        assert.equal(socket.alpnProtocol, spoken);
        socket.destroy();
      }
    });

    for (const [name, allowH2] of [
      ['HTTP/2', true],
      ['HTTP/1.1', false],
    ] as const) {
      test(`publishes, polls and streams by undici's ${name}`, limit, async () => {
        const dispatcher = agent(allowH2);
        const url = `${world.gateway}/chat/${allowH2}/both`;
        const stream = await fetch(url, { dispatcher, headers: { ...key, accept: 'text/event-stream' } });
        assert.deepEqual([stream.status, stream.headers.get('connection')], [200, allowH2 ? null : 'close']);
        const event = { specversion: '1.0', id: 't1', source: '/tls', type: 'com.example.both', data: {} };
        const published = await fetch(url, {
          dispatcher,
          method: 'POST',
          headers: { ...key, 'content-type': 'application/cloudevents+json' },
          body: JSON.stringify(event),
        });
        assert.equal(published.status, 202);
        const page = (await (await fetch(`${url}?from=earliest`, { dispatcher, headers: key })).json()) as { id: string }[];
        assert.deepEqual(
          page.map(({ id }) => id),
          ['t1'],
        );
        let heard = '';
        for await (const chunk of stream.body ?? []) {
          heard += Buffer.from(chunk as Uint8Array).toString();
          if (heard.includes('"id":"t1"')) break;
        }
      });
    }

    test('takes WebSockets', limit, async () => {
      const socket = new WebSocket(`${world.gateway.replace('https', 'wss')}/chat/ws/both`, { ca: pair.cert, headers: key });
      await once(socket, 'open');
      const event = { specversion: '1.0', id: 'w1', source: '/tls', type: 'com.example.both', data: {} };
      socket.send(JSON.stringify(event));
      const [message] = (await once(socket, 'message')) as [Buffer];
      assert.equal((JSON.parse(message.toString()) as { id: string }).id, 'w1');
      socket.terminate();
    });

    test('speaks no TLS older than 1.2, and nothing without TLS', limit, async () => {
      await assert.rejects(shake({ ca: pair.cert, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
      const bare = connectSocket(Number(new URL(world.gateway).port), '127.0.0.1');
      bare.write('GET /chat/a/said HTTP/1.1\r\nHost: x\r\n\r\n');
      bare.on('error', () => undefined).resume();
      await once(bare, 'close');
    });

    test('shows a new certificate to new connections and keeps the old ones', limit, async () => {
      const { port } = new URL(world.gateway);
      const old = request({
        host: '127.0.0.1',
        port,
        ca: pair.cert,
        path: '/chat/new/said',
        headers: { ...key, accept: 'text/event-stream' },
      });
      old.end();
      const [stream] = (await once(old, 'response')) as [NodeJS.ReadableStream];
      let heard = '';
      stream.on('data', (chunk: Buffer) => (heard += chunk.toString()));
      const renewed = selfSigned({ names: ['127.0.0.1'] });
      world.renewCertificate(renewed);
      await until(
        () => isShown(renewed.cert),
        () => 'the new certificate is not shown',
      );
      world.renewCertificate(pair);
      await until(
        () => isShown(pair.cert),
        () => 'the first certificate is not shown again',
      );
      old.on('error', () => undefined);
      await until(
        async () => /^retry: \d+\n\n(: \n\n)*$/.test(heard),
        () => `it heard ${JSON.stringify(heard)}`,
      );
      assert.equal(old.destroyed, false);
      old.destroy();
    });

    test('holds fifty streams of a client on one connection', limit, async () => {
      const session = connectHttp2(world.gateway, { ca: pair.cert });
      session.on('error', () => undefined);
      const heard = Array.from({ length: 50 }, () => '');
      for (const index of heard.keys()) {
        const stream = session.request({ ':path': '/chat/fifty/said', accept: 'text/event-stream', 'x-api-key': keyOf('open') });
        stream.on('error', () => undefined);
        stream.setEncoding('utf8').on('data', (chunk: string) => (heard[index] += chunk));
      }
      await until(
        async () => heard.every((text) => text.startsWith('retry: ')),
        () => 'not all streams began',
      );
      await until(
        async () => (await world.connections()) === 50,
        () => 'there are others than these fifty',
      );
      const dispatcher = agent(false);
      const batch = numbered('', 3).map((event) => ({ specversion: '1.0', source: '/tls', type: 'com.example.said', ...event }));
      await fetch(`${world.gateway}/chat/fifty/said`, {
        dispatcher,
        method: 'POST',
        headers: { authorization: `Bearer ${keyOf('provider')}`, 'content-type': 'application/cloudevents-batch+json' },
        body: JSON.stringify(batch),
      });
      await until(
        async () => heard.every((text) => text.includes('"id":"3"')),
        () => 'not all streams heard everything',
      );
      session.destroy();
    });
  });
}
