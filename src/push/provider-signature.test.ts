import { verify, verifyWithFallback } from '@octokit/webhooks-methods';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Stripe from 'stripe';
import { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import type { EndpointSpec, Resource } from '../store/resources.ts';
import { providerSecretFault } from './provider-signature.ts';
import { targetOf } from './target-of.ts';
import { webhookRequest } from './webhook-request.ts';

const now = Date.parse('2026-05-01T12:00:00Z');
const data = Buffer.from('{"id":"evt_1","object":"event","note":"ä € \\u0000"}');
const event = (type = 'order.created'): Event =>
  new Event({ id: '1', source: '/shop', type, extensions: {}, data, dataKind: 'json' }, 'orders', '1-7' as Position, now);

type Secrets = EndpointSpec['secrets'];

/** The headers with which an endpoint of this signature is called, and the bytes. */
function delivered(
  signature: EndpointSpec['signature'],
  secrets: Secrets,
  of = event(),
): { readonly headers: ReadonlyMap<string, string>; readonly body: string } {
  const spec = {
    url: 'https://example.com/hook',
    content: 'data',
    headers: {},
    retry: [],
    secrets,
    signature,
    types: [],
  } as unknown as EndpointSpec;
  const target = targetOf({ id: 'e', tenant: 'default', spec } as Resource<'endpoint'>, {
    open: (sealed) => sealed,
    compile: () => assert.fail(),
  });
  const request = webhookRequest(target, of, { number: 1, retryReason: undefined, at: now });
  return { headers: new Map(request.headers), body: Buffer.from(request.body ?? '').toString() };
}

describe('A webhook signed as a provider signs', () => {
  it('is believed by the library of GitHub, and names the event and the delivery', async () => {
    const { headers, body } = delivered({ style: 'github' }, [{ sealed: 'It is a secret, äöü' }]);
    assert.ok(await verify('It is a secret, äöü', body, headers.get('X-Hub-Signature-256') ?? ''));
    assert.ok(!(await verify('another secret', body, headers.get('X-Hub-Signature-256') ?? '')));
    assert.deepEqual(
      ['X-GitHub-Event', 'X-GitHub-Delivery', 'webhook-id', 'webhook-signature', 'X-Hub-Signature'].map((name) => headers.get(name)),
      ['order.created', 'msg_1-7', 'msg_1-7', undefined, undefined],
    );
  });

  it('gives the SHA-256 of the example in the documentation of GitHub', () => {
    const hello = new Event(
      { id: '1', source: '/', type: 'push', extensions: {}, data: Buffer.from('Hello, World!'), dataKind: 'text' },
      'orders',
      '1-1' as Position,
      now,
    );
    const { headers } = delivered({ style: 'github' }, [{ sealed: "It's a Secret to Everybody" }], hello);
    assert.equal(headers.get('X-Hub-Signature-256'), 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17');
  });

  it('has the old SHA-1 as well where it is asked for', () => {
    const { headers } = delivered({ style: 'github-sha1' }, [{ sealed: 'secret-of-old' }]);
    assert.match(headers.get('X-Hub-Signature') ?? '', /^sha1=[0-9a-f]{40}$/);
    assert.match(headers.get('X-Hub-Signature-256') ?? '', /^sha256=[0-9a-f]{64}$/);
  });

  it('SW-11: is signed by the secret that ends first where there is room for one signature, until it has ended', async () => {
    const secrets = [{ sealed: 'new' }, { sealed: 'old', expiresAt: now + 1 }, { sealed: 'gone', expiresAt: now }];
    const { headers, body } = delivered({ style: 'github' }, secrets);
    assert.ok(await verifyWithFallback('new', body, headers.get('X-Hub-Signature-256') ?? '', ['old']));
    assert.ok(await verify('old', body, headers.get('X-Hub-Signature-256') ?? ''));
  });

  it('is believed by the library of Stripe with each of the secrets that are live', () => {
    const { webhooks } = new Stripe('sk_test_none');
    const { headers, body } = delivered({ style: 'stripe' }, [{ sealed: 'whsec_new' }, { sealed: 'whsec_old', expiresAt: now + 1 }]);
    const header = headers.get('Stripe-Signature') ?? '';
    for (const secret of ['whsec_new', 'whsec_old'])
      assert.equal(webhooks.constructEvent(body, header, secret, 300, undefined, now + 1000).id, 'evt_1');
    assert.throws(() => webhooks.constructEvent(body, header, 'whsec_other', 300, undefined, now), /signature/i);
    assert.throws(() => webhooks.constructEvent(`${body} `, header, 'whsec_new', 300, undefined, now), /signature/i);
  });

  it('stands in a header of another name where one is given, and the rest stays', () => {
    const { headers } = delivered({ style: 'stripe', header: 'X-Shop-Signature' }, [{ sealed: 'whsec_new' }]);
    assert.match(headers.get('X-Shop-Signature') ?? '', /^t=1777636800,v1=[0-9a-f]{64}$/);
    assert.equal(headers.get('Stripe-Signature'), undefined);
    const github = delivered({ style: 'github', header: 'X-Gitea-Signature' }, [{ sealed: 'secret' }]).headers;
    assert.match(github.get('X-Gitea-Signature') ?? '', /^sha256=/);
    assert.equal(github.get('X-GitHub-Delivery'), 'msg_1-7');
  });

  it('never holds a type that is no text of a header', () => {
    const { headers } = delivered({ style: 'github' }, [{ sealed: 'secret' }], event('größer\r\nX-Evil: 1'));
    assert.equal(headers.get('X-GitHub-Event'), 'gr%C3%B6%C3%9Fer%0D%0AX-Evil:%201');
  });
});

describe('A secret for a format of a provider', () => {
  it('is any text but a key', () => {
    assert.equal(providerSecretFault('github', 'correct horse'), undefined);
    assert.equal(providerSecretFault('stripe', 'whsec_abc'), undefined);
    for (const style of ['github', 'github-sha1', 'stripe'] as const)
      for (const secret of ['', 'whsk_abc', 'whpk_abc'])
        assert.notEqual(providerSecretFault(style, secret), undefined, `${style} ${secret}`);
  });
});
