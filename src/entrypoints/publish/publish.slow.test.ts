import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { keyOf, openChat } from '../../testing/chat-world.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';

const limit = { timeout: 60_000 };

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

describe('publishing', () => {
  let world: SluiceFixture;

  before(async () => {
    world = await openChat();
  });

  after(() => world.stop());

  const post = async (
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string | Uint8Array<ArrayBuffer> = '',
  ): Promise<Answer> => {
    const response = await fetch(`${world.gateway}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keyOf('open')}`, ...headers },
      body,
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
  };
  const stored = async (path: string): Promise<readonly Readonly<Record<string, unknown>>[]> => {
    const response = await fetch(`${world.gateway}${path}?from=earliest`, { headers: { 'x-api-key': keyOf('open') } });
    return (await response.json()) as Record<string, unknown>[];
  };
  const event = (id: string, more: Readonly<Record<string, unknown>> = {}): string =>
    JSON.stringify({ specversion: '1.0', id, source: '/publishing', type: 'com.example.both', ...more });
  const binary = { 'ce-specversion': '1.0', 'ce-source': '/publishing', 'ce-type': 'com.example.both' };

  test('takes an event in structured mode', limit, async () => {
    const answer = await post(
      '/chat/structured/both',
      { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
      event('s1', { data: { a: 1 }, subject: 'x', traceid: 't' }),
    );
    assert.equal(answer.status, 202);
    assert.equal(answer.body['accepted'], 1);
    const [kept] = await stored('/chat/structured/both');
    const [position] = answer.body['positions'] as string[];
    assert.deepEqual(kept, { ...(JSON.parse(event('s1', { data: { a: 1 }, subject: 'x', traceid: 't' })) as object), position });
  });

  test('takes an event in binary mode, its attributes percent-decoded', limit, async () => {
    const answer = await post(
      '/chat/binary/both',
      { ...binary, 'ce-id': 'b1', 'ce-subject': 'gr%C3%BCn', 'content-type': 'application/json' },
      '{"a":1}',
    );
    assert.equal(answer.status, 202);
    const [kept] = await stored('/chat/binary/both');
    assert.deepEqual([kept?.['id'], kept?.['subject'], kept?.['data']], ['b1', 'grün', { a: 1 }]);
  });

  test('takes a batch as a whole, in order', limit, async () => {
    const batch = `[${Array.from({ length: 50 }, (_, n) => event(`batch-${n}`, { data: { n } })).join(',')}]`;
    const answer = await post('/chat/batch/both', { 'content-type': 'application/cloudevents-batch+json' }, batch);
    assert.equal(answer.body['accepted'], 50);
    assert.equal(new Set(answer.body['positions'] as string[]).size, 50);
    const kept = await stored('/chat/batch/both');
    assert.deepEqual(
      kept.map(({ position }) => position),
      answer.body['positions'],
    );
  });

  test('takes an empty batch, which changes nothing', limit, async () => {
    const answer = await post('/chat/empty/both', { 'content-type': 'application/cloudevents-batch+json' }, '[]');
    assert.deepEqual([answer.status, answer.body['accepted'], answer.body['positions']], [202, 0, []]);
  });

  test('takes plain JSON, which the contract completes', limit, async () => {
    const answer = await post('/chat/plain/both', { 'content-type': 'application/json' }, '{"a":1}');
    assert.equal(answer.status, 202);
    const [kept] = await stored('/chat/plain/both');
    assert.deepEqual(
      [kept?.['type'], kept?.['source'], kept?.['data'], kept?.['datacontenttype']],
      ['com.example.both', '/chat', { a: 1 }, 'application/json'],
    );
    assert.match(String(kept?.['id']), /^[0-9a-f-]{36}$/);
  });

  test('accepts a repeated source and id once and answers with the first position', limit, async () => {
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    const first = await post('/chat/twice/both', headers, `[${event('t1', { data: {} })},${event('t2', { data: {} })}]`);
    const again = await post(
      '/chat/twice/both',
      headers,
      `[${event('t2', { data: {} })},${event('t3', { data: {} })},${event('t1', { data: {} })}]`,
    );
    const [one, two] = first.body['positions'] as string[];
    assert.deepEqual([again.body['accepted'], again.body['duplicates']], [1, 2]);
    assert.deepEqual([(again.body['positions'] as string[])[0], (again.body['positions'] as string[])[2]], [two, one]);
    assert.deepEqual(
      (await stored('/chat/twice/both')).map(({ id }) => id),
      ['t1', 't2', 't3'],
    );
  });

  test('takes none of a batch of which one event breaks the contract, and names the place', limit, async () => {
    const batch = `[${event('ok', { type: 'com.example.asked', data: { n: 1 } })},${event('bad', { type: 'com.example.asked', data: {} })}]`;
    const answer = await post('/chat/broken/asked', { 'content-type': 'application/cloudevents-batch+json' }, batch);
    assert.deepEqual([answer.status, answer.body['code']], [422, 'EVENT_REJECTED']);
    const [violation] = answer.body['violations'] as Record<string, unknown>[];
    assert.equal(violation?.['index'], 1);
    const provider = await fetch(`${world.gateway}/chat/broken/asked?from=earliest`, { headers: { 'x-api-key': keyOf('provider') } });
    assert.deepEqual(await provider.json(), []);
  });

  test('takes an event as large as the API allows, also in base64, and not a byte more', limit, async () => {
    const most = 8 * 1024 * 1024;
    const data = (bytes: number): string => Buffer.alloc(bytes, 7).toString('base64');
    const raw = (id: string, bytes: number): string =>
      JSON.stringify({ specversion: '1.0', id, source: '/publishing', type: 'com.example.raw', data_base64: data(bytes) });
    const headers = { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${keyOf('provider')}` };
    assert.equal((await post('/chat/large/raw', headers, raw('just', most))).status, 202);
    const answer = await post('/chat/large/raw', headers, raw('over', most + 1));
    assert.deepEqual([answer.status, answer.body['code'], answer.body['maxEventBytes']], [413, 'TOO_LARGE', most]);
  });

  test('takes attributes as long as a request can have them in its headers, in whatever form, and no longer', limit, async () => {
    const headers = { 'content-type': 'application/cloudevents+json' };
    const asked = (id: string, extra: object): string => event(id, { type: 'com.example.asked', data: { n: 1 }, ...extra });
    assert.equal((await post('/chat/wordy/asked', headers, asked('just', { subject: 'x'.repeat(16_000) }))).status, 202);
    for (const extra of [{ subject: 'x'.repeat(16_385) }, { mine: 'x'.repeat(8_200), yours: 'x'.repeat(8_200) }]) {
      const answer = await post('/chat/wordy/asked', headers, asked('over', extra));
      assert.deepEqual([answer.status, answer.body['code'], answer.body['maxAttributeCharacters']], [413, 'TOO_LARGE', 16_384]);
    }
    const kept = await fetch(`${world.gateway}/chat/wordy/asked?from=earliest`, { headers: { 'x-api-key': keyOf('provider') } });
    assert.deepEqual(
      ((await kept.json()) as { id: string }[]).map(({ id }) => id),
      ['just'],
    );
  });

  test('does not let a client publish where the provider only sends', limit, async () => {
    const answer = await post(
      '/chat/mine/said',
      { 'content-type': 'application/cloudevents+json' },
      event('x', { type: 'com.example.said', data: {} }),
    );
    assert.deepEqual([answer.status, answer.body['code']], [403, 'FORBIDDEN']);
  });

  test('tells a limit with what is left and when to come back', limit, async () => {
    const talker = { authorization: `Bearer ${keyOf('talker')}`, 'content-type': 'application/cloudevents+json' };
    const first = await post('/chat/talk/both', talker, event('1', { data: {} }));
    assert.match(String(first.headers.get('ratelimit')), /^"eventCount-publish";r=1;t=\d+$/);
    assert.match(String(first.headers.get('ratelimit-policy')), /^"eventCount-publish";q=2;w=\d+$/);
    await post('/chat/talk/both', talker, event('2', { data: {} }));
    const over = await post('/chat/talk/both', talker, event('3', { data: {} }));
    assert.deepEqual([over.status, over.body['code']], [429, 'LIMIT_REACHED']);
    assert.match(String(over.headers.get('ratelimit')), /^"eventCount-publish";r=0;t=\d+$/);
    assert.ok(Number(over.headers.get('retry-after')) > 0);
    assert.deepEqual(
      (await stored('/chat/talk/both')).map(({ id }) => id),
      ['1', '2'],
    );
  });

  const json = 'application/json';
  const structured = 'application/cloudevents+json';
  const batch = 'application/cloudevents-batch+json';
  const refused: readonly [string, number, string, Readonly<Record<string, string>>, (string | Uint8Array<ArrayBuffer>)?][] = [
    ['an empty body', 400, 'INVALID_EVENT', { 'content-type': json }],
    ['an empty structured body', 400, 'INVALID_EVENT', { 'content-type': structured }],
    ['JSON that is cut', 400, 'INVALID_EVENT', { 'content-type': structured }, '{"specversion":"1.0",'],
    ['JSON behind JSON', 400, 'INVALID_EVENT', { 'content-type': structured }, `${event('x')}{}`],
    ['a byte order mark', 400, 'INVALID_EVENT', { 'content-type': structured }, `\ufeff${event('x')}`],
    ['bytes that are no UTF-8', 400, 'INVALID_EVENT', { 'content-type': structured }, Buffer.from([0x7b, 0xff, 0x7d])],
    ['JSON nested 100,000 deep', 400, 'INVALID_EVENT', { 'content-type': structured }, `{"data":${'['.repeat(100_000)}`],
    ['an array where one event is due', 400, 'INVALID_EVENT', { 'content-type': structured }, `[${event('x')}]`],
    ['one event where a batch is due', 400, 'INVALID_EVENT', { 'content-type': batch }, event('x')],
    [
      'a batch of more than 10,000',
      400,
      'INVALID_EVENT',
      { 'content-type': batch },
      `[${Array.from({ length: 10_001 }, (_, n) => event(`m${n}`)).join(',')}]`,
    ],
    ['a batch with one that is no event', 400, 'INVALID_EVENT', { 'content-type': batch }, `[${event('x')},{"a":1}]`],
    ['an event without an id', 400, 'INVALID_EVENT', { 'content-type': structured }, '{"specversion":"1.0","source":"/a","type":"b"}'],
    ['an event with an empty id', 400, 'INVALID_EVENT', { 'content-type': structured }, event('')],
    ['a specversion of the past', 400, 'INVALID_EVENT', { 'content-type': structured }, event('x').replace('1.0', '0.3')],
    ['an attribute in capitals', 400, 'INVALID_EVENT', { 'content-type': structured }, event('x', { TraceId: 'a' })],
    ['an attribute that is an object', 400, 'INVALID_EVENT', { 'content-type': structured }, event('x', { trace: {} })],
    ['data twice', 400, 'INVALID_EVENT', { 'content-type': structured }, event('x', { data: 1, data_base64: 'AA==' })],
    ['base64 that is none', 400, 'INVALID_EVENT', { 'content-type': structured }, event('x', { data_base64: '?' })],
    ['a time that is none', 400, 'INVALID_EVENT', { 'content-type': structured }, event('x', { time: 'yesterday' })],
    ['a type the contract does not have', 422, 'EVENT_REJECTED', { 'content-type': structured }, event('x', { type: 'nobody.knows' })],
    ['data that breaks the schema', 422, 'EVENT_REJECTED', { 'content-type': json }, '[]'],
    ['plain JSON that is none', 400, 'INVALID_EVENT', { 'content-type': json }, 'hello'],
    ['binary mode without an id', 400, 'INVALID_EVENT', { ...binary, 'content-type': json }, '{}'],
    [
      'binary mode with a broken encoding',
      400,
      'INVALID_EVENT',
      { ...binary, 'ce-id': 'x', 'ce-subject': '%zz', 'content-type': json },
      '{}',
    ],
    ['another format of CloudEvents', 415, 'UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'application/cloudevents+avro' }, 'x'],
    ['text without ce headers', 415, 'UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'text/plain' }, 'x'],
    ['a form', 415, 'UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'application/x-www-form-urlencoded' }, 'a=b'],
    ['a media type that is none', 415, 'UNSUPPORTED_MEDIA_TYPE', { 'content-type': ';;;' }, 'x'],
    ['deflate', 415, 'UNSUPPORTED_MEDIA_TYPE', { 'content-type': json, 'content-encoding': 'deflate' }, 'x'],
    ['an Ack without a reader', 400, 'INVALID_EVENT', { 'content-type': json, ack: 'aaaaaa-1' }],
  ];
  for (const [name, status, code, headers, body] of refused) {
    test(`refuses ${name} with ${status} ${code}`, limit, async () => {
      const answer = await post('/chat/refused/both', headers, body);
      assert.deepEqual([answer.status, answer.body['code']], [status, code]);
      assert.match(String(answer.body['detail']), /\.$/);
      assert.ok(JSON.stringify(answer.body).length < 4000, 'the answer is as long as the question');
    });
  }

  test('keeps nothing of what it refused', limit, async () => {
    assert.deepEqual(await stored('/chat/refused/both'), []);
  });

  test('refuses to publish to a pattern', limit, async () => {
    const answer = await post('/chat/*/both', { 'content-type': structured }, event('x', { data: {} }));
    assert.deepEqual([answer.status, answer.body['code']], [400, 'BAD_REQUEST']);
  });

  const confirmations: readonly [string, string, number, Readonly<Record<string, string>>, string?][] = [
    ['without a position', 'r', 400, {}],
    ['with a body', 'r', 400, { ack: 'aaaaaa-1' }, 'x'],
    ['under a name that is none', 'a b', 400, { ack: 'aaaaaa-1' }],
    ['of a position that is none', 'r', 400, { ack: 'nonsense!' }],
    ['of a position of another log', 'r', 410, { ack: 'zzzzzz-1' }],
  ];
  for (const [name, reader, status, headers, body] of confirmations) {
    test(`refuses a confirmation ${name}`, limit, async () => {
      const answer = await post(`/chat/confirm/both?reader=${encodeURIComponent(reader)}`, headers, body);
      assert.equal(answer.status, status);
    });
  }

  test('refuses to confirm for a reader that has never read', limit, async () => {
    const { body } = await post('/chat/confirm/both', { 'content-type': structured }, event('c1', { data: {} }));
    const [position = ''] = body['positions'] as string[];
    const answer = await post('/chat/confirm/both?reader=nobody', { ack: position });
    assert.deepEqual([answer.status, answer.body['code']], [404, 'NOT_FOUND']);
  });
});
