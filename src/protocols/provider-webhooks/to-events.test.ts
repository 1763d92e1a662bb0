import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { checkCore } from '../cloudevents/attributes.ts';
import { CloudEventError } from '../cloudevents/cloud-event-error.ts';
import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { adyen } from './adyen.ts';
import { cloudevents } from './cloudevents.ts';
import { genericHmac } from './generic-hmac.ts';
import { github } from './github.ts';
import { presets } from './presets.ts';
import { ProviderWebhookError } from './provider-webhook-error.ts';
import type { ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { sendgrid } from './sendgrid.ts';
import { shopify } from './shopify.ts';
import { slack } from './slack.ts';
import { standard } from './standard.ts';
import { stripe } from './stripe.ts';
import { twilio } from './twilio.ts';
import { websub } from './websub.ts';

const defaults = { source: '/inbound/hook' };
const asJson = { 'content-type': 'application/json' };
const asForm = { 'content-type': 'application/x-www-form-urlencoded' };

function request(headers: WebhookRequest['headers'], body: unknown, more: Partial<WebhookRequest> = {}): WebhookRequest {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return { method: 'POST', url: 'https://example.com/hook', headers, body: bytes, ...more };
}

function oneEvent(provider: ProviderWebhook, given: WebhookRequest): CloudEvent {
  const events = provider.toEvents(given, defaults);
  assert.equal(events.length, 1);
  return events[0] as CloudEvent;
}

/** The attributes, without data, that are there. */
function attributes({ id, source, type, subject, time, datacontenttype }: CloudEvent): Record<string, string> {
  const all = Object.entries({ id, source, type, subject, time, datacontenttype });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function dataOf({ data }: CloudEvent): string {
  return Buffer.from(data ?? []).toString();
}

describe('An event of GitHub', () => {
  it('is named by its delivery, repository, kind and action', () => {
    const body = {
      action: 'opened',
      issue: { number: 7, updated_at: '2026-01-02T03:04:05Z' },
      repository: { html_url: 'https://github.com/octocat/hello', full_name: 'octocat/hello' },
    };
    const event = oneEvent(github, request({ ...asJson, 'x-github-event': 'issues', 'x-github-delivery': 'd-1' }, body));
    assert.deepEqual(attributes(event), {
      id: 'd-1',
      source: 'https://github.com/octocat/hello',
      type: 'com.github.issues.opened',
      subject: '7',
      time: '2026-01-02T03:04:05Z',
      datacontenttype: 'application/json',
    });
    assert.deepEqual([event.dataKind, dataOf(event)], ['json', JSON.stringify(body)]);
  });

  it('is the JSON within a form, and names the kind of ref that was created', () => {
    const payload = '{"ref":"v1 é","ref_type":"tag","organization":{"login":"acme"}}';
    const body = `payload=${encodeURIComponent(payload)}`;
    const event = oneEvent(github, request({ ...asForm, 'x-github-event': 'create', 'x-github-delivery': 'd-2' }, body));
    assert.deepEqual(
      [event.type, event.subject, event.source, event.datacontenttype, dataOf(event)],
      ['com.github.create.tag', 'v1 é', 'https://github.com/acme', 'application/json', payload],
    );
  });

  it('is made of every example that GitHub publishes', () => {
    const file = createRequire(import.meta.url).resolve('@octokit/webhooks-examples');
    const groups = JSON.parse(readFileSync(file, 'utf8')) as readonly { readonly name: string; readonly examples: readonly unknown[] }[];
    let count = 0;
    for (const { name, examples } of groups) {
      for (const example of examples) {
        const event = oneEvent(github, request({ 'x-github-event': name, 'x-github-delivery': `d-${count}` }, example));
        assert.ok(event.type === `com.github.${name}` || event.type.startsWith(`com.github.${name}.`), event.type);
        assert.match(event.source, /^https?:\/\/github\.com/);
        count += 1;
      }
    }
    assert.ok(count > 100, String(count));
  });

  it('is refused when no header names its kind, or the body is not JSON', () => {
    for (const headers of [{}, { 'x-github-event': 'a b' }, { 'x-github-event': ['push', 'ping'] }]) {
      assert.throws(() => github.toEvents(request(headers, {}), defaults), CloudEventError);
    }
    for (const body of ['', '{', Buffer.of(0xff), '{"action":"a","action":"b"}']) {
      assert.throws(() => github.toEvents(request({ 'x-github-event': 'push' }, body), defaults), CloudEventError);
    }
  });
});

describe('An event of Stripe', () => {
  it('has its id, type, time and object, and the connected account', () => {
    const body = {
      id: 'evt_1',
      object: 'event',
      type: 'invoice.paid',
      created: 1_760_000_000,
      account: 'acct_1',
      data: { object: { id: 'in_1' } },
    };
    assert.deepEqual(attributes(oneEvent(stripe, request(asJson, body))), {
      id: 'evt_1',
      source: 'https://api.stripe.com/v1/accounts/acct_1',
      type: 'com.stripe.invoice.paid',
      subject: 'in_1',
      time: '2025-10-09T08:53:20.000Z',
      datacontenttype: 'application/json',
    });
  });

  it('is also read in the newer, thin form', () => {
    const body = {
      id: 'evt_2',
      object: 'v2.core.event',
      type: 'v2.core.account.updated',
      created: '2026-01-01T00:00:00.000Z',
      related_object: { id: 'acct_2' },
    };
    assert.deepEqual(attributes(oneEvent(stripe, request(asJson, body))), {
      id: 'evt_2',
      source: 'https://api.stripe.com',
      type: 'com.stripe.v2.core.account.updated',
      subject: 'acct_2',
      time: '2026-01-01T00:00:00.000Z',
      datacontenttype: 'application/json',
    });
  });
});

describe('An event of Slack', () => {
  it('has the inner type and subtype, the workspace and the channel', () => {
    const event = { type: 'message', subtype: 'channel_join', channel: 'C1', user: 'U1' };
    const body = { type: 'event_callback', team_id: 'T1', event_id: 'Ev1', event_time: 1_760_000_000, event };
    assert.deepEqual(attributes(oneEvent(slack, request(asJson, body))), {
      id: 'Ev1',
      source: 'https://app.slack.com/client/T1',
      type: 'com.slack.message.channel_join',
      subject: 'C1',
      time: '2025-10-09T08:53:20.000Z',
      datacontenttype: 'application/json',
    });
  });

  it('may be an interaction, whose JSON stands in a form', () => {
    const payload = '{"type":"block_actions","trigger_id":"1.2.3","team":{"id":"T1"},"user":{"id":"U1"}}';
    const event = oneEvent(slack, request(asForm, `payload=${encodeURIComponent(payload)}`));
    assert.deepEqual([event.type, event.id, event.subject, dataOf(event)], ['com.slack.block_actions', '1.2.3', 'U1', payload]);
  });

  it('does not become another by its content type, which is not signed', () => {
    const body = { type: 'event_callback', team_id: 'T1', event_id: 'Ev1', event: { type: 'message', channel: 'C1' } };
    for (const headers of [asForm, {}, { 'content-type': 'text/plain' }]) {
      const event = oneEvent(slack, request(headers, body));
      assert.deepEqual([event.type, event.id], ['com.slack.message', 'Ev1']);
    }
  });

  it('is none in a url_verification, whose challenge is answered instead', () => {
    const challenge = '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P';
    const given = request(asJson, { token: 'x', challenge, type: 'url_verification' });
    assert.deepEqual(slack.toEvents(given, defaults), []);
    assert.deepEqual(slack.challenge?.(given), {
      status: 200,
      headers: { 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff' },
      body: challenge,
    });
    for (const body of [
      { type: 'event_callback', challenge },
      { type: 'url_verification', challenge: '<script>' },
      { type: 'url_verification' },
      'x',
    ]) {
      assert.equal(slack.challenge?.(request(asJson, body)), undefined);
    }
  });
});

describe('An event of Twilio', () => {
  it('has the account, the message and its status, the form as it came', () => {
    const form = 'AccountSid=AC1&MessageSid=SM1&MessageStatus=delivered&From=%2B49';
    const event = oneEvent(twilio, request({ ...asForm, 'i-twilio-idempotency-token': 'tok-1' }, form));
    assert.deepEqual(attributes(event), {
      id: 'tok-1',
      source: 'https://api.twilio.com/2010-04-01/Accounts/AC1',
      type: 'com.twilio.message.delivered',
      subject: 'SM1',
      datacontenttype: 'application/x-www-form-urlencoded',
    });
    assert.deepEqual([event.dataKind, dataOf(event)], ['binary', form]);
    assert.equal(oneEvent(twilio, request(asForm, 'CallSid=CA1&CallStatus=in-progress')).type, 'com.twilio.call.in-progress');
  });

  it('may come by GET, with all it says in the URL', () => {
    const event = oneEvent(twilio, request({}, '', { method: 'GET', url: 'https://example.com/hook?CallSid=CA1&CallStatus=ringing' }));
    assert.deepEqual([event.type, event.subject, dataOf(event)], ['com.twilio.call.ringing', 'CA1', 'CallSid=CA1&CallStatus=ringing']);
    const json = oneEvent(twilio, request(asJson, '{"a":1}', { url: 'https://example.com/hook?bodySHA256=00' }));
    assert.deepEqual([json.type, json.source, json.dataKind], ['com.twilio.webhook', defaults.source, 'json']);
  });
});

describe('The events of SendGrid', () => {
  it('are one for each object of the array, byte for byte', () => {
    const first = '{ "event":"open", "sg_event_id":"e1", "sg_message_id":"m1", "timestamp":1760000000 }';
    const second = '{"event":"click","timestamp":1760000000}';
    const given = request(asJson, `[${first},\n ${second}]\r\n`);
    const [one, two, ...more] = sendgrid.toEvents(given, defaults);
    assert.deepEqual(more, []);
    assert.ok(one !== undefined && two !== undefined);
    assert.deepEqual(attributes(one), {
      id: 'e1',
      source: 'https://api.sendgrid.com',
      type: 'com.sendgrid.open',
      subject: 'm1',
      time: '2025-10-09T08:53:20.000Z',
      datacontenttype: 'application/json',
    });
    assert.deepEqual([dataOf(one), dataOf(two)], [first, second]);
    assert.equal(two.id, sendgrid.toEvents(given, defaults)[1]?.id);
    assert.deepEqual(sendgrid.toEvents(request(asJson, '[]'), defaults), []);
  });

  it('are bounded', () => {
    const many = `[${'{"event":"open"},'.repeat(10_000)}{"event":"open"}]`;
    assert.throws(() => sendgrid.toEvents(request(asJson, many), defaults), CloudEventError);
  });
});

describe('An event of Shopify', () => {
  it('has the shop, the topic and the resource, and an id that two topics of one action do not share', () => {
    const headers = {
      ...asJson,
      'x-shopify-topic': 'orders/create',
      'x-shopify-shop-domain': 'acme.myshopify.com',
      'x-shopify-event-id': 'e-1',
      'x-shopify-webhook-id': 'w-1',
      'x-shopify-triggered-at': '2026-01-02T03:04:05.123456789Z',
    };
    const body = { id: 1, admin_graphql_api_id: 'gid://shopify/Order/1' };
    assert.deepEqual(attributes(oneEvent(shopify, request(headers, body))), {
      id: 'e-1:orders/create',
      source: 'https://acme.myshopify.com',
      type: 'com.shopify.orders.create',
      subject: 'gid://shopify/Order/1',
      time: '2026-01-02T03:04:05.123456789Z',
      datacontenttype: 'application/json',
    });
    const { 'x-shopify-event-id': _, ...older } = headers;
    assert.equal(oneEvent(shopify, request(older, body)).id, 'w-1');
  });
});

describe('The events of Adyen', () => {
  it('are one for each item, byte for byte', () => {
    const item = (code: string): string =>
      `{ "pspReference":"P2", "originalReference":"P1", "merchantAccountCode":"Shop é", "eventCode":"${code}", "success":"true", "eventDate":"2026-01-02T03:04:05+01:00", "amount":{"value":1.0} }`;
    const body = `{"live":"true","notificationItems":[{"NotificationRequestItem":${item('CAPTURE')}},{"x":1,"NotificationRequestItem":${item('REFUND')}}]}`;
    const [one, two] = adyen.toEvents(request(asJson, body), defaults);
    assert.ok(one !== undefined && two !== undefined);
    assert.deepEqual(attributes(one), {
      id: 'P2:CAPTURE:true',
      source: 'https://www.adyen.com/merchants/Shop%20%C3%A9',
      type: 'com.adyen.capture',
      subject: 'P1',
      time: '2026-01-02T03:04:05+01:00',
      datacontenttype: 'application/json',
    });
    assert.deepEqual([two.id, dataOf(two)], ['P2:REFUND:true', item('REFUND')]);
  });
});

describe('An event of Standard Webhooks', () => {
  it('SW-2: has the type and time of the payload, and the id of the message', () => {
    const body = { type: 'contact.created', timestamp: '2022-11-03T20:26:10.344522Z', data: { id: '1' } };
    assert.deepEqual(attributes(oneEvent(standard, request({ ...asJson, 'webhook-id': 'msg_1' }, body))), {
      id: 'msg_1',
      source: defaults.source,
      type: 'contact.created',
      time: '2022-11-03T20:26:10.344522Z',
      datacontenttype: 'application/json',
    });
    const binary = oneEvent(standard, request({ 'webhook-id': 'msg_2', 'content-type': 'image/png' }, Buffer.of(0xff)));
    assert.deepEqual([binary.type, binary.dataKind, binary.time], ['webhook', 'binary', undefined]);
  });
});

describe('A distribution of WebSub', () => {
  it('WS-C2: comes from the topic that Link: rel=self names', () => {
    const link = '<https://hub.example/>; rel="hub", <https://blog.example/feed?a=b>; title="x, y"; rel="x self"';
    const event = oneEvent(websub, request({ link, 'content-type': 'application/atom+xml; charset=utf-8' }, '<feed/>'));
    assert.deepEqual(
      [event.source, event.type, event.dataKind, event.datacontenttype],
      ['https://blog.example/feed?a=b', 'org.w3.websub.content', 'text', 'application/atom+xml; charset=utf-8'],
    );
    const parts = ['<https://hub.example/>; rel=hub', '<https://blog.example/feed>;rel=self'];
    assert.equal(oneEvent(websub, request({ link: parts }, 'x')).source, 'https://blog.example/feed');
    assert.equal(oneEvent(websub, request({}, 'x')).source, defaults.source);
    assert.equal(oneEvent(websub, request({ link: '<'.repeat(4096) }, 'x')).source, defaults.source);
  });
});

describe('A CloudEvent', () => {
  it('is taken as it is in every content mode, and CE-7 asks for a token', () => {
    const structured = '{"specversion":"1.0","id":"1","source":"/s","type":"t"}';
    const binary = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't', ...asJson };
    for (const given of [
      request({ 'content-type': 'application/cloudevents+json' }, structured),
      request({ 'content-type': 'application/cloudevents-batch+json' }, `[${structured}]`),
      request(binary, '{}'),
    ]) {
      const event = oneEvent(cloudevents, given);
      assert.deepEqual([event.id, event.source, event.type], ['1', '/s', 't']);
    }
    assert.throws(() => cloudevents.toEvents(request(asJson, '{}'), defaults), CloudEventError);

    const judge = (headers: WebhookRequest['headers'], url: string, ...secrets: string[]): unknown => {
      const verdict = cloudevents.verify(request(headers, '{}', { url }), secrets, { now: 0 });
      return verdict.ok ? verdict.secret : verdict.code;
    };
    const plain = 'https://example.com/hook';
    assert.equal(judge({ authorization: 'Bearer t.1' }, plain, 't.2', 't.1'), 1);
    assert.equal(judge({ authorization: 'bearer t.1' }, plain, 't.1'), 0);
    assert.equal(judge({}, `${plain}?x=y&access_token=t.1`, 't.1'), 0);
    assert.equal(judge({ authorization: 'Bearer t.1' }, plain, 't.12'), 'SIGNATURE_MISMATCH');
    assert.equal(judge({}, `${plain}?access_token=`, ''), 'SIGNATURE_MISMATCH');
    assert.equal(judge({ authorization: 'Basic dDox' }, plain, 't.1'), 'HEADER_MALFORMED');
    assert.equal(judge({ authorization: 'Bearer t.1' }, `${plain}?access_token=t.1`, 't.1'), 'HEADER_REPEATED');
    assert.equal(judge({}, plain, 't.1'), 'HEADER_MISSING');

    const outgoing = { id: '', timestamp: 0, url: plain, contentType: undefined, body: Buffer.alloc(0) };
    assert.deepEqual(cloudevents.sign?.(outgoing, ['t.1']), { Authorization: 'Bearer t.1' });
    for (const bad of ['', 'a b', 'a\r\nX: y']) assert.throws(() => cloudevents.sign?.(outgoing, [bad]), ProviderWebhookError);
  });
});

describe('An event of any provider', () => {
  const hook = genericHmac({
    header: 'X-Sig',
    algorithm: 'sha256',
    encoding: 'hex',
    idHeader: 'X-Id',
    type: 'com.example',
    typeHeader: 'X-Event',
  });

  it('has the id and type of the headers that were named', () => {
    const event = oneEvent(hook, request({ ...asJson, 'x-id': '1', 'x-event': 'order/placed:v2' }, '{}'));
    assert.deepEqual(attributes(event), {
      id: '1',
      source: defaults.source,
      type: 'com.example.order.placed.v2',
      datacontenttype: 'application/json',
    });
  });

  it('has an id that stays the same from attempt to attempt, and differs from body to body', () => {
    const id = (body: string): string => oneEvent(hook, request({}, body)).id;
    assert.equal(id('a'), id('a'));
    assert.notEqual(id('a'), id('b'));
  });

  it('never has attributes that CloudEvents forbids, whatever the body says', () => {
    const strange = '\\u0000\\ud800\\u0085 <é>';
    const members = [
      'id',
      'type',
      'action',
      'event',
      'sg_event_id',
      'sg_message_id',
      'event_id',
      'team_id',
      'account',
      'created',
      'timestamp',
    ];
    const body = `{${members.map((name) => `"${name}":"${strange}"`).join(',')}}`;
    const headers = { 'x-github-event': 'push', 'x-shopify-topic': 'a/b', 'x-shopify-shop-domain': 'ü"<', 'webhook-id': 'a' };
    for (const provider of [...presets.values(), hook]) {
      try {
        for (const event of provider.toEvents(request(headers, body), defaults)) {
          for (const [name, value] of Object.entries(attributes(event))) checkCore(name as 'id', value);
        }
      } catch (thrown) {
        assert.ok(thrown instanceof CloudEventError, `${provider.name}: ${String(thrown)}`);
      }
    }
  });
});
