import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { opcodes } from '../../protocols/websocket/encode-frame.ts';
import { assertNoConnections, keyOf, numbered, openChat, say, type ChatUser } from '../../testing/chat-world.ts';
import { RawWebSocket } from '../../testing/raw-websocket.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';

const limit = { timeout: 60_000 };

type Json = Readonly<Record<string, unknown>>;

const event = (id: string, more: Json = {}): Json => ({
  specversion: '1.0',
  id,
  source: '/ops',
  type: 'com.example.both',
  data: {},
  ...more,
});

describe('WebSocket operations', () => {
  let world: SluiceFixture;
  const clients: RawWebSocket[] = [];

  before(async () => {
    world = await openChat();
  });

  after(async () => {
    for (const { http } of clients) http.socket.destroy();
    await assertNoConnections(world);
    await world.stop();
  });

  const open = async (
    target: string,
    as: ChatUser | { readonly key: string } = 'open',
    subprotocol = 'sluice.v1.json',
  ): Promise<RawWebSocket> => {
    const key = typeof as === 'string' ? keyOf(as) : as.key;
    const client = new RawWebSocket({
      gateway: world.gateway,
      target,
      headers: { authorization: `Bearer ${key}`, 'sec-websocket-protocol': subprotocol },
    });
    clients.push(client);
    assert.equal((await client.http.head).status, 101);
    return client;
  };
  const nextOp = async (client: RawWebSocket, op: string): Promise<Json> => {
    for (;;) {
      const message = await client.nextJson();
      if (message['op'] === op) return message;
      assert.notEqual(message['op'], 'error', JSON.stringify(message));
    }
  };
  const closing = async (client: RawWebSocket): Promise<{ readonly code: number | undefined; readonly reason: string }> => {
    for (;;) {
      const message = await client.next();
      if (message.kind === 'close') return message;
    }
  };

  test('publish is answered with the position once durable', limit, async () => {
    const client = await open('/chat/a/asked');
    client.say({ op: 'publish', ref: 'r-1', event: event('1', { type: 'com.example.asked', data: { n: 1 } }) });
    const answer = await client.nextJson();
    assert.deepEqual({ ...answer, positions: 1 }, { op: 'accepted', ref: 'r-1', positions: 1, duplicates: 0 });
    const response = await fetch(`${world.gateway}/chat/a/asked?from=earliest`, { headers: { 'x-api-key': keyOf('provider') } });
    assert.deepEqual(
      ((await response.json()) as Json[]).map(({ position }) => position),
      answer['positions'],
    );
  });

  test('publish takes many events, and a pattern connection names the address', limit, async () => {
    const client = await open('/chat/*/both');
    client.say({ op: 'publish', ref: 2, address: 'b/both', events: [event('b1'), event('b2'), event('b1')] });
    const answer = await nextOp(client, 'accepted');
    assert.equal((answer['positions'] as string[]).length, 3);
    assert.equal(answer['duplicates'], 1);
    client.say({ op: 'publish', ref: 3, events: [event('b3')] });
    assert.deepEqual(await errorOf(client), [3, 'BAD_REQUEST']);
  });

  test('what is published without waiting keeps its order, also behind what is repeated', limit, async () => {
    const client = await open('/chat/order/asked');
    const of = (n: number) => event(`${n}`, { type: 'com.example.asked', data: { n } });
    client.say({ op: 'publish', events: [of(0)] });
    await nextOp(client, 'accepted');
    const count = 60;
    for (let n = 1; n <= count; n += 1) client.say({ op: 'publish', ref: n, events: n % 3 === 1 ? [of(n - 1), of(n)] : [of(n)] });
    for (let n = 1; n <= count; n += 1) assert.equal((await nextOp(client, 'accepted'))['ref'], n);
    const response = await fetch(`${world.gateway}/chat/order/asked?from=earliest`, { headers: { 'x-api-key': keyOf('provider') } });
    assert.deepEqual(
      ((await response.json()) as { readonly data: { readonly n: number } }[]).map(({ data }) => data.n),
      Array.from({ length: count + 1 }, (_, n) => n),
    );
  });

  test('answers come in the order of the questions', limit, async () => {
    const client = await open('/chat/c/asked');
    const refs = Array.from({ length: 300 }, (_, n) => n);
    for (const ref of refs) {
      const data = ref % 7 === 0 ? {} : { n: ref };
      client.say({ op: 'publish', ref, event: event(`c${ref}`, { type: 'com.example.asked', data }) });
    }
    const answers: Json[] = [];
    while (answers.length < refs.length) answers.push(await client.nextJson());
    assert.deepEqual(
      answers.map(({ ref }) => ref),
      refs,
    );
    assert.deepEqual(
      answers.filter(({ op }) => op === 'error').map(({ ref }) => ref),
      refs.filter((ref) => ref % 7 === 0),
    );
    const positions = answers.flatMap((answer) => (answer['positions'] ?? []) as string[]);
    const response = await fetch(`${world.gateway}/chat/c/asked?from=earliest&limit=1000`, { headers: { 'x-api-key': keyOf('provider') } });
    assert.deepEqual(
      ((await response.json()) as Json[]).map(({ position }) => position),
      positions,
    );
  });

  async function errorOf(client: RawWebSocket): Promise<readonly unknown[]> {
    for (;;) {
      const { op, ref, problem } = await client.nextJson();
      if (op === 'error') return [ref, (problem as Json)['code']];
      assert.equal(op, 'event');
    }
  }

  const wrong: readonly [string, unknown, unknown, string][] = [
    ['what is no JSON', 'hello', undefined, 'BAD_REQUEST'],
    ['what is no object', '[]', undefined, 'BAD_REQUEST'],
    ['an object without op', { ref: 5 }, 5, 'BAD_REQUEST'],
    ['an op that is none', { op: 'fly', ref: 'x' }, 'x', 'BAD_REQUEST'],
    ['a member that does not belong', { op: 'limits', position: 'a' }, undefined, 'BAD_REQUEST'],
    ['an event that is none', { op: 'publish', ref: 1, event: { a: 1 } }, 1, 'INVALID_EVENT'],
    ['a type the contract does not have', { op: 'publish', ref: 1, event: event('w', { type: 'nobody.knows' }) }, 1, 'EVENT_REJECTED'],
    ['an address where it may not publish', { op: 'publish', ref: 1, address: 'w/said', event: event('w') }, 1, 'FORBIDDEN'],
    ['an address there is not', { op: 'publish', ref: 1, address: 'w/whispered', event: event('w') }, 1, 'CHANNEL_NOT_FOUND'],
    ['more than 1000 events', { op: 'publish', ref: 1, events: Array.from({ length: 1001 }, (_, n) => event(`${n}`)) }, 1, 'INVALID_EVENT'],
    ['an ack of no position', { op: 'ack', position: '?' }, undefined, 'BAD_REQUEST'],
    ['an ack of what was not delivered yet', { op: 'ack', position: 'zzzzzz-5' }, undefined, 'BAD_REQUEST'],
    ['a renewal with an unknown key', { op: 'renew', credential: 'nobody' }, undefined, 'UNAUTHENTICATED'],
    ['a renewal with the key of another application', { op: 'renew', credential: keyOf('tiny') }, undefined, 'FORBIDDEN'],
    ['JSON nested 100,000 deep', `{"op":"publish","event":{"data":${'['.repeat(100_000)}`, undefined, 'BAD_REQUEST'],
  ];
  for (const [name, message, ref, code] of wrong) {
    test(`answers ${name} with ${code}, and the connection goes on`, limit, async () => {
      const client = await open('/chat/w/both');
      client.say(message);
      assert.deepEqual(await errorOf(client), [ref, code]);
      client.say({ op: 'limits' });
      assert.equal((await client.nextJson())['op'], 'limits');
    });
  }

  test('publish takes an event as large as the API allows, also in base64', limit, async () => {
    const most = 8 * 1024 * 1024;
    const large = (bytes: number): Json => {
      const data = { data_base64: Buffer.alloc(bytes, 7).toString('base64') };
      return { specversion: '1.0', id: `${bytes}`, source: '/ops', type: 'com.example.raw', ...data };
    };
    const client = await open('/chat/large/raw', 'provider');
    client.say({ op: 'publish', ref: 1, event: large(most) });
    assert.equal((await client.nextJson())['op'], 'accepted');
    client.say({ op: 'publish', ref: 2, event: large(most + 1) });
    assert.deepEqual(await errorOf(client), [2, 'TOO_LARGE']);
    client.say({ op: 'publish', ref: 3, event: large(most + 1024 * 1024) });
    assert.equal((await closing(client)).code, 1009);
  });

  test('limits tells what is left', limit, async () => {
    const client = await open('/chat/l/both', 'talker');
    client.say({ op: 'limits' });
    const [before] = (await nextOp(client, 'limits'))['limits'] as Json[];
    client.say({ op: 'publish', ref: 1, event: event('l1') });
    client.say({ op: 'publish', ref: 2, event: event('l2') });
    client.say({ op: 'publish', ref: 3, event: event('l3') });
    await nextOp(client, 'accepted');
    await nextOp(client, 'accepted');
    const refusal = await (async () => {
      for (;;) {
        const message = await client.nextJson();
        if (message['op'] === 'error') return message;
      }
    })();
    assert.deepEqual([before?.['limit'], before?.['counts'], before?.['quota'], before?.['remaining']], ['eventCount', 'publish', 2, 2]);
    assert.equal(refusal['ref'], 3);
    assert.equal((refusal['problem'] as Json)['code'], 'LIMIT_REACHED');
    assert.ok(Number((refusal['problem'] as Json)['retryAfter']) > 0);
  });

  test('renew goes on under a rotated key after the old one is revoked', limit, async () => {
    const path = ['applications', 'patient', 'credentials'];
    const management = world.client();
    const old = await management.post(path, { kind: 'api-key' });
    const client = await open('/chat/r/said', { key: String(old['value']) });
    const fresh = await management.post([...path, String(old['id']), 'rotate'], { overlap: '1h' });
    client.say({ op: 'renew', credential: String(fresh['value']) });
    assert.equal((await client.nextJson())['op'], 'renewed');
    await management.remove([...path, String(old['id'])]);
    await say(world, '/chat/r/said', numbered('', 1));
    assert.equal(((await nextOp(client, 'event'))['event'] as Json)['id'], '1');
    await management.remove([...path, String(fresh['id'])]);
    assert.equal((await closing(client)).code, 4401);
  });

  test('an event comes as an operation, with its position in it', limit, async () => {
    const client = await open('/chat/e/said');
    const [position] = await say(world, '/chat/e/said', numbered('', 1));
    const message = await client.nextJson();
    assert.deepEqual(Object.keys(message), ['op', 'event']);
    assert.equal((message['event'] as Json)['position'], position);
  });

  test('a reader name that another connection takes over is told with 4409', limit, async () => {
    const first = await open('/chat/t/said?reader=one');
    await open('/chat/t/said?reader=one');
    assert.equal((await closing(first)).code, 4409);
  });

  const endings: readonly [string, string, number][] = [
    ['a lost position', '/chat/x/said?from=zzzzzz-1', 4410],
    ['a filter that is none', '/chat/x/said?filter=(', 4400],
    ['a reader name that is none', '/chat/x/said?reader=a%20b', 4400],
  ];
  for (const [name, target, code] of endings) {
    test(`tells of ${name} with ${code}, the reason led by its code`, limit, async () => {
      const { code: told, reason } = await closing(await open(target));
      assert.equal(told, code);
      assert.match(reason, /^[A-Z_]+: /);
      assert.ok(Buffer.byteLength(reason) <= 123);
    });
  }

  test('a binary message ends it with 4400', limit, async () => {
    const client = await open('/chat/x/both');
    client.send(opcodes.binary, '{}');
    assert.equal((await closing(client)).code, 4400);
  });

  test('without operations, one event a frame both ways, errors as events of their own type', limit, async () => {
    const client = await open('/chat/p/both', 'open', 'cloudevents.json');
    client.say(event('p1'));
    assert.equal((await client.nextJson())['id'], 'p1');
    client.say({ specversion: '1.0' });
    const problem = await client.nextJson();
    assert.equal(problem['type'], 'dev.sluice.error');
    assert.equal((problem['data'] as Json)['code'], 'INVALID_EVENT');
    client.say([event('p2')]);
    assert.equal(((await client.nextJson())['data'] as Json)['code'], 'INVALID_EVENT');
  });
});
