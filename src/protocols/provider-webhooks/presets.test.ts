import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { mutations, seededRandom, testSeed } from '../../testing/hostile-input.ts';
import { generateSharedSecret, generateSigningKey, parseSecret, publicKeyText, type SigningKey } from '../standard-webhooks/secret.ts';
import { CloudEventError } from '../cloudevents/cloud-event-error.ts';
import type { RefusalCode, Verdict } from '../standard-webhooks/verdict.ts';
import { genericHmac } from './generic-hmac.ts';
import { presets } from './presets.ts';
import type { ProviderWebhook, WebhookRequest } from './provider-webhook.ts';

interface Pair {
  readonly signs: string;
  readonly verifies: string;
}

interface Sample {
  readonly provider: ProviderWebhook;
  readonly makePair: () => Pair;
  readonly body: Buffer;
  readonly contentType: string;
}

const text = (): Pair => {
  const secret = randomBytes(24).toString('base64url');
  return { signs: secret, verifies: secret };
};
const hex = (): Pair => {
  const secret = randomBytes(32).toString('hex');
  return { signs: secret, verifies: secret };
};

function ecPair(): Pair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    signs: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    verifies: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
  };
}

function ed25519Pair(): Pair {
  const signs = generateSigningKey(randomBytes);
  return { signs, verifies: publicKeyText(parseSecret(signs) as SigningKey) };
}

function sharedPair(): Pair {
  const secret = generateSharedSecret(randomBytes);
  return { signs: secret, verifies: secret };
}

const json = Buffer.from('{"id":"evt_1","event_id":"Ev1","type":"order.placed","event":"open","note":"Grüße"}');
const form = {
  body: Buffer.from('MessageSid=SM1&MessageStatus=sent&Body=Gr%C3%BC%C3%9Fe'),
  contentType: 'application/x-www-form-urlencoded',
};
const sample = (name: string, makePair = text, other: Partial<Sample> = {}): Sample => {
  const provider = presets.get(name);
  assert.ok(provider !== undefined, name);
  return { provider, makePair, body: json, contentType: 'application/json', ...other };
};

/** Every provider that signs with headers; Adyen, which signs within the body, has its own tests. */
const samples: readonly Sample[] = [
  ...['github', 'github-sha1', 'shopify', 'slack', 'stripe', 'websub', 'websub-sha1'].map((name) => sample(name)),
  sample('twilio', text, form),
  sample('sendgrid', ecPair),
  sample('standard', sharedPair),
  sample('standard', ed25519Pair),
  sample('github', hex, {
    provider: genericHmac({
      header: 'X-Signature',
      algorithm: 'sha512',
      encoding: 'base64',
      secretEncoding: 'hex',
      timestampHeader: 'X-Time',
      timestampUnit: 'ms',
      idHeader: 'X-Id',
      template: '{id}:{timestamp}:{body}',
      type: 'com.example.hook',
    }),
  }),
];

const timestamp = 1_760_000_000;
const now = timestamp * 1000;
const url = 'https://example.com/hook?a=b';

function signed({ provider, body, contentType }: Sample, secrets: readonly string[]): WebhookRequest {
  const headers = provider.sign?.({ id: 'msg_1', timestamp, url, contentType, body }, secrets);
  assert.ok(headers !== undefined, 'it signs');
  const lower = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    // Of two signatures either is enough.
    .filter(([name]) => provider.name !== 'github-sha1' || name !== 'x-hub-signature-256');
  return {
    method: 'POST',
    url,
    headers: { 'content-type': contentType, 'x-github-event': 'push', 'x-shopify-topic': 'orders/create', ...Object.fromEntries(lower) },
    body,
  };
}

/** Names of the headers without which a request is not believed. */
function needed(request: WebhookRequest): readonly string[] {
  return Object.keys(request.headers).filter((name) => /signature|time|hmac|webhook-id|^x-id$/.test(name));
}

function refuses(verdict: Verdict, ...codes: readonly RefusalCode[]): void {
  assert.ok(!verdict.ok && codes.includes(verdict.code), JSON.stringify(verdict));
  assert.match(verdict.sentence, /^[A-Z].*[.?]$/s);
}

describe('The presets', () => {
  it('go by their names, and each says what is wrong with a secret', () => {
    assert.ok(presets.size >= 12);
    for (const [name, preset] of presets) {
      assert.equal(preset.name, name);
      assert.match(preset.secretFault('') ?? '', /^[A-Z].*\.$/, name);
    }
    assert.match(presets.get('adyen')?.secretFault('xyz') ?? '', /hexadecimal/);
    assert.match(presets.get('standard')?.secretFault('whsec_AAAA') ?? '', /24 to 64/);
    assert.match(
      presets
        .get('sendgrid')
        ?.secretFault(generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).toString('base64')) ?? '',
      /P-256/,
    );
    for (const { provider, makePair } of samples) assert.equal(provider.secretFault(makePair().verifies), undefined, provider.name);
  });
});

for (const each of samples) {
  const { provider } = each;
  const { signs, verifies } = each.makePair();
  const request = signed(each, [signs]);
  const judge = (given: WebhookRequest, secrets: readonly string[] = [verifies], at = now): Verdict =>
    provider.verify(given, secrets, { now: at });
  const isTimed = Object.keys(request.headers).some((name) => name.includes('time')) || provider.name === 'stripe';

  describe(`${provider.name}${each.makePair === ed25519Pair ? ' with Ed25519' : ''}`, () => {
    it('believes what it signed, and gives the same id for every attempt', () => {
      const verdict = judge(request);
      assert.ok(verdict.ok, JSON.stringify(verdict));
      assert.equal(verdict.timestamp, isTimed ? timestamp : undefined);
      const again = judge(signed(each, [signs]));
      assert.ok(again.ok && again.id === verdict.id && again.id !== '');
      const [event] = provider.toEvents(request, { source: '/hook' });
      assert.ok(event !== undefined);
      assert.equal(event.id, verdict.id, 'a repeated request is recognised by its id, and its event by the same');
    });

    it('refuses a body in which any byte is another', () => {
      for (let at = 0; at < each.body.length; at += 1) {
        const body = Buffer.from(each.body);
        body.writeUInt8(body.readUInt8(at) ^ 1, at);
        refuses(judge({ ...request, body }), 'SIGNATURE_MISMATCH');
      }
      refuses(judge({ ...request, body: each.body.subarray(1) }), 'SIGNATURE_MISMATCH');
      refuses(judge({ ...request, body: Buffer.concat([each.body, Buffer.from(' ')]) }), 'SIGNATURE_MISMATCH');
    });

    it('takes any of several secrets, says which, and never an empty or another one', () => {
      const other = each.makePair();
      const verdict = judge(request, ['', other.verifies, verifies]);
      assert.equal(verdict.ok && verdict.secret, 2);
      refuses(judge(request, [other.verifies]), 'SIGNATURE_MISMATCH');
      refuses(judge(request, []), 'NO_SECRET');
      assert.equal(judge(request, ['']).ok, false);
      assert.throws(() => provider.sign?.({ id: 'a', timestamp, url, contentType: each.contentType, body: each.body }, []), Error);
    });

    it('refuses headers that are missing, repeated, endless or malformed', () => {
      for (const name of needed(request)) {
        const { [name]: value, ...rest } = request.headers;
        refuses(judge({ ...request, headers: rest }), 'HEADER_MISSING', 'HEADER_MALFORMED');
        refuses(
          judge({ ...request, headers: { ...rest, [name]: [String(value), String(value)] } }),
          'HEADER_REPEATED',
          'HEADER_MALFORMED',
          'NO_KNOWN_SIGNATURE',
        );
        // A list of signatures may hold one twice.
        const doubled = name === 'webhook-signature' ? '' : `${String(value)}, ${String(value)}`;
        for (const bad of ['A'.repeat(1e6), ' ', '=', 'ü', '%%%%', doubled]) {
          assert.equal(judge({ ...request, headers: { ...rest, [name]: bad } }).ok, false, `${name}: ${bad.slice(0, 20)}`);
        }
      }
    });

    it('allows five minutes either way where a time is signed', () => {
      assert.equal(judge(request, [verifies], now + 300_000).ok, true);
      assert.equal(judge(request, [verifies], now - 300_000).ok, true);
      if (!isTimed) return;
      refuses(judge(request, [verifies], now + 301_000), 'TIMESTAMP_TOO_OLD');
      refuses(judge(request, [verifies], now - 301_000), 'TIMESTAMP_TOO_NEW');
      assert.equal(provider.verify(request, [verifies], { now: now + 3_600_000, toleranceSeconds: 3600 }).ok, true);
    });

    it('survives any bytes in headers and body', () => {
      const seed = testSeed();
      const random = seededRandom(seed);
      for (const name of needed(request)) {
        const value = String(request.headers[name]);
        for (const mutated of mutations(Buffer.from(value), 40, random)) {
          const verdict = judge({ ...request, headers: { ...request.headers, [name]: mutated.toString('latin1') } });
          assert.ok(typeof verdict.ok === 'boolean', `seed ${seed}`);
        }
      }
      for (const body of mutations(each.body, 40, random)) {
        try {
          provider.toEvents({ ...request, body }, { source: '/hook' });
        } catch (thrown) {
          assert.ok(thrown instanceof CloudEventError, `seed ${seed}: ${String(thrown)}`);
        }
      }
    });
  });
}

describe('A body that is not text', () => {
  it('is signed and verified byte for byte', () => {
    const body = Buffer.of(0xff, 0xfe, 0x00, 0xc3);
    for (const each of samples.filter(({ provider }) => provider.name !== 'twilio')) {
      const { signs, verifies } = each.makePair();
      const binary = { ...each, body, contentType: 'application/octet-stream' };
      const request = signed(binary, [signs]);
      assert.equal(each.provider.verify(request, [verifies], { now }).ok, true, each.provider.name);
      const changed = { ...request, body: Buffer.of(0xff, 0xfd, 0x00, 0xc3) };
      assert.equal(each.provider.verify(changed, [verifies], { now }).ok, false, each.provider.name);
    }
  });
});
