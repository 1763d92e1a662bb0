import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { mutations, seededRandom, testSeed } from '../../testing/hostile-input.ts';
import type { WebhookHeaders } from './one-header.ts';
import { generateSharedSecret, generateSigningKey, parseSecret, publicKeyText, type SharedSecret, type SigningKey } from './secret.ts';
import { signStandardWebhook } from './sign.ts';
import { StandardWebhookError } from './standard-webhook-error.ts';
import type { RefusalCode, Verdict } from './verdict.ts';
import { verifyStandardWebhook } from './verify.ts';
import { isWebhookId, toWebhookId } from './webhook-id.ts';

/** What the libraries of Standard Webhooks and the Svix server test with. */
const published = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1_614_265_330,
  body: Buffer.from('{"test": 2432232314}'),
  shared: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  sharedSignature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  signing: 'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==',
  ed25519Signature: 'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==',
};
const { id, timestamp, body } = published;
const now = timestamp * 1000;
const shared = parseSecret(published.shared) as SharedSecret;
const signing = parseSecret(published.signing) as SigningKey;
const other = parseSecret(generateSharedSecret(randomBytes)) as SharedSecret;

const sign = (...secrets: readonly (SharedSecret | SigningKey)[]): Record<string, string> => ({
  ...signStandardWebhook({ id, timestamp, body, secrets }),
});
const judge = (headers: WebhookHeaders, secrets = [shared], bytes: Uint8Array = body, at = now): Verdict =>
  verifyStandardWebhook(headers, bytes, secrets, { now: at });

function refuses(verdict: Verdict, code: RefusalCode): void {
  assert.equal(verdict.ok ? 'believed' : verdict.code, code, JSON.stringify(verdict));
  if (!verdict.ok) assert.match(verdict.sentence, /^.+[.?]$/);
}

describe('A signature', () => {
  it('SW-6, SW-8: is the one that the published examples have, of either kind', () => {
    assert.deepEqual(sign(shared), {
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': published.sharedSignature,
    });
    assert.equal(sign(signing)['webhook-signature'], published.ed25519Signature);
  });

  it('SW-6, SW-12: convinces the library of Standard Webhooks, and the other way round', () => {
    const text = generateSharedSecret(randomBytes);
    const library = new Webhook(text);
    const secret = parseSecret(text) as SharedSecret;
    const seconds = Math.floor(Date.now() / 1000);
    const json = Buffer.from('{"type":"order.placed","note":"Grüße \\u0000 😀"}');
    const headers = { ...signStandardWebhook({ id: 'msg_1', timestamp: seconds, body: json, secrets: [other, signing, secret] }) };
    assert.deepEqual(library.verify(json, headers), JSON.parse(json.toString()));
    const theirs = {
      'webhook-id': 'msg_2',
      'webhook-timestamp': String(seconds),
      'webhook-signature': library.sign('msg_2', new Date(seconds * 1000), json),
    };
    assert.deepEqual(judge(theirs, [other, secret], json, Date.now()), { ok: true, id: 'msg_2', timestamp: seconds, secret: 1 });
  });

  it('SW-6: covers the exact bytes, text or not', () => {
    for (const bytes of [Buffer.of(0xff, 0x00, 0xfe), Buffer.alloc(0), Buffer.from('\ufeff{}')]) {
      const headers = { ...signStandardWebhook({ id, timestamp, body: bytes, secrets: [shared, signing] }) };
      assert.equal(judge(headers, [shared], bytes).ok, true);
    }
    const headers = { ...signStandardWebhook({ id, timestamp, body: Buffer.of(0xff), secrets: [shared] }) };
    refuses(judge(headers, [shared], Buffer.of(0xfe)), 'SIGNATURE_MISMATCH');
  });

  it('SW-11: is made by every live secret, and any of them is enough to verify', () => {
    const headers = sign(other, shared, signing);
    assert.equal(headers['webhook-signature']?.split(' ').length, 3);
    const receiver = parseSecret(publicKeyText(signing));
    assert.equal(verifyStandardWebhook(headers, body, [receiver], { now }).ok, true);
    assert.deepEqual(judge(headers, [parseSecret(generateSharedSecret(randomBytes)) as SharedSecret, other]), {
      ok: true,
      id,
      timestamp,
      secret: 1,
    });
    assert.deepEqual(judge(sign(shared), [other, shared]), { ok: true, id, timestamp, secret: 1 });
  });

  it('SW-4: is not made without a secret, for a time that is none, or by too many secrets', () => {
    assert.throws(() => sign(), StandardWebhookError);
    assert.throws(() => sign(...Array.from({ length: 11 }, () => shared)), /At most 10/);
    for (const bad of [-1, 1.5, Number.NaN, Infinity]) {
      assert.throws(() => signStandardWebhook({ id, timestamp: bad, body, secrets: [shared] }), /Unix seconds/);
    }
    assert.equal(judge(sign(...Array.from({ length: 9 }, () => signing), shared)).ok, true);
  });
});

describe('An id', () => {
  it('SW-7: with a dot is neither signed nor believed, since the dot could be moved', () => {
    assert.throws(() => signStandardWebhook({ id: 'a.b', timestamp, body, secrets: [shared] }), StandardWebhookError);
    const honest = signStandardWebhook({ id: 'a', timestamp: 1, body: Buffer.from(`${timestamp}.{}`), secrets: [shared] });
    const moved = { ...honest, 'webhook-id': 'a.1', 'webhook-timestamp': String(timestamp) };
    refuses(judge(moved, [shared], Buffer.from('{}')), 'HEADER_MALFORMED');
  });

  it('SW-7: that a producer chose is sent as it is, or as its hash', () => {
    assert.equal(toWebhookId('evt_1-A'), 'evt_1-A');
    const mapped = ['a.b', '', 'é', 'a b', 'x'.repeat(129), 'sha256_x', toWebhookId('a.b')].map(toWebhookId);
    for (const text of mapped) assert.match(text, /^sha256_[A-Za-z0-9_-]{43}$/);
    assert.equal(new Set(mapped).size, mapped.length);
    assert.ok(mapped.every(isWebhookId));
    assert.equal(toWebhookId('a.b'), toWebhookId('a.b'));
  });
});

describe('Verifying', () => {
  it('SW-12: gives the id, the time and the secret that matched', () => {
    assert.deepEqual(judge(sign(shared)), { ok: true, id, timestamp, secret: 0 });
    assert.deepEqual(verifyStandardWebhook(sign(signing), body, [signing], { now }), { ok: true, id, timestamp, secret: 0 });
  });

  it('SW-12: allows five minutes either way, or what it is told', () => {
    for (const seconds of [300, -300]) assert.equal(judge(sign(shared), [shared], body, now + seconds * 1000).ok, true);
    refuses(judge(sign(shared), [shared], body, now + 301_000), 'TIMESTAMP_TOO_OLD');
    refuses(judge(sign(shared), [shared], body, now - 301_000), 'TIMESTAMP_TOO_NEW');
    assert.equal(verifyStandardWebhook(sign(shared), body, [shared], { now: now + 3_600_000, toleranceSeconds: 3600 }).ok, true);
    refuses(verifyStandardWebhook(sign(shared), body, [shared], { now: now + 11_000, toleranceSeconds: 10 }), 'TIMESTAMP_TOO_OLD');
  });

  it('SW-12: refuses a changed id, time, body or signature, and another secret', () => {
    const headers = sign(shared, signing);
    refuses(judge({ ...headers, 'webhook-id': `${id}x` }), 'SIGNATURE_MISMATCH');
    refuses(judge({ ...headers, 'webhook-timestamp': String(timestamp + 1) }), 'SIGNATURE_MISMATCH');
    refuses(judge(headers, [shared], Buffer.from(`${body.toString()} `)), 'SIGNATURE_MISMATCH');
    refuses(judge(headers, [other]), 'SIGNATURE_MISMATCH');
    refuses(judge(headers, []), 'NO_SECRET');
    const stranger = parseSecret(generateSigningKey(randomBytes));
    refuses(verifyStandardWebhook(headers, body, [stranger], { now }), 'SIGNATURE_MISMATCH');
  });

  it('SW-8: passes over versions it does not know and signatures that are none', () => {
    const good = published.sharedSignature;
    assert.equal(judge({ ...sign(shared), 'webhook-signature': `v2,AAAA v1,potato v1, v1 , ,x ${good} v1a,AAAA` }).ok, true);
    for (const bad of [
      'v2,AAAA',
      'g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
      'v1,',
      ' ',
      good.replace('v1', 'V1'),
      good.slice(0, 8),
      good.replace('=', ''),
    ]) {
      refuses(judge({ ...sign(shared), 'webhook-signature': bad }), 'NO_KNOWN_SIGNATURE');
    }
    // A symmetric signature must not pass as an asymmetric one or the other way round.
    refuses(judge({ ...sign(shared), 'webhook-signature': good.replace('v1,', 'v1a,') }), 'NO_KNOWN_SIGNATURE');
    refuses(judge({ ...sign(signing) }), 'SIGNATURE_MISMATCH');
  });

  it('SW-4: refuses headers that are missing, repeated, endless or malformed', () => {
    const headers = sign(shared);
    for (const name of Object.keys(headers)) {
      const { [name]: value, ...rest } = headers;
      refuses(judge(rest), 'HEADER_MISSING');
      refuses(judge({ ...rest, [name]: '' }), 'HEADER_MISSING');
      refuses(judge({ ...rest, [name]: [] }), 'HEADER_MISSING');
      refuses(judge({ ...rest, [name]: [value ?? '', value ?? ''] }), 'HEADER_REPEATED');
      refuses(judge({ ...rest, [name]: 'A'.repeat(1e6) }), 'HEADER_MALFORMED');
      assert.equal(judge({ ...rest, [name]: [value ?? ''] }).ok, true);
    }
    for (const bad of ['hello', '1e9', '-1', '+1', ' 1', '01', '1.5', '0x10', '9'.repeat(16), `${timestamp}, ${timestamp}`]) {
      refuses(judge({ ...headers, 'webhook-timestamp': bad }), 'HEADER_MALFORMED');
    }
    refuses(judge({ ...headers, 'webhook-signature': Array.from({ length: 11 }, () => 'v1,AA').join(' ') }), 'HEADER_MALFORMED');
    refuses(judge(Object.create({ ...headers }) as WebhookHeaders), 'HEADER_MISSING');
  });

  it('survives any bytes in its headers, and believes none but the true ones', () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    const headers = sign(shared, signing);
    const names = Object.keys(headers);
    for (const name of names) {
      for (const mutated of mutations(Buffer.from(headers[name] ?? ''), 200, random)) {
        const text = mutated.toString('latin1');
        if (text === headers[name]) continue;
        const verdict = judge({ ...headers, [name]: text });
        // The list of signatures may lose one, or gain what is passed over.
        if (verdict.ok)
          assert.ok(name === 'webhook-signature' && text.includes(published.sharedSignature.slice(3)), `seed ${seed}: ${text}`);
      }
    }
    for (const mutated of mutations(body, 200, random)) {
      if (!mutated.equals(body)) refuses(judge(headers, [shared], mutated), 'SIGNATURE_MISMATCH');
    }
  });
});
