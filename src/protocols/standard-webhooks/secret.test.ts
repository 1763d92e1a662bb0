import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { publicKeySet } from './public-keys.ts';
import { generateSharedSecret, generateSigningKey, parseSecret, publicKeyText, type SharedSecret, type SigningKey } from './secret.ts';
import { StandardWebhookError } from './standard-webhook-error.ts';

/** The key pair in the manual of the Svix server. */
const signingText = 'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==';
const publicText = 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=';

function refuses(text: string, sentence: RegExp): void {
  assert.throws(
    () => parseSecret(text),
    (thrown) => {
      assert.ok(thrown instanceof StandardWebhookError, String(thrown));
      assert.match(thrown.message, sentence);
      if (text.length > 8) assert.ok(!thrown.message.includes(text.slice(6)), 'the sentence keeps the secret to itself');
      return true;
    },
  );
}

describe('A shared secret', () => {
  const key = Buffer.from('fb'.repeat(26), 'hex');

  it('SW-9: is whsec_ and the base64 of 24 to 64 random bytes', () => {
    assert.match(generateSharedSecret(randomBytes), /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.notEqual(generateSharedSecret(randomBytes), generateSharedSecret(randomBytes));
    assert.equal((parseSecret(generateSharedSecret(randomBytes, 64)) as SharedSecret).key.symmetricKeySize, 64);
    for (const bytes of [0, 23, 65]) assert.throws(() => generateSharedSecret(randomBytes, bytes), StandardWebhookError);
  });

  it('SW-9: is read without prefix, without padding, URL-safe and with white space around it', () => {
    const base64 = key.toString('base64');
    const urlSafe = key.toString('base64url');
    assert.match(base64, /[+/].*=$/);
    for (const text of [`whsec_${base64}`, base64, `whsec_${urlSafe}`, urlSafe, `whsec_${base64.replace('=', '')}`, ` whsec_${base64}\n`]) {
      assert.deepEqual((parseSecret(text) as SharedSecret).key.export(), key, text);
    }
  });

  it('SW-9: is refused with a sentence when it is too short, too long or no base64', () => {
    refuses('', /empty/);
    refuses('whsec_', /not base64/);
    refuses(`whsec_${randomBytes(23).toString('base64')}`, /24 to 64 bytes, this one 23/);
    refuses(`whsec_${randomBytes(65).toString('base64')}`, /24 to 64 bytes, this one 65/);
    refuses('whsec_correct horse battery staple!', /not base64/);
    refuses(`whsec_${'A'.repeat(41)}`, /not base64/);
    refuses(`whsec_${'A'.repeat(1e6)}`, /longer than 256/);
  });
});

describe('An Ed25519 key', () => {
  it('SW-9: is read as Svix writes it, and from its seed alone', () => {
    const whole = parseSecret(signingText) as SigningKey;
    assert.equal(whole.kind, 'signing');
    assert.equal(publicKeyText(whole), publicText);
    const seed = Buffer.from(signingText.slice(5), 'base64').subarray(0, 32).toString('base64');
    assert.equal(publicKeyText(parseSecret(`whsk_${seed}`) as SigningKey), publicText);
    assert.equal(parseSecret(publicText).kind, 'verification');
  });

  it('SW-9: is generated as seed and public key', () => {
    const text = generateSigningKey(randomBytes);
    assert.match(text, /^whsk_[A-Za-z0-9+/]{86}==$/);
    const key = parseSecret(text) as SigningKey;
    assert.equal(publicKeyText(key), `whpk_${Buffer.from(text.slice(5), 'base64').subarray(32).toString('base64')}`);
  });

  it('SW-9: is refused when its halves do not belong together or its length is wrong', () => {
    const mixed = Buffer.concat([Buffer.from(signingText.slice(5), 'base64').subarray(0, 32), randomBytes(32)]);
    refuses(`whsk_${mixed.toString('base64')}`, /does not belong/);
    refuses(`whsk_${randomBytes(63).toString('base64')}`, /64 bytes/);
    refuses(`whpk_${randomBytes(64).toString('base64')}`, /32 bytes, this one 64/);
    refuses('whpk_%%%', /not base64/);
  });
});

describe('The public key set', () => {
  it('names a key by the thumbprint that RFC 8037 prints for its example', () => {
    const secret = parseSecret(`whsk_${Buffer.from('nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A', 'base64url').toString('base64')}`);
    assert.deepEqual(publicKeySet([secret]), {
      keys: [
        {
          kty: 'OKP',
          crv: 'Ed25519',
          x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
          kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
          use: 'sig',
          alg: 'EdDSA',
        },
      ],
    });
  });

  it('holds each public key once, and nothing of a shared secret', () => {
    const shared = generateSharedSecret(randomBytes);
    const set = publicKeySet([shared, signingText, publicText, generateSigningKey(randomBytes)].map(parseSecret));
    assert.equal(set.keys.length, 2);
    for (const key of set.keys) assert.deepEqual(Object.keys(key), ['kty', 'crv', 'x', 'kid', 'use', 'alg']);
    assert.deepEqual(publicKeySet([parseSecret(shared)]), { keys: [] });
  });
});
