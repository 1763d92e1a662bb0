import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { CallOptions } from './control-fixture.ts';
import { ControlFixture, ordersContract } from './control-fixture.ts';
import { exportConfig } from './export-config.ts';

type Case = readonly [what: string, method: string, path: string, options: CallOptions, status: number, code: string];

const api = (more: object) => ({ body: { name: 'x', contract: ordersContract, ...more } });
const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

const cases: readonly Case[] = [
  ['broken JSON', 'POST', '/apis', { raw: '{"name": ' }, 400, 'BAD_REQUEST'],
  ['JSON with a comma too many', 'POST', '/applications', { raw: '{"name": "x",}' }, 400, 'BAD_REQUEST'],
  ['two JSON texts', 'POST', '/applications', { raw: '{"name":"x"}{"name":"y"}' }, 400, 'BAD_REQUEST'],
  ['bytes that are no text', 'POST', '/applications', { raw: new Uint8Array([0xff, 0xfe, 0xfd]) }, 400, 'BAD_REQUEST'],
  ['a body that is a list', 'POST', '/applications', { body: [] }, 400, 'BAD_REQUEST'],
  ['a body that is a number', 'POST', '/applications', { body: 5 }, 400, 'BAD_REQUEST'],
  ['a body that is a text', 'POST', '/applications', { body: 'name' }, 400, 'BAD_REQUEST'],
  ['a body that is null', 'POST', '/applications', { body: null }, 400, 'BAD_REQUEST'],
  ['no body where one is needed', 'POST', '/applications', {}, 400, 'BAD_REQUEST'],
  ['an empty JSON body', 'POST', '/applications', { raw: '', headers: { 'content-type': 'application/json' } }, 400, 'BAD_REQUEST'],
  ['a prototype in the body', 'POST', '/applications', { raw: '{"name":"x","__proto__":{"admin":true}}' }, 400, 'BAD_REQUEST'],
  ['a prototype deep in the body', 'POST', '/apply', { raw: '{"config":{"apis":{"__proto__":{"contract":{}}}}}' }, 400, 'BAD_REQUEST'],
  [
    'a constructor with a prototype',
    'POST',
    '/apply',
    { raw: '{"config":{"apis":{"constructor":{"prototype":{"x":1}}}}}' },
    400,
    'BAD_REQUEST',
  ],
  ['an API of a common method name', 'POST', '/apply', { raw: '{"config":{"apis":{"toString":5}}}' }, 422, 'INVALID_CONFIGURATION'],
  ['nesting without end', 'POST', '/apply', { raw: `{"config": ${deep(100_000)}}` }, 422, 'INVALID_CONFIGURATION'],
  [
    'nesting in a backbone',
    'POST',
    '/plan',
    { raw: `{"config": {"backbones": {"main": {"kind": "kafak", "x": ${deep(100_000)}}}}}` },
    422,
    'INVALID_CONFIGURATION',
  ],
  ['a body of 5 MiB', 'POST', '/applications', { raw: `{"name": "${'x'.repeat(5 * 1024 * 1024)}"}` }, 413, 'TOO_LARGE'],
  ['a contract of 3 MiB', 'POST', '/apis', api({ contract: { name: 'a', text: 'x'.repeat(3 * 1024 * 1024) } }), 400, 'BAD_REQUEST'],
  ['a contract that is binary', 'POST', '/apis', api({ contract: { name: 'a', text: '\u0000\u0001' } }), 400, 'BAD_REQUEST'],
  [
    'a contract that doubles itself',
    'POST',
    '/apis',
    api({
      contract: {
        name: 'a',
        text: `a: &a [x]\n${Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [*${i === 0 ? 'a' : `b${i - 1}`},*${i === 0 ? 'a' : `b${i - 1}`}]`).join('\n')}`,
      },
    }),
    422,
    'INVALID_CONTRACT',
  ],
  [
    'a contract that reads a file',
    'POST',
    '/apis',
    api({ contract: { name: 'a', text: 'asyncapi: 3.0.0\ninfo: { title: a, version: "1" }\nchannels: { a: { $ref: "/etc/passwd" } }' } }),
    422,
    'INVALID_CONTRACT',
  ],
  ['XML', 'POST', '/applications', { raw: '<name/>', headers: { 'content-type': 'application/xml' } }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
  [
    'a form',
    'POST',
    '/applications',
    { raw: 'name=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  ],
  [
    'plain text',
    'POST',
    '/applications',
    { raw: '{"name":"x"}', headers: { 'content-type': 'text/plain' } },
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  ],
  ['a type that is none', 'POST', '/applications', { raw: '{}', headers: { 'content-type': ';;;' } }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ['a name that goes up', 'POST', '/applications', { body: { name: '../../etc/passwd' } }, 400, 'BAD_REQUEST'],
  ['a name of dots', 'POST', '/applications', { body: { name: '..' } }, 400, 'BAD_REQUEST'],
  ['a name with a NUL', 'POST', '/applications', { body: { name: 'a\u0000b' } }, 400, 'BAD_REQUEST'],
  ['a name in Unicode', 'POST', '/applications', { body: { name: 'приложение' } }, 400, 'BAD_REQUEST'],
  ['a name that reads backwards', 'POST', '/applications', { body: { name: 'a\u202eb' } }, 400, 'BAD_REQUEST'],
  ['an empty name', 'POST', '/applications', { body: { name: '' } }, 400, 'BAD_REQUEST'],
  ['a name too long', 'POST', '/applications', { body: { name: 'a'.repeat(64) } }, 400, 'BAD_REQUEST'],
  ['a name that is a list', 'POST', '/applications', { body: { name: ['x'] } }, 400, 'BAD_REQUEST'],
  ['a name that is a number', 'POST', '/applications', { body: { name: 1e308 } }, 400, 'BAD_REQUEST'],
  ['an owner with half a surrogate', 'POST', '/applications', { raw: '{"name":"x","owner":"\\ud800"}' }, 400, 'BAD_REQUEST'],
  ['an owner too long', 'POST', '/applications', { body: { name: 'x', owner: 'o'.repeat(201) } }, 400, 'BAD_REQUEST'],
  ['an unknown member', 'POST', '/applications', { body: { name: 'x', admin: true } }, 400, 'BAD_REQUEST'],
  ['a kind of its own', 'POST', '/apis', api({ lifecycle: 'eternal' }), 400, 'BAD_REQUEST'],
  ['a path that goes up', 'POST', '/apis', api({ path: '/../admin' }), 400, 'BAD_REQUEST'],
  ['a path with an escape', 'POST', '/apis', api({ path: '/%2e%2e' }), 400, 'BAD_REQUEST'],
  ['a path that is all', 'POST', '/apis', api({ path: '/' }), 400, 'BAD_REQUEST'],
  ['a negative retention', 'POST', '/apis', api({ retention: { age: -5 } }), 400, 'BAD_REQUEST'],
  ['an endless retention', 'POST', '/apis', api({ retention: { age: 1e300 } }), 400, 'BAD_REQUEST'],
  [
    '101 origins',
    'POST',
    '/apis',
    api({ cors: { origins: Array.from({ length: 101 }, (_, i) => `https://${i}.example`) } }),
    400,
    'BAD_REQUEST',
  ],
  ['an origin that splits a header', 'POST', '/apis', api({ cors: { origins: ['https://a\r\nx: y'] } }), 400, 'BAD_REQUEST'],
  ['a name in the URL that goes up', 'GET', '/apis/..%2f..%2fetc', {}, 400, 'BAD_REQUEST'],
  ['a name in the URL with a NUL', 'GET', '/apis/a%00b', {}, 400, 'BAD_REQUEST'],
  ['a prototype in the URL', 'GET', '/apis/__proto__', {}, 400, 'BAD_REQUEST'],
  ['a method of objects in the URL', 'GET', '/apis/constructor', {}, 404, 'NOT_FOUND'],
  ['an id of another kind', 'GET', '/subscriptions/__proto__', {}, 404, 'NOT_FOUND'],
  ['a broken escape in the URL', 'GET', '/apis/%zz', {}, 400, 'BAD_REQUEST'],
  ['a segment too long', 'GET', `/apis/${'a'.repeat(300)}`, {}, 414, 'URI_TOO_LONG'],
  ['a head too large', 'GET', '/apis', { headers: { 'x-large': 'x'.repeat(20_000) } }, 431, 'HEADERS_TOO_LARGE'],
  ['a URL too large', 'GET', `/apis?after=${'a'.repeat(20_000)}`, {}, 431, 'HEADERS_TOO_LARGE'],
  ['a limit of nothing', 'GET', '/apis?limit=0', {}, 400, 'BAD_REQUEST'],
  ['a limit too high', 'GET', '/apis?limit=1001', {}, 400, 'BAD_REQUEST'],
  ['a limit in hex', 'GET', '/apis?limit=0x10', {}, 400, 'BAD_REQUEST'],
  ['a limit twice', 'GET', '/apis?limit=1&limit=2', {}, 400, 'BAD_REQUEST'],
  ['a cursor that is none', 'GET', '/apis?after=*', {}, 400, 'BAD_REQUEST'],
  ['an unknown parameter', 'GET', '/apis?lmit=1', {}, 400, 'BAD_REQUEST'],
  ['a prototype as parameter', 'GET', '/apis?__proto__[x]=1', {}, 400, 'BAD_REQUEST'],
  ['a sequence number beyond numbers', 'GET', '/audit?before=99999999999999999999', {}, 400, 'BAD_REQUEST'],
  ['SQL in a filter', 'GET', "/audit?name=x'%20OR%201=1--", {}, 200, ''],
  ['an actor that splits a line', 'POST', '/apply', { body: { config: {}, actor: 'admin\nroot' } }, 400, 'BAD_REQUEST'],
  ['prune as a text', 'POST', '/apply', { body: { config: {}, prune: 'yes' } }, 400, 'BAD_REQUEST'],
  ['no configuration', 'POST', '/apply', { body: {} }, 400, 'BAD_REQUEST'],
  ['an unknown URL', 'GET', '/nothing', {}, 404, 'NOT_FOUND'],
  ['a method that is not offered', 'PATCH', '/apis', {}, 405, 'METHOD_NOT_ALLOWED'],
  [
    'an If-Match that is enormous',
    'DELETE',
    '/apis/orders',
    { ifMatch: Array.from({ length: 1000 }, () => '"0"').join(',') },
    412,
    'PRECONDITION_FAILED',
  ],
  ['no token', 'GET', '/apis', { token: undefined }, 401, 'UNAUTHENTICATED'],
  ['no token, and a large body', 'POST', '/apis', { token: undefined, raw: 'x'.repeat(1024 * 1024) }, 401, 'UNAUTHENTICATED'],
  ['a token that is too long', 'GET', '/apis', { token: 'x'.repeat(5000) }, 401, 'UNAUTHENTICATED'],
  [
    'a password instead of a token',
    'GET',
    '/apis',
    { token: undefined, headers: { authorization: 'Basic YWRtaW46YWRtaW4=' } },
    401,
    'UNAUTHENTICATED',
  ],
];

describe('Hostile requests to the management API', () => {
  let control: ControlFixture;
  let before_: string;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
    before_ = JSON.stringify(exportConfig(control.store, control.clock.now()));
  });
  after(() => control.stop());

  for (const [what, method, path, options, status, code] of cases) {
    it(`${what}: ${status} ${code}`, async () => {
      const reply = await control.call(method, path, options);
      assert.equal(reply.status, status, reply.text.slice(0, 300));
      if (status < 400) return;
      assert.equal(reply.headers.get('content-type'), 'application/problem+json');
      assert.equal(reply.json.code, code, reply.text.slice(0, 300));
      assert.ok(reply.json.detail.length > 10 && reply.text.length < 20_000, reply.text.slice(0, 300));
      assert.doesNotMatch(reply.text, /at .*\.ts:|node_modules|SQLITE/);
    });
  }

  const broken: readonly (readonly [what: string, bytes: string, status: number])[] = [
    ['no HTTP at all', '\u0016\u0003\u0001\u0002\u0000\r\n\r\n', 400],
    ['a method that is none', 'FETCH /api/v1/apis HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    ['two lengths', 'POST /api/v1/apis HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!', 400],
    [
      'a length and chunks',
      'POST /api/v1/apis HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['a header without a name', 'GET /healthz HTTP/1.1\r\nhost: x\r\n: y\r\n\r\n', 400],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
  ];
  for (const [what, bytes, status] of broken) {
    it(`${what}: ${status}, and the connection ends`, async () => {
      const answer = await send(control.url, bytes);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    });
  }

  it('left everything as it was, and a well-behaved neighbour is served', async () => {
    assert.equal(JSON.stringify(exportConfig(control.store, control.clock.now())), before_);
    await control.expect(200, 'GET', '/apis');
    assert.deepEqual(control.logged, []);
    assert.equal(({} as Record<string, unknown>)['admin'], undefined);
  });
});

async function send(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.setTimeout(30_000, () => socket.destroy());
  socket.write(bytes, 'latin1');
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}
