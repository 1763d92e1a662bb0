import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  adyenItem,
  hmac,
  secondsNow,
  sendings,
  standardSecret,
  signingSecret,
  adyenKey,
  sendgridKey,
} from '../../testing/provider-sendings.ts';
import { inboxContract } from '../../testing/inbox-contract.ts';
import { openSluice, type SluiceFixture } from '../../testing/sluice-fixture.ts';

const key = 'reader-key-0123456789';
const json = { 'content-type': 'application/json' };

const config = `
apis:
  inbox: { contract: ./inbox.yaml, path: /inbox, plans: { free: {} } }
  closed: { contract: ./inbox.yaml, path: /closed, entrypoints: [sse] }
applications:
  reader:
    credentials: [{ kind: api-key, value: ${key} }]
    subscriptions: [{ api: inbox, plan: free }]
  intake:
    subscriptions:
      - api: inbox
        as: provider
        sources:
          github: { preset: github, address: from/github, secret: ${signingSecret} }
          stripe: { preset: stripe, address: from/stripe, secret: whsec_${signingSecret} }
          slack: { preset: slack, address: from/slack, secret: ${signingSecret} }
          twilio: { preset: twilio, address: from/twilio, secret: ${signingSecret} }
          sendgrid: { preset: sendgrid, address: from/sendgrid, secret: ${sendgridKey} }
          shopify: { preset: shopify, address: from/shopify, secret: ${signingSecret} }
          adyen: { preset: adyen, address: from/adyen, secret: ${adyenKey} }
          standard: { preset: standard, address: from/standard, secret: ${standardSecret} }
          cloudevents: { preset: cloudevents, address: from/cloudevents, secret: token-0123456789 }
          ci:
            preset: hmac
            address: strict
            secret: ${signingSecret}
            hmac: { header: X-Ci-Signature, idHeader: X-Ci-Id, timestampHeader: X-Ci-Time, template: '{id}.{timestamp}.{body}', type: com.example, typeHeader: X-Ci-Kind }
          renamed: { preset: github, address: from/renamed, secret: ${signingSecret}, types: { 'com.github.*': 'code.*' }, eventSource: urn:code }
`;

interface Read {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly data?: any;
}

for (const workers of [undefined, 1]) {
  describe(`webhooks of providers come in${workers === undefined ? '' : ' through a worker'}`, { timeout: 180_000 }, () => {
    let sluice: SluiceFixture;
    before(async () => {
      sluice = await openSluice(config, { files: { 'inbox.yaml': inboxContract }, ...(workers === undefined ? {} : { workers }) });
    });
    after(() => sluice.stop());

    const urlOf = (name: string): string => `${sluice.gateway}/inbox/-/in/intake/${name}`;

    async function post(name: string, { body, headers }: { body: string; headers: Record<string, string> }): Promise<Response> {
      return await fetch(urlOf(name), { method: 'POST', body, headers });
    }

    async function read(address: string): Promise<readonly Read[]> {
      const response = await fetch(`${sluice.gateway}/inbox/${address}?from=earliest&limit=1000`, {
        headers: { authorization: `Bearer ${key}` },
      });
      assert.equal(response.status, 200);
      return (await response.json()) as Read[];
    }

    const addressOf = (name: string): string => (name === 'ci' ? 'strict' : `from/${name}`);

    for (const [name, { type, answer, events = 1, send }] of Object.entries(sendings)) {
      test(`from ${name}: believed, durable when answered, once however often they are sent`, async () => {
        const n = randomUUID();
        const sent = await send(urlOf(name), n);
        const before = (await read(addressOf(name))).length;
        const response = await post(name, sent);
        const text = await response.text();
        assert.ok(response.ok, `${response.status} ${text}`);
        assert.match(text, answer);
        const found = (await read(addressOf(name))).slice(before);
        assert.deepEqual(
          found.map((event) => event.type),
          Array.from({ length: events }, () => type),
        );
        const again = await post(name, sent);
        assert.ok(again.ok, await again.text());
        assert.equal((await read(addressOf(name))).length, before + events, 'a repetition is no new event');
      });

      test(`from ${name}: refused when a byte of it was changed, or the signature left out`, async () => {
        const sent = await send(urlOf(name), randomUUID());
        const before = (await read(addressOf(name))).length;
        const wrong =
          name === 'cloudevents' ? { ...sent, headers: { ...sent.headers, authorization: 'Bearer token-0123456780' } } : undefined;
        const tampered = name === 'adyen' ? sent.body.replace('1130', '1131') : sent.body.replace(/[a-z](?=[^a-z]*$)/, 'Z');
        assert.notEqual(tampered, sent.body);
        const response = await post(name, wrong ?? { ...sent, body: tampered });
        assert.equal(response.status, 401);
        const { detail } = (await response.json()) as { detail: string };
        assert.equal(detail, 'This is not signed as a webhook for a source of this name has to be.');
        const bare = await post(name, { body: '{}', headers: json });
        assert.deepEqual([bare.status, ((await bare.json()) as { detail: string }).detail], [401, detail]);
        assert.equal((await read(addressOf(name))).length, before);
      });
    }

    test('a source that is not there is answered as a wrong signature is', async () => {
      const sent = await sendings['github']!.send('', randomUUID());
      for (const path of ['intake/nobody', 'nobody/github']) {
        const response = await fetch(`${sluice.gateway}/inbox/-/in/${path}`, { method: 'POST', ...sent });
        const wrong = await post('github', { ...sent, headers: { ...sent.headers, 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` } });
        assert.deepEqual([response.status, await response.text()], [wrong.status, await wrong.text()]);
      }
      const elsewhere = await fetch(`${sluice.gateway}/closed/-/in/intake/github`, { method: 'POST', ...sent });
      assert.equal(elsewhere.status, 401);
    });

    test('a request that was taken is known again though it comes with another id, also after a restart', async () => {
      const sent = await sendings['github']!.send('', randomUUID());
      assert.deepEqual(await (await post('github', sent)).json(), { accepted: 1 });
      const replayed = { ...sent, headers: { ...sent.headers, 'x-github-delivery': randomUUID() } };
      assert.deepEqual(await (await post('github', replayed)).json(), { accepted: 0 });
      await sluice.restart({ grace: 100 });
      assert.deepEqual(await (await post('github', replayed)).json(), { accepted: 0 });
    });

    test('what the contract refuses is refused with the place, and counted', async () => {
      const body = '{"number":true,"x":1}'.replace('"number"', '"nr"');
      const [id, time] = [randomUUID(), secondsNow()];
      const headers = {
        ...json,
        'x-ci-id': id,
        'x-ci-time': time,
        'x-ci-kind': 'build',
        'x-ci-signature': hmac('sha256', `${id}.${time}.${body}`),
      };
      const response = await post('ci', { body, headers });
      assert.equal(response.status, 422, await response.text());
      assert.equal((await post('github', { body, headers: json })).status, 401);
      const client = sluice.client();
      const { items: sources } = (await client.get(['sources'])) as { items: { subscription: string }[] };
      const { items } = (await client.get(['subscriptions', sources[0]?.subscription ?? '', 'refusals'], { limit: '1000' })) as {
        items: { code: string; sentence: string }[];
      };
      assert.ok(items.some(({ code }) => code === 'EVENT_REJECTED'));
      assert.ok(
        items.some(({ code, sentence }) => code === 'UNAUTHENTICATED' && sentence.startsWith('github: The header x-hub-signature-256')),
      );
    });

    test('events have the names a source has for them', async () => {
      const sent = await sendings['github']!.send('', randomUUID());
      assert.equal((await post('renamed', sent)).status, 200);
      const [event] = (await read('from/renamed')).slice(-1);
      assert.deepEqual([event?.type, event?.source], ['code.issues.opened', 'urn:code']);
    });

    test("Slack's URL verification is answered with its challenge, when it is signed", async () => {
      const body = JSON.stringify({
        token: 'x',
        challenge: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P',
        type: 'url_verification',
      });
      const time = secondsNow();
      const headers = { ...json, 'x-slack-request-timestamp': time, 'x-slack-signature': `v0=${hmac('sha256', `v0:${time}:${body}`)}` };
      const response = await post('slack', { body, headers });
      assert.deepEqual(
        [response.status, response.headers.get('content-type'), await response.text()],
        [200, 'text/plain', '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P'],
      );
      assert.equal((await post('slack', { body, headers: { ...headers, 'x-slack-signature': `v0=${'0'.repeat(64)}` } })).status, 401);
    });

    test('CE-8, CE-9: who asks by OPTIONS may send, and how fast', async () => {
      const headers = { 'webhook-request-origin': 'events.example.com', 'webhook-request-rate': '120' };
      const response = await fetch(urlOf('cloudevents'), { method: 'OPTIONS', headers });
      assert.deepEqual(
        [response.status, ...['webhook-allowed-origin', 'webhook-allowed-rate', 'allow'].map((name) => response.headers.get(name))],
        [200, 'events.example.com', '120', 'POST'],
      );
      assert.equal((await fetch(urlOf('cloudevents'), { method: 'OPTIONS' })).status, 400);
      assert.equal((await fetch(urlOf('github'), { method: 'OPTIONS', headers })).status, 405);
    });

    test('CE-7: a token may stand in the URL instead, and only there', async () => {
      const { body, headers } = await sendings['cloudevents']!.send('', randomUUID());
      const { authorization, ...bare } = headers;
      const at = async (token: string, sent: Record<string, string>): Promise<number> =>
        (await fetch(`${urlOf('cloudevents')}?access_token=${token}`, { method: 'POST', body, headers: sent })).status;
      assert.deepEqual([await at('token-0123456789', bare), await at('token-012345678', bare)], [204, 401]);
      assert.equal(await at('token-0123456789', { ...bare, authorization: authorization ?? '' }), 401);
    });

    test('all events of a request are taken or none', async () => {
      const [good, bad] = [adyenItem('good'), JSON.stringify(adyenItem('bad')).replace('1130', '9')];
      const body = `{"notificationItems":[${JSON.stringify(good)},${bad}]}`;
      const before = (await read('from/adyen')).length;
      assert.equal((await post('adyen', { body, headers: json })).status, 401);
      assert.equal((await read('from/adyen')).length, before);
    });

    test('a paused source, and a paused subscription, ask to try later; a deleted one believes nothing', async () => {
      const client = sluice.client();
      const { items } = (await client.get(['sources'])) as { items: { id: string; name: string; subscription: string }[] };
      const shopify = items.find(({ name }) => name === 'shopify')!;
      const later = async (): Promise<void> => {
        const response = await post('shopify', await sendings['shopify']!.send('', randomUUID()));
        assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '300']);
        assert.equal((await post('shopify', { body: '{}', headers: json })).status, 401);
      };
      await client.post(['sources', shopify.id, 'pause'], {});
      await later();
      await client.post(['sources', shopify.id, 'start'], {});
      await client.post(['subscriptions', shopify.subscription, 'pause'], {});
      await later();
      await client.post(['subscriptions', shopify.subscription, 'resume'], {});
      assert.equal((await post('shopify', await sendings['shopify']!.send('', randomUUID()))).status, 200);
      await client.remove(['sources', shopify.id]);
      assert.equal((await post('shopify', await sendings['shopify']!.send('', randomUUID()))).status, 401);
    });
  });
}
