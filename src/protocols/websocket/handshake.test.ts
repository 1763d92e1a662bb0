import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { acceptKey, chooseSubprotocol, isHandshakeKey, parseSubprotocols } from './handshake.ts';

describe('the WebSocket handshake', () => {
  it('answers the key of the RFC with its accept value', () => {
    assert.equal(acceptKey('dGhlIHNhbXBsZSBub25jZQ=='), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });

  it('knows a key by its 16 bytes of base64', () => {
    assert.equal(isHandshakeKey('dGhlIHNhbXBsZSBub25jZQ=='), true);
    for (const bad of [
      undefined,
      '',
      'dGhlIHNhbXBsZSBub25jZR==',
      'dGhlIHNhbXBsZSBub25jZQ=',
      'dGhlIHNhbXBsZSBub25jZQ==\n',
      'x'.repeat(24),
    ]) {
      assert.equal(isHandshakeKey(bad), false, bad);
    }
  });

  it('reads the subprotocols offered and takes the first it speaks', () => {
    assert.deepEqual(parseSubprotocols(undefined), []);
    assert.deepEqual(parseSubprotocols('sluice.v1.json,\tcloudevents.json'), ['sluice.v1.json', 'cloudevents.json']);
    for (const bad of ['', ',', 'a,', 'a b', 'a,a', 'a;b', 'é', '"a"', 'a\nb']) assert.equal(parseSubprotocols(bad), undefined, bad);
    assert.equal(chooseSubprotocol(['x', 'b', 'a'], ['a', 'b']), 'b');
    assert.equal(chooseSubprotocol(['x'], ['a']), undefined);
  });
});
