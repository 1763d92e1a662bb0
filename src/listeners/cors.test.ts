import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { keyOf, openChat } from '../testing/chat-world.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { corsHeaders, isAllowedOrigin, preflightHeaders } from './cors.ts';

const cors = { origins: ['https://app.example'], maxAge: 90_500 };
const everybody = { origins: ['*'], maxAge: 0 };

describe('cross-origin rules', () => {
  test('hold for exactly the origins that are named', () => {
    assert.equal(isAllowedOrigin(cors, 'https://app.example'), true);
    for (const origin of ['https://app.example.evil', 'http://app.example', 'https://app.example:8443', 'null', '', '*']) {
      assert.equal(isAllowedOrigin(cors, origin), false, origin);
    }
    assert.equal(isAllowedOrigin(everybody, 'https://anybody.example'), true);
    assert.equal(isAllowedOrigin(undefined, 'https://app.example'), false);
  });

  test('tell caches that the answer depends on the origin', () => {
    assert.deepEqual(corsHeaders(cors, undefined), { vary: 'Origin' });
    assert.deepEqual(corsHeaders(cors, 'https://evil.example'), { vary: 'Origin' });
    assert.deepEqual(corsHeaders(undefined, 'https://app.example'), {});
  });

  test('allow in a preflight the headers the gateway reads, and no others', () => {
    const asked = 'Authorization, X-API-Key, content-type,ce-id,CE-Source,Last-Event-ID,Ack,Cookie,X-Evil, ce-!';
    const headers = preflightHeaders(cors, { origin: 'https://app.example', 'access-control-request-headers': asked });
    assert.equal(headers['access-control-allow-headers'], 'Authorization, X-API-Key, content-type, ce-id, CE-Source, Last-Event-ID, Ack');
    assert.equal(headers['access-control-allow-methods'], 'GET, POST');
    assert.equal(headers['access-control-max-age'], '90');
    assert.equal(headers['access-control-allow-credentials'], undefined);
    assert.equal(preflightHeaders(cors, { origin: 'https://evil.example' })['access-control-allow-methods'], undefined);
  });
});

describe('requests from pages', () => {
  let world: SluiceFixture;

  before(async () => {
    world = await openChat();
  });

  after(() => world.stop());

  const origin = 'https://allowed.example';
  const allowed = (response: Response): string | null => response.headers.get('access-control-allow-origin');

  test('are asked for beforehand, without a key', async () => {
    const headers = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' };
    const response = await fetch(`${world.gateway}/chat/a/both`, { method: 'OPTIONS', headers });
    assert.deepEqual([response.status, allowed(response)], [204, origin]);
    assert.equal(response.headers.get('access-control-allow-headers'), 'authorization, content-type');
    assert.equal(response.headers.get('access-control-max-age'), '600');
  });

  test('get no leave for an API that is not there', async () => {
    const response = await fetch(`${world.gateway}/nowhere`, { method: 'OPTIONS', headers: { origin } });
    assert.deepEqual([response.status, allowed(response)], [404, null]);
  });

  test('may read every answer, refusals too', async () => {
    const key = { 'x-api-key': keyOf('open'), origin };
    const event = { specversion: '1.0', id: '1', source: '/cors', type: 'com.example.both', data: {} };
    const answers = {
      202: await fetch(`${world.gateway}/chat/a/both`, {
        method: 'POST',
        headers: { ...key, 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(event),
      }),
      200: await fetch(`${world.gateway}/chat/a/both`, { headers: key }),
      401: await fetch(`${world.gateway}/chat/a/both`, { headers: { origin } }),
      404: await fetch(`${world.gateway}/chat/a/whispered`, { headers: key }),
      405: await fetch(`${world.gateway}/chat/a/both`, { method: 'PUT', headers: key }),
      413: await fetch(`${world.gateway}/chat/a/both`, {
        method: 'POST',
        headers: { ...key, 'content-type': 'application/json' },
        body: new Uint8Array(12 * 1024 * 1024),
      }),
    };
    for (const [status, response] of Object.entries(answers)) {
      assert.deepEqual([response.status, allowed(response)], [Number(status), origin]);
      assert.match(String(response.headers.get('access-control-expose-headers')), /Link, RateLimit/);
      await response.arrayBuffer();
    }
    const stream = await fetch(`${world.gateway}/chat/a/both`, { headers: { ...key, accept: 'text/event-stream' } });
    assert.equal(allowed(stream), origin);
    await stream.body?.cancel();
  });

  test('of other origins may read nothing', async () => {
    const response = await fetch(`${world.gateway}/chat/a/both`, {
      headers: { 'x-api-key': keyOf('open'), origin: 'https://evil.example' },
    });
    assert.equal(allowed(response), null);
    await response.arrayBuffer();
  });
});
