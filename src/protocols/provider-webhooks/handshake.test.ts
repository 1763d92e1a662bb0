import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WebhookHeaders } from '../standard-webhooks/one-header.ts';
import { isRefused } from '../standard-webhooks/verdict.ts';
import { askHeaders, consentHeaders, readAsk, readConsent, type DeliveryRequest } from './handshake.ts';

/** As Node hands received headers over. */
function received(headers: Readonly<Record<string, string>>): WebhookHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function outcome(value: ReturnType<typeof readAsk> | ReturnType<typeof readConsent>): unknown {
  return isRefused(value) ? value.code : 'ratePerMinute' in value ? value.ratePerMinute : value;
}

const ask: DeliveryRequest = { origin: 'events.example.com', callback: 'https://events.example.com/grant?key=x', ratePerMinute: 120 };

describe('The request to be allowed to send', () => {
  it('CE-8: names the origin, and if wished a callback and a rate', () => {
    assert.deepEqual(askHeaders(ask), {
      'WebHook-Request-Origin': 'events.example.com',
      'WebHook-Request-Callback': 'https://events.example.com/grant?key=x',
      'WebHook-Request-Rate': '120',
    });
    assert.deepEqual(askHeaders({ origin: 'a.example' }), { 'WebHook-Request-Origin': 'a.example' });
    assert.deepEqual(readAsk(received(askHeaders(ask))), ask);
    assert.deepEqual(readAsk({ 'webhook-request-origin': 'a.example' }), {
      origin: 'a.example',
      callback: undefined,
      ratePerMinute: undefined,
    });
  });

  it('CE-8: is refused without an origin, or with values that are none', () => {
    const headers = received(askHeaders(ask));
    const read = (other: WebhookHeaders): unknown => outcome(readAsk({ ...headers, ...other }));
    assert.equal(read({ 'webhook-request-origin': undefined }), 'HEADER_MISSING');
    assert.equal(read({ 'webhook-request-origin': ['a', 'b'] }), 'HEADER_REPEATED');
    for (const bad of ['https://a.example', 'a b', 'a\r\nx', '-a', '.', 'é', 'a'.repeat(254)]) {
      assert.equal(read({ 'webhook-request-origin': bad }), 'HEADER_MALFORMED', bad);
    }
    for (const bad of ['http://a.example/', 'javascript:1', 'grant', `https://a.example/${'x'.repeat(2048)}`]) {
      assert.equal(read({ 'webhook-request-callback': bad }), 'HEADER_MALFORMED', bad);
    }
    for (const bad of ['0', '-1', '1.5', '*', '9'.repeat(10), '1, 1'])
      assert.equal(read({ 'webhook-request-rate': bad }), 'HEADER_MALFORMED', bad);
  });
});

describe('The consent', () => {
  it('CE-9: allows the origin at a rate, or without limit', () => {
    assert.deepEqual(consentHeaders('events.example.com', 60), {
      Allow: 'POST',
      'WebHook-Allowed-Origin': 'events.example.com',
      'WebHook-Allowed-Rate': '60',
    });
    assert.equal(outcome(readConsent(received(consentHeaders(ask.origin, 60)), ask)), 60);
    assert.equal(outcome(readConsent(received(consentHeaders('*', undefined)), ask)), Infinity);
    assert.equal(outcome(readConsent({ 'webhook-allowed-origin': 'Events.Example.COM', 'webhook-allowed-rate': '1' }, ask)), 1);
    assert.deepEqual(readConsent({ 'webhook-allowed-origin': '*' }, { origin: 'a' }), { ok: true, ratePerMinute: undefined });
  });

  it('CE-9: is none without the headers, for another origin, or without the rate that was asked for', () => {
    const read = (headers: WebhookHeaders): unknown => outcome(readConsent(headers, ask));
    assert.equal(read({ allow: 'POST' }), 'HEADER_MISSING');
    assert.equal(read({ 'webhook-allowed-origin': 'other.example.com', 'webhook-allowed-rate': '*' }), 'ORIGIN_REFUSED');
    assert.equal(read({ 'webhook-allowed-origin': `${ask.origin}, *`, 'webhook-allowed-rate': '*' }), 'ORIGIN_REFUSED');
    assert.equal(read({ 'webhook-allowed-origin': '*' }), 'HEADER_MISSING');
    for (const bad of ['0', 'many', '1.5', '-1'])
      assert.equal(read({ 'webhook-allowed-origin': '*', 'webhook-allowed-rate': bad }), 'HEADER_MALFORMED');
    assert.equal(read({ 'webhook-allowed-origin': '*', 'webhook-allowed-rate': ['1', '2'] }), 'HEADER_REPEATED');
  });
});
