import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { EventSource as NpmEventSource } from 'eventsource';
import { Agent, EventSource as UndiciEventSource } from 'undici';
import { assertNoConnections, keyOf, numbered, openChat, say, type ChatUser } from '../../testing/chat-world.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';
import { until } from '../../testing/until.ts';

const limit = { timeout: 60_000 };

/** What both packages have in common with a browser's. */
interface Source extends EventTarget {
  readonly readyState: number;
  close(): void;
}

type OpenSource = (url: string, user: ChatUser) => Source;

const clients: Readonly<Record<string, OpenSource>> = {
  eventsource: (url, user) =>
    new NpmEventSource(url, {
      fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${keyOf(user)}` } }),
    }),
  undici: (url, user) => {
    const dispatcher = new Agent().compose((dispatch) => (options, handler) => {
      const headers = { ...(options.headers as Record<string, string>), authorization: `Bearer ${keyOf(user)}` };
      return dispatch({ ...options, headers }, handler);
    });
    return new UndiciEventSource(url, { dispatcher });
  },
};

interface Heard {
  readonly id: string;
  readonly json: Readonly<Record<string, unknown>>;
}

function hear(source: Source, type = 'message'): Heard[] {
  const heard: Heard[] = [];
  source.addEventListener(type, (event) => {
    const { lastEventId, data } = event as MessageEvent & { readonly data: string };
    heard.push({ id: lastEventId, json: JSON.parse(data) as Record<string, unknown> });
  });
  return heard;
}

for (const [name, open] of Object.entries(clients)) {
  describe(`the EventSource of ${name}`, () => {
    let world: SluiceFixture;
    const sources: Source[] = [];
    const listen = (path: string, user: ChatUser = 'open'): Source => {
      const source = open(`${world.gateway}${path}`, user);
      sources.push(source);
      return source;
    };

    before(async () => {
      world = await openChat();
    });

    after(async () => {
      for (const source of sources) source.close();
      await assertNoConnections(world);
      await world.stop();
    });

    test('hears messages with their positions as ids', limit, async () => {
      const source = listen('/chat/a/said');
      const heard = hear(source);
      await once(source, 'open');
      const positions = await say(world, '/chat/a/said', [...numbered('', 2), { id: 'text', data: { text: 'a\r\nb\u0000\u2028' } }]);
      await until(
        async () => heard.length === 3,
        () => `it heard ${heard.length} events`,
      );
      assert.deepEqual(
        heard.map(({ id, json }) => [id, json['id'], json['position']]),
        [1, 2, 3].map((n) => [positions[n - 1], n === 3 ? 'text' : `${n}`, positions[n - 1]]),
      );
      assert.deepEqual(heard[2]?.json['data'], { text: 'a\r\nb\u0000\u2028' });
    });

    test('hears events by their type when it asks for that', limit, async () => {
      const source = listen('/chat/b/said?event=type');
      const [heard, others] = [hear(source, 'com.example.said'), hear(source)];
      await once(source, 'open');
      await say(world, '/chat/b/said', numbered('', 1));
      await until(
        async () => heard.length === 1,
        () => 'it heard nothing',
      );
      assert.deepEqual(others, []);
    });

    test('comes back by itself after its time is over and misses nothing', limit, async () => {
      // Its 0.3 seconds may be over before it has heard anything and knows where to go on.
      const source = listen('/chat/c/said?from=earliest', 'brief');
      const [heard, errors] = [hear(source), hear(source, 'sluice.error')];
      let opened = 0;
      source.addEventListener('open', () => (opened += 1));
      await until(
        async () => opened > 0,
        () => 'it did not open',
      );
      await say(world, '/chat/c/said', numbered('', 1));
      await until(
        async () => errors.length > 0,
        () => 'it was not told why it ended',
      );
      assert.equal(errors[0]?.json['code'], 'DURATION_OVER');
      await say(world, '/chat/c/said', numbered('', 2, 2));
      await until(
        async () => opened >= 2 && heard.length === 3,
        () => `it heard ${heard.length} events`,
      );
      assert.deepEqual(
        heard.map(({ json }) => json['id']),
        ['1', '2', '3'],
      );
      source.close();
    });

    test('comes back by itself after a restart and misses nothing', limit, async () => {
      const source = listen('/chat/d/said');
      const heard = hear(source);
      await once(source, 'open');
      await say(world, '/chat/d/said', numbered('', 1));
      await until(
        async () => heard.length === 1,
        () => 'it heard nothing',
      );
      await world.restart({ grace: 1000 });
      await say(world, '/chat/d/said', numbered('', 1, 2));
      await until(
        async () => heard.length === 2,
        () => 'it did not come back',
      );
      assert.deepEqual(
        heard.map(({ json }) => json['id']),
        ['1', '2'],
      );
    });

    test('stops for good when coming back is useless', limit, async () => {
      const client = world.client();
      const source = listen('/chat/e/said', 'patient');
      const errors = hear(source, 'sluice.error');
      await once(source, 'open');
      const { items } = await client.get(['applications', 'patient', 'credentials']);
      for (const { id } of items as { id: string }[]) await client.remove(['applications', 'patient', 'credentials', id]);
      await until(
        async () => errors.length === 1,
        () => 'it was not told',
      );
      assert.equal(errors[0]?.json['code'], 'CREDENTIAL_REVOKED');
      await until(
        async () => source.readyState === 2,
        () => 'it comes back again and again',
      );
    });
  });
}
