import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../core/errors.ts';
import { fingerprintOf, Sealer } from './sealed.ts';

const key = Buffer.alloc(32, 7);
const text = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

describe('A sealed text', () => {
  it('is opened with its key, whatever it holds', () => {
    const sealer = new Sealer(key);
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (any) => new Sealer(key).open(sealer.seal(any)) === any));
  });

  it('is the same for the same text and key, and another for every other', () => {
    assert.equal(new Sealer(key).seal(text), new Sealer(key).seal(text));
    assert.notEqual(new Sealer(key).seal(text), new Sealer(randomBytes(32)).seal(text));
    const sealed = Array.from({ length: 500 }, (_, index) => new Sealer(key).seal(`secret ${index}`));
    const nonces = sealed.map((one) => Buffer.from(one.slice(3), 'base64url').subarray(0, 12).toString('hex'));
    assert.equal(new Set(nonces).size, 500);
    assert.equal(new Set(sealed.map(fingerprintOf)).size, 500);
  });

  it('does not show the text, nor does its fingerprint', () => {
    const sealed = new Sealer(key).seal(text);
    assert.match(sealed, /^v1\.[A-Za-z0-9_-]+$/);
    assert.ok(!Buffer.from(sealed.slice(3), 'base64url').includes(text));
    assert.match(fingerprintOf(sealed), /^[0-9a-f]{8}$/);
  });

  it('gives a sentence that names the remedy, never garbage, with another key or when a bit of it is changed', () => {
    const sealed = new Sealer(key).seal(text);
    const refused = (sealer: Sealer, given: string): void =>
      assert.throws(
        () => sealer.open(given),
        (error: unknown) => error instanceof GatewayError && /SLUICE_SECRET_KEY/.test(error.message) && !error.message.includes(text),
      );
    refused(new Sealer(Buffer.alloc(32, 8)), sealed);
    const bytes = Buffer.from(sealed.slice(3), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      refused(new Sealer(key), `v1.${changed.toString('base64url')}`);
    }
    for (const given of ['', 'v1.', text, sealed.replace('v1.', 'v2.'), sealed.slice(0, 20), `v1.${'A'.repeat(36)}`])
      refused(new Sealer(key), given);
  });

  it('needs a key of 32 bytes', () => {
    for (const size of [0, 16, 31, 33, 64]) assert.throws(() => new Sealer(Buffer.alloc(size)), RangeError);
  });
});
