import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { DeskAnswer } from '../../core/desk.ts';
import { GatewayError } from '../../core/errors.ts';
import type { EventDraft } from '../../core/event.ts';
import type { ApiRuntime } from '../../gateway/catalogue.ts';
import type { EventGateway } from '../../gateway/gateway.ts';
import type { Database } from '../../store/database.ts';
import type { Resource, ResourceStore, SourceSpec } from '../../store/resources.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { randomOf } from '../../testing/seeded-random.ts';
import { InboundDesk } from './inbound-desk.ts';
import { inboundMigrations } from './migrations.ts';
import { ReplayMemory } from './replay-memory.ts';

interface Sent {
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
}

const api = { resource: { name: 'inbox', spec: { path: '/inbox' } } } as unknown as ApiRuntime;
const form = { 'content-type': 'application/x-www-form-urlencoded' };

/** The desk by itself, at the time at which the examples of the providers were signed. */
describe('the desk for webhooks of providers', () => {
  let folder: string;
  let database: Database;
  let replays: ReplayMemory;
  let now = 0;
  let spec: SourceSpec;
  const published: EventDraft[] = [];
  const refused: string[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: inboundMigrations });
  });
  after(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    published.length = 0;
    refused.length = 0;
    await database.transact([{ sql: 'DELETE FROM inbound_request', parameters: [] }]);
    replays = await ReplayMemory.open({
      database,
      now: () => now,
      schedule: () => () => undefined,
      onBug: (error) => assert.fail(String(error)),
    });
  });

  function deskOf(preset: string, secret: string, more: Partial<SourceSpec> = {}, callback?: string): InboundDesk {
    spec = {
      subscription: 'sub_1',
      preset,
      address: 'events',
      secrets: [{ sealed: secret }],
      tolerance: 300_000,
      types: {},
      replay: 'content',
      state: 'started',
      ...more,
    };
    const source = { kind: 'source', id: 'src_1', name: 'here', parent: 'shop', spec } as Resource<'source'>;
    const subscription = { kind: 'subscription', id: 'sub_1', spec: { api: 'inbox' } } as Resource<'subscription'>;
    const get = (kind: string, name: string): unknown =>
      kind === 'subscription' ? subscription : kind === 'source' && name === 'here' ? source : undefined;
    const gateway: Pick<EventGateway, 'openSource'> = {
      openSource: () => ({
        publish: (events) => {
          published.push(...events);
          return Promise.resolve(events.map(() => ({ position: '1' as never, duplicate: false })));
        },
        refused: (stage, error) => refused.push(`${stage} ${error.message}`),
      }),
    };
    const topics = {
      standing: (token: string) => (token === callback ? ('wanted' as const) : undefined),
      answer: () => assert.fail('no topic'),
    };
    return new InboundDesk({
      store: { get } as Pick<ResourceStore, 'get'>,
      gateway,
      open: (sealed) => sealed,
      replays,
      topics,
      now: () => now,
    });
  }

  async function send(
    desk: InboundDesk,
    { headers, body, method = 'POST', path = '/inbox/-/in/shop/here', query = '' }: Sent,
  ): Promise<DeskAnswer> {
    const request = { method, path, query, headers, body: Buffer.from(body), origin: 'https://mycompany.com' };
    return await desk.answer({ request, api, apiUrl: 'https://mycompany.com/inbox', rest: path.split('/').slice(-2) });
  }

  async function codeOf(answer: Promise<DeskAnswer>): Promise<string> {
    return await answer.then(
      ({ status }) => String(status),
      (error: unknown) => (error instanceof GatewayError ? error.code : assert.fail(String(error))),
    );
  }

  test("takes Slack's published example at its time, and no longer after the tolerance", async () => {
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
    const headers = {
      ...form,
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    };
    const desk = deskOf('slack', '8f742231b10e8888abcd99yyyzzz85a5');
    now = 1_531_420_618_000 + 301_000;
    assert.equal(await codeOf(send(desk, { headers, body })), 'UNAUTHENTICATED');
    assert.match(refused[0] ?? '', /^connect here: The request was signed 301 s ago; at most 300 s are allowed/);
    now = 1_531_420_618_000;
    const answer = await send(desk, { headers, body });
    assert.deepEqual([answer.status, answer.body], [200, '']);
    assert.deepEqual([published[0]?.type, published[0]?.subject], ['com.slack.command', '/webhook-collect']);
    now += 299_000;
    assert.equal((await send(desk, { headers, body })).status, 200);
    assert.equal(published.length, 1, 'within the tolerance it is taken once');
  });

  test("takes SendGrid's published example, line break and all", async () => {
    const body =
      '[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n';
    const headers = {
      'x-twilio-email-event-webhook-signature':
        'MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=',
      'x-twilio-email-event-webhook-timestamp': '1600112502',
    };
    now = 1_600_112_502_000;
    const key =
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==';
    assert.equal((await send(deskOf('sendgrid', key), { headers, body })).status, 200);
    assert.equal(published[0]?.type, 'com.sendgrid.dropped');
  });

  test("takes Twilio's published example, which signs the URL as the provider was given it", async () => {
    const body = 'To=%2B18005551212&CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309';
    const headers = { ...form, 'x-twilio-signature': 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' };
    const desk = deskOf('twilio', '12345');
    // The example's own path has no place in an API, so the desk is asked as if it had.
    const request = {
      method: 'POST',
      path: '/myapp.php',
      query: 'foo=1&bar=2',
      headers,
      body: Buffer.from(body),
      origin: 'https://mycompany.com',
    };
    const visit = { request, api, apiUrl: '', rest: ['shop', 'here'] };
    assert.equal((await desk.answer(visit)).body, '<Response/>');
    assert.equal(await codeOf(desk.answer({ ...visit, request: { ...request, origin: 'https://other.com' } })), 'UNAUTHENTICATED');
    assert.equal(await codeOf(desk.answer({ ...visit, request: { ...request, query: 'foo=1' } })), 'UNAUTHENTICATED');
  });

  test("takes Adyen's published example", async () => {
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
    const body = JSON.stringify({ live: 'false', notificationItems: [{ NotificationRequestItem: item }] });
    const desk = deskOf('adyen', '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056');
    assert.equal((await send(desk, { headers: {}, body })).body, '[accepted]');
    assert.equal(published[0]?.id, '7914073381342284:AUTHORISATION:true');
  });

  const signed = (body: string | Uint8Array, id = 'd-1'): Sent => ({
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'ping',
      'x-github-delivery': id,
      'x-hub-signature-256': `sha256=${createHmac('sha256', 'key').update(body).digest('hex')}`,
    },
  });

  test('what is believed and is no event is refused, counted, and no repetition afterwards', async () => {
    const desk = deskOf('github', 'key');
    for (const body of ['', '{', '[1,', '{"a":1,"a":1', 'text', '{"action":"../../x"}']) {
      assert.equal(await codeOf(send(desk, signed(body))), 'INVALID_EVENT', body);
      assert.equal(await codeOf(send(desk, signed(body))), 'INVALID_EVENT', body);
    }
    assert.ok(refused.length === 12 && refused.every((line) => line.startsWith('publish The request is believed, but')));
    assert.deepEqual(published, []);
  });

  test('random bodies and headers are refused or taken, and never break it', async () => {
    const seed = Number(process.env['SEED'] ?? Date.now());
    const random = randomOf(seed);
    const bytes = (size: number): Buffer => Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)));
    for (const preset of ['github', 'stripe', 'slack', 'twilio', 'shopify', 'adyen', 'standard', 'sendgrid', 'cloudevents', 'websub']) {
      const desk = deskOf(preset, preset === 'adyen' ? 'aa' : 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=');
      for (let round = 0; round < 20; round++) {
        const names = [
          'x-hub-signature-256',
          'stripe-signature',
          'x-slack-signature',
          'x-twilio-signature',
          'webhook-signature',
          'authorization',
        ];
        const headers = Object.fromEntries(names.map((name) => [name, bytes(Math.floor(random() * 40)).toString('latin1')]));
        const code = await codeOf(send(desk, { headers, body: bytes(Math.floor(random() * 200)) }));
        assert.equal(code, 'UNAUTHENTICATED', `${preset}, seed ${seed}`);
      }
    }
  });

  test('with `replay: id` the same content counts again under another id, and else it does not', async () => {
    const byContent = deskOf('github', 'key');
    await send(byContent, signed('{"action":"beat"}', 'd-1'));
    await send(byContent, signed('{"action":"beat"}', 'd-2'));
    assert.equal(published.length, 1);
    const byId = deskOf('github', 'key', { replay: 'id' });
    for (const id of ['d-3', 'd-3', 'd-4']) await send(byId, signed('{"action":"beat"}', id));
    assert.deepEqual(
      published.map(({ id }) => id),
      ['d-1', 'd-3', 'd-4'],
    );
  });

  test('readers are told neither the token of a callback nor how its URL was written', async () => {
    now = 1_700_000_000_000;
    const content = Buffer.from('news');
    const signature = `sha256=${createHmac('sha256', 'secret').update(content).digest('hex')}`;
    const desk = deskOf('websub', 'secret', { topic: { url: 'https://blog.example/', lease: 60_000 } }, 'unguessable');
    const request = {
      method: 'POST',
      query: '',
      headers: { 'x-hub-signature': signature },
      body: content,
      origin: 'https://mycompany.com',
    };
    const visit = { api, apiUrl: 'https://mycompany.com/inbox', rest: ['shop', 'here', 'unguessable'] };
    const answer = await desk.answer({ ...visit, request: { ...request, path: '/inbox/-/in/shop/%68ere/unguessable' } });
    assert.equal(answer.status, 204);
    assert.equal(published[0]?.source, '/inbox/-/in/shop/here');
  });

  test('several secrets are believed, each until its end', async () => {
    now = 1000;
    const desk = deskOf('github', 'new', { secrets: [{ sealed: 'new' }, { sealed: 'key', expiresAt: 2000 }] });
    assert.equal((await send(desk, signed('{"n":1}'))).status, 200);
    now = 2000;
    assert.equal(await codeOf(send(desk, signed('{"n":2}'))), 'UNAUTHENTICATED');
  });

  test('types are renamed by the exact name first, then by the longest that is above', async () => {
    const types = { 'com.github.ping': 'alive', 'com.github.*': 'gh.*', 'com.github.issues.*': 'bug.*' };
    const desk = deskOf('github', 'key', { types });
    for (const event of ['ping', 'issues', 'fork']) {
      const sent = signed(`{"action":"opened","e":"${event}"}`);
      await send(desk, { ...sent, headers: { ...sent.headers, 'x-github-event': event } });
    }
    await send(desk, signed('{"plain":true}'));
    assert.deepEqual(
      published.map(({ type }) => type),
      ['gh.ping.opened', 'bug.opened', 'gh.fork.opened', 'alive'],
    );
  });

  test('there is nothing at any other path or by any other method', async () => {
    const desk = deskOf('github', 'key');
    const request = { method: 'POST', path: '/', query: '', headers: {}, body: Buffer.alloc(0), origin: '' };
    for (const rest of [[], ['shop'], ['shop', 'here', 'a', 'b']])
      assert.equal(await codeOf(desk.answer({ request, api, apiUrl: '', rest })), 'NOT_FOUND', rest.join('/'));
    assert.equal(await codeOf(desk.answer({ request, api, apiUrl: '', rest: ['shop', 'here', 'token'] })), 'UNAUTHENTICATED');
    for (const method of ['GET', 'PUT', 'DELETE', 'HEAD'])
      assert.equal(await codeOf(send(desk, { ...signed('{}'), method })), 'METHOD_NOT_ALLOWED');
  });
});
