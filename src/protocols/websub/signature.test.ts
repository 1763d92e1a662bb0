import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkSignature, isSignatureMethod, signBody, type SignatureMethod } from './signature.ts';

/** Test case 2 of RFC 2202, section 3, and of RFC 4231, section 4.3. */
const key = 'Jefe';
const body = Buffer.from('what do ya want for nothing?');
const published: Readonly<Record<SignatureMethod, string>> = {
  sha1: 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79',
  sha256: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  sha384: 'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
  sha512:
    '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
};
const methods = Object.keys(published).filter((name) => isSignatureMethod(name));

describe('X-Hub-Signature', () => {
  for (const method of methods) {
    it(`WS-A1: is ${method} over the body, as the RFCs publish it`, () => {
      assert.equal(signBody(method, key, body), `${method}=${published[method]}`);
      assert.equal(checkSignature(`${method}=${published[method]}`, body, [key]), 'valid');
      assert.equal(checkSignature(`${method}=${published[method].toUpperCase()}`, body, [key]), 'valid');
    });
  }

  it('WS-A1: is over the bytes, not over a text made of them', () => {
    const bytes = Buffer.from([0xff, 0x00, 0xc3, 0x28]);
    assert.equal(checkSignature(signBody('sha256', key, bytes), bytes, [key]), 'valid');
    assert.equal(checkSignature(signBody('sha256', key, Buffer.from(bytes.toString('utf8'))), bytes, [key]), 'wrong');
    assert.equal(checkSignature(signBody('sha256', key, Buffer.alloc(0)), Buffer.alloc(0), [key]), 'valid');
  });

  it('WS-A1: has the UTF-8 of the secret as its key', () => {
    assert.equal(checkSignature(signBody('sha256', 'ключ', body), body, ['ключ']), 'valid');
    assert.equal(checkSignature(signBody('sha256', 'ключ', body), body, ['kлюч']), 'wrong');
  });

  it('WS-A2: is wrong with another secret, another body or a digit changed', () => {
    const right = signBody('sha256', key, body);
    assert.equal(checkSignature(right, body, ['Jeff']), 'wrong');
    assert.equal(checkSignature(right, Buffer.concat([body, Buffer.from(' ')]), [key]), 'wrong');
    for (let at = 'sha256='.length; at < right.length; at++) {
      const changed = right[at] === '0' ? '1' : '0';
      assert.equal(checkSignature(right.slice(0, at) + changed + right.slice(at + 1), body, [key]), 'wrong');
    }
    assert.equal(checkSignature(right, body, []), 'wrong');
  });

  it('WS-S5: is right with any secret that is live, as during a renewal', () => {
    const right = signBody('sha512', 'old', body);
    assert.equal(checkSignature(right, body, ['new', 'old']), 'valid');
    assert.equal(checkSignature(right, body, ['old', 'new']), 'valid');
    assert.equal(checkSignature(right, body, ['new', 'newer']), 'wrong');
  });

  it('WS-X1: can be asked to be no weaker than a method', () => {
    const finding = (method: SignatureMethod, minimum: SignatureMethod): string =>
      checkSignature(signBody(method, key, body), body, [key], minimum);
    assert.equal(finding('sha1', 'sha256'), 'weak');
    assert.equal(finding('sha256', 'sha256'), 'valid');
    assert.equal(finding('sha512', 'sha256'), 'valid');
    assert.equal(finding('sha384', 'sha512'), 'weak');
    assert.equal(finding('sha1', 'sha1'), 'valid');
  });

  it('is missing or malformed where it is no signature at all', () => {
    assert.equal(checkSignature(undefined, body, [key]), 'missing');
    assert.equal(checkSignature('', body, [key]), 'missing');
    const hex = published.sha256;
    for (const header of [
      hex,
      `md5=${hex}`,
      `SHA256=${hex}`,
      `sha256:${hex}`,
      `sha256=${hex}0`,
      `sha256=${hex}00`,
      `sha256=${hex.slice(2)}`,
      `sha256=${hex.slice(0, -1)}g`,
      `sha256=${hex}, sha256=${hex}`,
      `sha256= ${hex}`,
      'sha256=',
      `sha1=${hex}`,
      `sha256=${'0'.repeat(1_000_000)}`,
      '__proto__=00',
    ]) {
      assert.equal(checkSignature(header, body, [key]), 'malformed', header.slice(0, 80));
    }
  });
});
