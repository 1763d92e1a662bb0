import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeBinary, decodeHeaderValue, decodePlain, hasEventHeaders } from './binary.ts';
import type { EventHeaders } from './binary.ts';
import { encodeBinaryHeaders } from './encode.ts';

const required = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' };
const body = Buffer.from('{"a":1}');

function refuses(headers: EventHeaders, path: string, reason?: RegExp, bytes = body): void {
  assert.throws(
    () => decodeBinary({ ...required, ...headers }, bytes),
    { name: 'CloudEventError', path, ...(reason === undefined ? {} : { message: reason }) },
    JSON.stringify(headers),
  );
}

describe('binary content mode', () => {
  it('reads attributes from headers and the data from the body', () => {
    const event = decodeBinary(
      {
        ...required,
        'ce-subject': 'Euro%20%E2%82%AC%20%F0%9F%98%80',
        'ce-ext': ['x'],
        'content-type': 'application/json',
        host: 'example',
        'ce-none': undefined,
      },
      body,
    );
    assert.deepEqual(event, {
      id: '1',
      source: '/s',
      type: 't',
      subject: 'Euro € 😀',
      time: undefined,
      datacontenttype: 'application/json',
      dataschema: undefined,
      extensions: { ext: 'x' },
      data: body,
      dataKind: 'json',
    });
  });

  it('refuses what is missing, doubled, forbidden or misnamed', () => {
    refuses({ 'ce-id': undefined }, 'id', /ce-id is missing/);
    refuses({ 'ce-specversion': undefined }, 'specversion');
    refuses({ 'ce-specversion': '0.3' }, 'specversion');
    refuses({ 'ce-type': '' }, 'type');
    refuses({ 'ce-type': ['a', 'b'] }, 'type', /more than once/);
    refuses({ 'ce-datacontenttype': 'text/plain' }, 'datacontenttype', /Content-Type header/);
    refuses({ 'ce-data': 'x' }, 'data');
    refuses({ 'ce-data_base64': 'x' }, 'data_base64');
    refuses({ 'ce-': 'x' }, '');
    refuses({ 'ce-time': 'noon' }, 'time');
    refuses({ 'ce-ext': 'a%00' }, 'ext', /control characters/);
    refuses({ 'content-type': 'xyz' }, 'datacontenttype');
    refuses(Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`ce-x${index}`, '1'])), 'x128', /at most 128/);
  });

  it('checks JSON that is declared, since it is written into other JSON later', () => {
    refuses({ 'content-type': 'application/json' }, 'data', /declared to be JSON/, Buffer.from('{"a":1}}'));
    refuses({ 'content-type': 'application/x+json;charset=utf-8' }, 'data', undefined, Buffer.from('"a","id":"2"'));
    const kind = (contentType: string | undefined, bytes: Buffer): string =>
      decodeBinary({ ...required, 'content-type': contentType }, bytes).dataKind;
    assert.equal(kind('application/json;charset=utf-16', Buffer.from('{', 'utf16le')), 'binary');
    assert.equal(kind('text/plain', Buffer.from('é')), 'text');
    assert.equal(kind('text/plain', Buffer.from([0xe9])), 'binary');
    assert.equal(kind('text/plain; charset=iso-8859-1', Buffer.from('a')), 'binary');
    assert.equal(kind('application/xml', Buffer.from('<a/>')), 'text');
    assert.equal(kind(undefined, Buffer.from('{}')), 'binary');
  });

  it('takes an empty body as no data', () => {
    assert.equal(decodeBinary({ ...required, 'content-type': 'application/json' }, Buffer.alloc(0)).data, undefined);
  });

  it('is recognised by any attribute that every event has', () => {
    assert.equal(hasEventHeaders({ 'ce-id': '1' }), true);
    assert.equal(hasEventHeaders({ 'ce-time': 'x', 'content-type': 'application/json' }), false);
  });

  it('gives back what was encoded, whatever the characters', () => {
    const event = {
      id: '100% "sure"',
      source: '/a%20b',
      type: 'é\\😀',
      subject: ' ~ ',
      time: '2024-01-01T00:00:00Z',
      datacontenttype: 'text/plain',
      dataschema: 'https://x/#a',
      extensions: { a: 'x y', b: 'true' },
      data: Buffer.from('x'),
      dataKind: 'text' as const,
    };
    const headers = encodeBinaryHeaders(event);
    for (const value of Object.values(headers)) assert.match(value, /^[\x21-\x7e]*$/);
    assert.deepEqual(decodeBinary(headers, event.data), event);
    assert.equal(headers['ce-id'], '100%25%20%22sure%22');
  });

  it('says the content type that JSON implied, and the position in place of an extension of that name', () => {
    const headers = encodeBinaryHeaders(
      { id: '1', source: '/s', type: 't', extensions: { position: 7, n: 1 }, data: body, dataKind: 'json' },
      'p-1',
    );
    assert.deepEqual(headers, { ...required, 'ce-n': '1', 'ce-position': 'p-1', 'content-type': 'application/json' });
  });
});

describe('decodeHeaderValue', () => {
  it('undoes quotes first and percent-encoding once', () => {
    const cases: [string, string][] = [
      ['plain', 'plain'],
      ['"a b"', 'a b'],
      ['"a\\"b\\\\c"', 'a"b\\c'],
      ['a"b c"d', 'ab cd'],
      ['%2525', '%25'],
      ['%e2%82%AC', '€'],
      ['%41', 'A'],
      ['a\\b', 'a\\b'],
    ];
    for (const [raw, value] of cases) assert.equal(decodeHeaderValue('x', raw), value, raw);
  });

  it('refuses what could be read in two ways', () => {
    for (const bad of ['%', '%4', '%zz', '%C0%A0', '%ED%A0%80', '%FF', '"open', '"open\\"', 'é', 'a\u0000', '"\\']) {
      assert.throws(() => decodeHeaderValue('x', bad), { name: 'CloudEventError', path: 'x' }, bad);
    }
  });
});

describe('decodePlain', () => {
  const attributes = { id: '1', source: '/s', type: 't', time: undefined };

  it('wraps a body in the attributes it was given', () => {
    const event = decodePlain(body, 'application/json', attributes);
    assert.deepEqual(
      [event.id, event.source, event.type, event.datacontenttype, event.dataKind, event.data],
      ['1', '/s', 't', 'application/json', 'json', body],
    );
  });

  it('refuses a body that is not what it says', () => {
    assert.throws(() => decodePlain(Buffer.from('{'), 'application/json', attributes), { path: 'data' });
    assert.throws(() => decodePlain(body, 'json', attributes), { path: 'datacontenttype' });
  });
});
