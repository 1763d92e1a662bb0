import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import type { RefusalCode, Verdict } from '../standard-webhooks/verdict.ts';
import { adyen } from './adyen.ts';
import { github, githubSha1 } from './github.ts';
import type { ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { sendgrid } from './sendgrid.ts';
import { shopify } from './shopify.ts';
import { slack } from './slack.ts';
import { stripe } from './stripe.ts';
import { twilio } from './twilio.ts';
import { websub, websubSha1 } from './websub.ts';

/** What the providers' manuals and libraries print as requests with their signatures. */

const request = (headers: WebhookRequest['headers'], body: string, url = 'https://example.com/hook'): WebhookRequest => ({
  method: 'POST',
  url,
  headers,
  body: Buffer.from(body),
});

function judge(provider: ProviderWebhook, given: WebhookRequest, secret: string, seconds = 0): Verdict {
  return provider.verify(given, [secret], { now: seconds * 1000 });
}

function refuses(verdict: Verdict, code: RefusalCode): void {
  assert.equal(verdict.ok ? 'believed' : verdict.code, code);
}

describe('GitHub', () => {
  const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';

  it('signs the example of its manual', () => {
    const given = request({ 'x-hub-signature-256': signature, 'x-github-delivery': 'd-1' }, 'Hello, World!');
    assert.deepEqual(judge(github, given, "It's a Secret to Everybody"), { ok: true, id: 'd-1', timestamp: undefined, secret: 0 });
    refuses(judge(github, given, "It's a secret to everybody"), 'SIGNATURE_MISMATCH');
    refuses(judge(github, { ...given, body: Buffer.from('Hello, World.') }, "It's a Secret to Everybody"), 'SIGNATURE_MISMATCH');
  });

  it('is never believed by an empty secret, which anyone could sign with', () => {
    const forged = createHmac('sha256', '').update('{}').digest('hex');
    refuses(judge(github, request({ 'x-hub-signature-256': `sha256=${forged}` }, '{}'), ''), 'SIGNATURE_MISMATCH');
    const forgedForStripe = createHmac('sha256', '').update('0.{}').digest('hex');
    refuses(judge(stripe, request({ 'stripe-signature': `t=0,v1=${forgedForStripe}` }, '{}'), ''), 'SIGNATURE_MISMATCH');
  });

  it('signs the example of its library, by SHA-1 only where that is chosen', () => {
    const old = { 'x-hub-signature': 'sha1=d03207e4b030cf234e3447bac4d93add4c6643d8' };
    const recent = { 'x-hub-signature-256': 'sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3' };
    const body = '{"foo":"bar"}';
    assert.equal(judge(github, request({ ...old, ...recent }, body), 'mysecret').ok, true);
    refuses(judge(github, request(old, body), 'mysecret'), 'NO_KNOWN_SIGNATURE');
    assert.equal(judge(githubSha1, request(old, body), 'mysecret').ok, true);
    assert.equal(judge(githubSha1, request(recent, body), 'mysecret').ok, true);
    // Whoever breaks SHA-1 gains nothing while SHA-256 is sent too.
    refuses(
      judge(githubSha1, request({ ...old, 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` }, body), 'mysecret'),
      'SIGNATURE_MISMATCH',
    );
    assert.deepEqual(
      githubSha1.sign?.({ id: 'd-1', timestamp: 0, url: '', contentType: undefined, body: Buffer.from(body) }, ['mysecret']),
      { 'X-Hub-Signature': old['x-hub-signature'], 'X-Hub-Signature-256': recent['x-hub-signature-256'], 'X-GitHub-Delivery': 'd-1' },
    );
  });
});

describe('Slack', () => {
  it('signs the example of its manual', () => {
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
    const given = request(
      {
        'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
        'x-slack-request-timestamp': '1531420618',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body,
    );
    const secret = '8f742231b10e8888abcd99yyyzzz85a5';
    const id = '398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
    assert.deepEqual(judge(slack, given, secret, 1_531_420_618), { ok: true, id, timestamp: 1_531_420_618, secret: 0 });
    refuses(judge(slack, given, secret, 1_531_420_618 + 301), 'TIMESTAMP_TOO_OLD');
    refuses(judge(slack, given, 'x', 1_531_420_618), 'SIGNATURE_MISMATCH');
    const [event] = slack.toEvents(given, { source: '/x' });
    assert.deepEqual(
      [event?.type, event?.subject, event?.source],
      ['com.slack.command', '/webhook-collect', 'https://app.slack.com/client/T1DC2JH3J'],
    );
  });
});

describe('Twilio', () => {
  const token = '12345';
  const url = 'https://mycompany.com/myapp.php?foo=1&bar=2';
  const form = 'To=%2B18005551212&CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309';
  const signed = (signature: string, at = url, body = form, type = 'application/x-www-form-urlencoded'): Verdict =>
    judge(twilio, request({ 'x-twilio-signature': signature, 'content-type': type }, body, at), token);

  it('signs the example of its manual', () => {
    assert.equal(signed('RSOYDt4T1cUTdK1PDd93/VVr8B8=').ok, true);
    refuses(signed('RSOYDt4T1cUTdK1PDd93/VVr8B8=', `${url}3`), 'SIGNATURE_MISMATCH');
    refuses(signed('RSOYDt4T1cUTdK1PDd93/VVr8B8=', url, form.replace('1234&', '1235&')), 'SIGNATURE_MISMATCH');
    refuses(signed('RSOYDt4T1cUTdK1PDd93/VVr8B8=', url, `${form}&More=1`), 'SIGNATURE_MISMATCH');
  });

  it('signs URLs with and without a port, as in the tests of its libraries', () => {
    const plain = url.replace('https', 'http');
    for (const [signature, at] of [
      ['RSOYDt4T1cUTdK1PDd93/VVr8B8=', url.replace('.com', '.com:1234')],
      ['Zmvh+3yNM1Phv2jhDCwEM3q5ebU=', plain.replace('.com', '.com:1234')],
      ['kvajT1Ptam85bY51eRf/AJRuM3w=', url],
      ['0ZXoZLH/DfblKGATFgpif+LLRf4=', plain],
      ['CukzLTc1tT5dXEDIHm/tKBanW10=', url.replace('my', 'user:pass@my')],
      ['2YRLlVAflCqxaNicjMpJcSTgzSs=', url.replace('my', 'user@my')],
      ['ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=', url.replace('my', 'user:pass@my')],
      ['g9IN/x4Cft2g517EjYvEvM/W7LU=', url.replace('mycompany', 'MyCompany')],
      ['PCqOZm8cnu/L6+u5i5fuEd+Iac4=', url.replace('mycompany.com', 'MyCompany.com:1234')],
      ['XY7AlKOKL6im4yWyX84gldUrtis=', plain.replace('mycompany', 'MyCompany')],
    ] as const) {
      assert.equal(signed(signature, at).ok, true, at);
    }
  });

  it('reads no form of more than a thousand parameters, whatever they are', () => {
    refuses(signed('AAAA', url, '&'.repeat(1000)), 'BODY_MALFORMED');
    refuses(signed('AAAA', url, '&'.repeat(999)), 'SIGNATURE_MISMATCH');
  });

  it('signs repeated parameters once, in order', () => {
    assert.equal(signed('IK+Dwps556ElfBT0I3Rgjkr1wJU=', url, 'Sid=CA123&Digits=5678&Digits=1234&SidAccount=AC123&Digits=1234').ok, true);
  });

  it('does not look at a form without end', () => {
    refuses(signed('RSOYDt4T1cUTdK1PDd93/VVr8B8=', url, 'a=b&'.repeat(1001)), 'BODY_MALFORMED');
  });

  it('signs other bodies by their SHA-256 in the URL, and nothing else covers them', () => {
    const body = '{"property": "value", "boolean": true}';
    const at = `${url}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620`;
    assert.equal(signed('a9nBmqA0ju/hNViExpshrM61xv4=', at, body, 'application/json').ok, true);
    refuses(signed('a9nBmqA0ju/hNViExpshrM61xv4=', at, body.replace('true', 'false'), 'application/json'), 'SIGNATURE_MISMATCH');
    refuses(signed('a9nBmqA0ju/hNViExpshrM61xv4=', at.replace('0a1f', '1a1f'), body, 'application/json'), 'SIGNATURE_MISMATCH');
    refuses(signed('RSOYDt4T1cUTdK1PDd93/VVr8B8=', url, body, 'application/json'), 'BODY_UNSIGNED');
    refuses(signed('RSOYDt4T1cUTdK1PDd93/VVr8B8=', url, form, 'text/plain'), 'BODY_UNSIGNED');
  });
});

describe('SendGrid', () => {
  const key =
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==';
  const headers = {
    'x-twilio-email-event-webhook-signature':
      'MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=',
    'x-twilio-email-event-webhook-timestamp': '1600112502',
  };
  const body =
    '[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n';
  const now = 1_600_112_502;

  it('signs the example of its libraries, line break at the end included', () => {
    assert.equal(judge(sendgrid, request(headers, body), key, now).ok, true);
    assert.equal(judge(sendgrid, request(headers, body), `-----BEGIN PUBLIC KEY-----\n${key}\n-----END PUBLIC KEY-----\n`, now).ok, true);
    refuses(judge(sendgrid, request(headers, body.trimEnd()), key, now), 'SIGNATURE_MISMATCH');
    const other =
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo7aNDthvj+y7GjUuFDb/R1NGe1OPzpA==';
    refuses(judge(sendgrid, request(headers, body), other, now), 'SIGNATURE_MISMATCH');
    refuses(judge(sendgrid, request(headers, body), 'not a key', now), 'SIGNATURE_MISMATCH');
    refuses(judge(sendgrid, request(headers, body), key, now + 301), 'TIMESTAMP_TOO_OLD');
    refuses(
      judge(sendgrid, request({ ...headers, 'x-twilio-email-event-webhook-timestamp': 'timestamp' }, body), key, now),
      'HEADER_MALFORMED',
    );
    refuses(
      judge(sendgrid, request({ ...headers, 'x-twilio-email-event-webhook-timestamp': '1600112503' }, body), key, now),
      'SIGNATURE_MISMATCH',
    );
  });

  it('signs the older example of its JavaScript library', () => {
    const older = {
      'x-twilio-email-event-webhook-signature':
        'MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH2j/0=',
      'x-twilio-email-event-webhook-timestamp': '1588788367',
    };
    const olderKey =
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu/1FwCM/QmGUhA==';
    const text = '{"category":"example_payload","event":"test_event","message_id":"message_id"}';
    assert.equal(judge(sendgrid, request(older, text), olderKey, 1_588_788_367).ok, true);
    const bad = {
      ...older,
      'x-twilio-email-event-webhook-signature': older['x-twilio-email-event-webhook-signature'].replace('NH2j', 'NH3j'),
    };
    refuses(judge(sendgrid, request(bad, text), olderKey, 1_588_788_367), 'SIGNATURE_MISMATCH');
  });
});

describe('Adyen', () => {
  const key = '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056';
  const item = {
    amount: { currency: 'EUR', value: 1130 },
    eventCode: 'AUTHORISATION',
    eventDate: '2019-01-01T01:00:00+01:00',
    merchantAccountCode: 'TestMerchant',
    merchantReference: 'TestPayment-1407325143704',
    pspReference: '7914073381342284',
    success: 'true',
    additionalData: { hmacSignature: 'coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=' },
  };
  const notification = (...items: readonly unknown[]): WebhookRequest =>
    request({}, JSON.stringify({ live: 'false', notificationItems: items.map((each) => ({ NotificationRequestItem: each })) }));

  it('signs the example of its manual', () => {
    assert.deepEqual(judge(adyen, notification(item), key), { ok: true, id: '7914073381342284:AUTHORISATION:true', secret: 0 });
    refuses(judge(adyen, notification({ ...item, success: 'false' }), key), 'SIGNATURE_MISMATCH');
    refuses(judge(adyen, notification({ ...item, amount: { currency: 'EUR', value: 11300 } }), key), 'SIGNATURE_MISMATCH');
    refuses(judge(adyen, notification({ ...item, additionalData: {} }), key), 'BODY_UNSIGNED');
    refuses(judge(adyen, notification({ ...item, additionalData: { hmacSignature: 'notValidSign' } }), key), 'SIGNATURE_MISMATCH');
    refuses(judge(adyen, notification({ ...item, additionalData: { hmacSignature: 'not valid' } }), key), 'NO_KNOWN_SIGNATURE');
    refuses(judge(adyen, notification(item), 'no hexadecimal'), 'SIGNATURE_MISMATCH');
  });

  it('signs the example of its JavaScript library', () => {
    const capture = {
      pspReference: 'pspReference',
      originalReference: 'originalReference',
      merchantAccountCode: 'merchantAccount',
      merchantReference: 'reference',
      amount: { currency: 'EUR', value: 1000 },
      eventCode: 'CAPTURE',
      success: 'true',
      additionalData: { hmacSignature: 'xhpHvYq2u2Np0rstbZ6QjLGu7JWhvf7Iwaa6EviJSX0=' },
    };
    assert.equal(judge(adyen, notification(capture), 'DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00').ok, true);
  });

  it('is believed only when all items hold', () => {
    const verdict = judge(adyen, notification(item, item), key);
    assert.ok(verdict.ok && verdict.id !== undefined);
    refuses(judge(adyen, notification(item, { ...item, eventCode: 'REFUND' }), key), 'SIGNATURE_MISMATCH');
    refuses(judge(adyen, notification(), key), 'BODY_MALFORMED');
    refuses(judge(adyen, notification(...Array.from({ length: 101 }, () => item)), key), 'BODY_MALFORMED');
    refuses(judge(adyen, request({}, '{}'), key), 'BODY_MALFORMED');
    refuses(judge(adyen, request({}, '{"notificationItems":[{}]}'), key), 'BODY_MALFORMED');
    refuses(judge(adyen, { ...notification(item), body: Buffer.of(0xff, 0xfe) }, key), 'BODY_MALFORMED');
  });

  it('lets no colon move from one member to the next, and no member be there twice', () => {
    // The same signed text, cut elsewhere.
    const moved = { ...item, pspReference: '7914073381342284:', merchantAccountCode: 'TestMerchant', originalReference: undefined };
    refuses(judge(adyen, notification(moved), key), 'BODY_MALFORMED');
    const text = notification(item).body.toString().replace('"success":"true"', '"success":"true","success":"false"');
    refuses(judge(adyen, request({}, text), key), 'BODY_MALFORMED');
  });
});

describe('Stripe', () => {
  // The event, secret and time of its library's tests; the signature made by another implementation of HMAC.
  const body = '{\n  "id": "evt_test_webhook",\n  "object": "event"\n}';
  const secret = 'whsec_test_secret';
  const signature = 'v1=005ec3d9ed97031e44c771ed3a6fdd7e6e5a2ebe43d1c23e407cb00074ff60aa';
  const signed = (header: string, secrets = [secret], seconds = 20_000): Verdict =>
    stripe.verify(request({ 'stripe-signature': header }, body), secrets, { now: seconds * 1000 });

  it('signs time and body, with the whole text of the secret', () => {
    assert.deepEqual(signed(`t=19991,${signature}`), { ok: true, id: 'evt_test_webhook', timestamp: 19_991, secret: 0 });
    const outgoing = { id: '', timestamp: 19_991, url: '', contentType: undefined, body: Buffer.from(body) };
    assert.deepEqual(stripe.sign?.(outgoing, [secret]), { 'Stripe-Signature': `t=19991,${signature}` });
    refuses(signed(`t=19992,${signature}`), 'SIGNATURE_MISMATCH');
    refuses(signed(`t=19991,${signature}`, ['test_secret']), 'SIGNATURE_MISMATCH');
    refuses(signed(`t=19991,${signature}`, [secret], 19_991 + 301), 'TIMESTAMP_TOO_OLD');
  });

  it('is believed when any of several signatures holds, and passes over other versions', () => {
    const other = `v1=${'0'.repeat(64)}`;
    assert.equal(signed(`t=19991,${other},v0=00,${signature},v1=potato,v2=x`).ok, true);
    assert.equal(signed(`t=19991, ${signature}`).ok, true);
    assert.deepEqual(signed(`t=19991,${signature}`, ['old', secret]), { ok: true, id: 'evt_test_webhook', timestamp: 19_991, secret: 1 });
    const outgoing = { id: '', timestamp: 19_991, url: '', contentType: undefined, body: Buffer.from(body) };
    const both = stripe.sign?.(outgoing, ['new', secret])['Stripe-Signature'] ?? '';
    assert.equal(signed(both).ok && signed(both, ['new']).ok, true);
  });

  it('is refused with a header of another form', () => {
    for (const bad of [
      'bad_header',
      `t=1,t=19991,${signature}`,
      signature,
      `t=19991,${Array.from({ length: 11 }, () => signature).join(',')}`,
    ]) {
      refuses(signed(bad), 'HEADER_MALFORMED');
    }
    for (const bad of ['t=19991', `t=19991,v0=${signature.slice(3)}`, 't=19991,v1=', 't=19991,v1=zz'])
      refuses(signed(bad), 'NO_KNOWN_SIGNATURE');
    refuses(signed(`t=soon,${signature}`), 'HEADER_MALFORMED');
  });
});

describe('WebSub', () => {
  // RFC 2202 and RFC 4231, test case 2.
  const body = Buffer.from('what do ya want for nothing?');
  const expected = {
    sha1: 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79',
    sha256: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    sha384: 'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
    sha512:
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  } as const;

  it('WS-A1: takes signatures by SHA-256, 384 and 512, and by SHA-1 where that was chosen', () => {
    for (const [method, digest] of Object.entries(expected)) {
      const given = request({ 'x-hub-signature': `${method}=${digest}` }, body.toString());
      assert.equal(judge(websubSha1, given, 'Jefe').ok, true, method);
      assert.equal(judge(websub, given, 'Jefe').ok, method !== 'sha1', method);
      refuses(judge(websubSha1, given, 'Jeff'), 'SIGNATURE_MISMATCH');
    }
  });

  it('WS-X1: does not believe SHA-1 unless that is chosen, and never a hash named wrongly', () => {
    refuses(judge(websub, request({ 'x-hub-signature': `sha1=${expected.sha1}` }, body.toString()), 'Jefe'), 'NO_KNOWN_SIGNATURE');
    for (const bad of [`md5=${expected.sha1}`, expected.sha256, `SHA256=${expected.sha256}`, 'sha256']) {
      refuses(judge(websubSha1, request({ 'x-hub-signature': bad }, body.toString()), 'Jefe'), 'NO_KNOWN_SIGNATURE');
    }
    refuses(judge(websubSha1, request({ 'x-hub-signature': `sha1=${expected.sha256}` }, body.toString()), 'Jefe'), 'SIGNATURE_MISMATCH');
  });

  it('WS-S3: takes secrets of less than 200 bytes', () => {
    assert.equal(websub.secretFault('x'.repeat(199)), undefined);
    assert.match(websub.secretFault('é'.repeat(100)) ?? '', /199 bytes/);
  });
});

describe('Shopify', () => {
  it('signs a body as another implementation computed it', () => {
    const given = request({ 'x-shopify-hmac-sha256': 'plW8VGqq0nDMIEhDqaNNW99asdUCy7EIqLZVcQwtAZ0=' }, '{"id":1}');
    assert.equal(judge(shopify, given, 'shop-secret').ok, true);
    refuses(judge(shopify, given, 'shop-secrets'), 'SIGNATURE_MISMATCH');
  });
});
