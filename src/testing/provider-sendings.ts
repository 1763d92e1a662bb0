import { createHmac, generateKeyPairSync, sign as signWith } from 'node:crypto';
import { sign as signAsGitHub } from '@octokit/webhooks-methods';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';

/** Of all whose secret is any text; Stripe's begins with `whsec_`. */
export const signingSecret = 'a secret of many characters';
export const standardSecret = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=';
export const adyenKey = '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056';
const sendgridKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const sendgridKey = sendgridKeys.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');

/** Whatever a provider sends, and how it signs it when it is sent to this URL. */
type Sending = (url: string, n: string) => Promise<{ readonly body: string; readonly headers: Record<string, string> }>;

/** An HMAC as a text, by the secret of most. */
export const hmac = (
  algorithm: string,
  text: string,
  encoding: 'hex' | 'base64' = 'hex',
  secret: string | Buffer = signingSecret,
): string => createHmac(algorithm, secret).update(text).digest(encoding);
/** Unix seconds, as providers write the time they sign. */
export const secondsNow = (): string => String(Math.floor(Date.now() / 1000));
const json = { 'content-type': 'application/json' };

/** One item of Adyen's, signed. */
export function adyenItem(reference: string): object {
  const item = {
    pspReference: reference,
    originalReference: '',
    merchantAccountCode: 'TestMerchant',
    merchantReference: 'order:1',
    amount: { value: 1130, currency: 'EUR' },
    eventCode: 'AUTHORISATION',
    success: 'true',
    eventDate: '2030-01-01T00:00:00Z',
  };
  const signed = [reference, '', 'TestMerchant', 'order:1', '1130', 'EUR', 'AUTHORISATION', 'true'].join(':');
  const hmacSignature = hmac('sha256', signed, 'base64', Buffer.from(adyenKey, 'hex'));
  return { NotificationRequestItem: { ...item, additionalData: { hmacSignature } } };
}

/** Signed by the provider's own library where it has one that signs, else as its manual says. */
export const sendings: Readonly<
  Record<string, { readonly type: string; readonly answer: RegExp; readonly events?: number; readonly send: Sending }>
> = {
  github: {
    type: 'com.github.issues.opened',
    answer: /^\{"accepted":1\}$/,
    send: async (_url, n) => {
      const body = JSON.stringify({ action: 'opened', issue: { number: 7 }, n });
      return {
        body,
        headers: {
          ...json,
          'x-github-event': 'issues',
          'x-github-delivery': n,
          'x-hub-signature-256': await signAsGitHub(signingSecret, body),
        },
      };
    },
  },
  stripe: {
    type: 'com.stripe.charge.succeeded',
    answer: /^\{"accepted":1\}$/,
    send: async (_url, n) => {
      const payload = JSON.stringify({
        id: `evt_${n}`,
        object: 'event',
        type: 'charge.succeeded',
        created: 1893456000,
        data: { object: { id: 'ch_1' } },
      });
      const stripe = new Stripe('sk_test_unused');
      return {
        body: payload,
        headers: { ...json, 'stripe-signature': stripe.webhooks.generateTestHeaderString({ payload, secret: `whsec_${signingSecret}` }) },
      };
    },
  },
  slack: {
    type: 'com.slack.app_mention',
    answer: /^$/,
    send: async (_url, n) => {
      const body = JSON.stringify({
        type: 'event_callback',
        event_id: `Ev${n}`,
        team_id: 'T1',
        event_time: 1893456000,
        event: { type: 'app_mention', channel: 'C1' },
      });
      const time = secondsNow();
      return {
        body,
        headers: { ...json, 'x-slack-request-timestamp': time, 'x-slack-signature': `v0=${hmac('sha256', `v0:${time}:${body}`)}` },
      };
    },
  },
  twilio: {
    type: 'com.twilio.message.delivered',
    answer: /^<Response\/>$/,
    send: async (url, n) => {
      const fields: Record<string, string> = { MessageStatus: 'delivered', MessageSid: `SM${n}`, AccountSid: 'AC1', Body: 'Grüße & co' };
      const signed =
        url +
        Object.keys(fields)
          .toSorted()
          .map((name) => name + fields[name])
          .join('');
      return {
        body: new URLSearchParams(fields).toString(),
        headers: {
          'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
          'x-twilio-signature': hmac('sha1', signed, 'base64'),
        },
      };
    },
  },
  sendgrid: {
    type: 'com.sendgrid.delivered',
    answer: /^\{"accepted":2\}$/,
    events: 2,
    send: async (_url, n) => {
      const body = `${JSON.stringify([
        { event: 'delivered', sg_event_id: `${n}-1`, sg_message_id: 'm', timestamp: 1893456000 },
        { event: 'delivered', sg_event_id: `${n}-2`, sg_message_id: 'm', timestamp: 1893456000 },
      ])}\r\n`;
      const time = secondsNow();
      const signature = signWith('sha256', Buffer.from(time + body), sendgridKeys.privateKey).toString('base64');
      return {
        body,
        headers: { ...json, 'x-twilio-email-event-webhook-signature': signature, 'x-twilio-email-event-webhook-timestamp': time },
      };
    },
  },
  shopify: {
    type: 'com.shopify.orders.create',
    answer: /^\{"accepted":1\}$/,
    send: async (_url, n) => {
      const body = JSON.stringify({ id: 820982911946154500, name: n });
      return {
        body,
        headers: {
          ...json,
          'x-shopify-topic': 'orders/create',
          'x-shopify-shop-domain': 'shop.myshopify.com',
          'x-shopify-event-id': n,
          'x-shopify-hmac-sha256': hmac('sha256', body, 'base64'),
        },
      };
    },
  },
  adyen: {
    type: 'com.adyen.authorisation',
    answer: /^\[accepted\]$/,
    events: 2,
    send: async (_url, n) => ({
      body: JSON.stringify({ live: 'false', notificationItems: [adyenItem(`${n}1`), adyenItem(`${n}2`)] }),
      headers: json,
    }),
  },
  standard: {
    type: 'invoice.paid',
    answer: /^\{"accepted":1\}$/,
    send: async (_url, n) => {
      const body = JSON.stringify({ type: 'invoice.paid', timestamp: '2030-01-01T00:00:00Z', data: { n } });
      const at = new Date();
      return {
        body,
        headers: {
          ...json,
          'webhook-id': `msg_${n}`,
          'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
          'webhook-signature': new Webhook(standardSecret).sign(`msg_${n}`, at, body),
        },
      };
    },
  },
  cloudevents: {
    type: 'com.example.made',
    answer: /^$/,
    send: async (_url, n) => ({
      body: JSON.stringify({ specversion: '1.0', id: n, source: '/there', type: 'com.example.made', data: { n } }),
      headers: { 'content-type': 'application/cloudevents+json', authorization: 'Bearer token-0123456789' },
    }),
  },
  ci: {
    type: 'com.example.build',
    answer: /^\{"accepted":1\}$/,
    send: async (_url, n) => {
      const body = JSON.stringify({ number: 12 });
      const time = secondsNow();
      const signature = hmac('sha256', `${n}.${time}.${body}`);
      return { body, headers: { ...json, 'x-ci-id': n, 'x-ci-time': time, 'x-ci-kind': 'build', 'x-ci-signature': signature } };
    },
  },
};
