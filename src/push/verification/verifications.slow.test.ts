import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { openSender, Receiver } from '../../outgoing/sender-fixture.ts';
import { storeMigrations } from '../../store/migrations.ts';
import type { EndpointSpec, Resource, ResourceStore } from '../../store/resources.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { openResourceStore } from '../../store/sqlite/resource-store.ts';
import { ManualTime } from '../../testing/manual-time.ts';
import { until } from '../../testing/until.ts';
import { targetOf } from '../target-of.ts';
import { verificationMigrations } from './migrations.ts';
import type { VerificationRecord } from './verification-record.ts';
import { Verifications } from './verifications.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
interface Asked {
  readonly method: string | undefined;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Answer = (response: ServerResponse, asked: Asked) => void;

const echoing: Answer = (response, { url }) => void response.end(new URL(url, 'http://x').searchParams.get('challenge'));
const consenting =
  (headers: Readonly<Record<string, string>>, status = 200): Answer =>
  (response) =>
    void response.writeHead(status, headers).end();

describe('The receiver of an endpoint', () => {
  let folder: string;
  let database: Awaited<ReturnType<typeof openDatabase>>;
  let store: ResourceStore;
  let outgoing: Awaited<ReturnType<typeof openSender>>;
  let receiver: Receiver;
  let verifications: Verifications;
  let time: ManualTime;
  let answer: Answer;
  let changes: number;
  const asked: Asked[] = [];
  const bugs: unknown[] = [];

  before(async () => {
    outgoing = await openSender();
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: [...storeMigrations, ...verificationMigrations] });
    store = await openResourceStore(database, { now: () => time.now() });
    receiver = await Receiver.http((request, response) => {
      void text(request).then((body) => {
        const one = { method: request.method, url: request.url ?? '', headers: request.headers, body };
        asked.push(one);
        answer(response, one);
      });
    }).listen();
  });
  after(async () => {
    outgoing.close();
    receiver.close();
    await database.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    asked.length = 0;
    bugs.length = 0;
    changes = 0;
    answer = echoing;
    time = new ManualTime();
    await begin();
  });
  afterEach(async () => {
    await remove();
    await verifications.close();
    await database.transact([{ sql: 'DELETE FROM push_verification', parameters: [] }]);
    assert.deepEqual(bugs, []);
  });

  async function begin(origin = 'events.example.com'): Promise<void> {
    let count = 0;
    verifications = await Verifications.open({
      store,
      database,
      clock: time,
      random: () => 0.5,
      nonce: () => `nonce-${++count}`,
      schedule: time.schedule,
      send: (request) => outgoing.sender.send(request),
      targetOf: (endpoint) => targetOf(endpoint, { open: (sealed) => sealed, compile: () => assert.fail() }),
      origin,
      callback: { tokenOf: (text) => `token of ${text}`, urlOf: (endpoint, token) => `https://x/${endpoint}/${encodeURIComponent(token)}` },
      onChange: () => (changes += 1),
      onBug: (error) => bugs.push(error),
    });
    verifications.start();
  }

  let written = 0;
  async function put(spec: Partial<EndpointSpec> = {}): Promise<Resource<'endpoint'>> {
    const full = {
      subscription: 'sub_1',
      address: '*',
      url: receiver.url(),
      types: [],
      headers: {},
      content: 'structured',
      timeout: 30_000,
      secrets: [{ sealed: secret }],
      retry: [],
      concurrency: 1,
      order: 'none',
      metadata: {},
      state: 'started',
      ...spec,
    } as EndpointSpec;
    const known = store.byId('endpoint', 'ep_1');
    const version = (known?.version ?? 0) + 1;
    const about = {
      tenant: 'default',
      kind: 'endpoint',
      id: 'ep_1',
      name: 'hook',
      parent: 'shop',
      createdAt: 0,
      updatedAt: ++written,
    } as const;
    const resource: Resource<'endpoint'> = { ...about, version, spec: full };
    await store.write([{ op: 'put', resource, expect: version - 1, action: 'endpoint.update' }], 'test');
    return store.byId('endpoint', 'ep_1')!;
  }

  async function remove(): Promise<void> {
    const current = store.byId('endpoint', 'ep_1');
    if (current !== undefined)
      await store.write([{ op: 'delete', resource: current, expect: current.version, action: 'endpoint.delete' }], 'test');
  }

  const record = (): VerificationRecord | undefined => verifications.record(store.byId('endpoint', 'ep_1')!);
  const refusal = (): string | undefined => verifications.refusal(store.byId('endpoint', 'ep_1')!)?.message;
  const asks = (count: number): Promise<void> =>
    until(
      async () => asked.length >= count && (record()?.tries ?? 0) + changes >= count,
      () => `asked ${asked.length}, ${JSON.stringify(record())}`,
    );

  it('is not asked where nothing is to be verified', async () => {
    const endpoint = await put();
    assert.equal(verifications.refusal(endpoint), undefined);
    assert.equal(verifications.record(endpoint), undefined);
    await assert.rejects(verifications.verify(endpoint), { code: 'CONFLICT' });
    assert.deepEqual(asked, []);
  });

  it('answers a challenge exactly, and is delivered to from then on, also after a restart', async () => {
    await put({ verification: 'challenge', url: `${receiver.url()}?challenge=mine&a=b`, headers: { 'X-Env': 'prod' } });
    answer = (response, { url }) => void response.end(new URL(url, 'http://x').searchParams.getAll('challenge')[1]);
    assert.match(refusal() ?? '', /has not confirmed yet/);
    await asks(1);
    assert.equal(refusal(), undefined);
    assert.deepEqual(
      [asked[0]!.method, asked[0]!.url, asked[0]!.headers['x-env']],
      ['GET', '/hook?challenge=mine&a=b&challenge=nonce-1', 'prod'],
    );
    await verifications.close();
    await begin();
    assert.equal(refusal(), undefined);
    time.advance(365 * 86_400_000);
    assert.equal(asked.length, 1);
  });

  for (const [name, wrong] of [
    ['another body', (response) => void response.end('nonce')],
    ['a line break after it', (response) => void response.end('nonce-1\n')],
    ['more than it', (response) => void response.end(`nonce-1${' '.repeat(20_000)}`)],
    ['a redirect', (response) => void response.writeHead(302, { location: '/?challenge=nonce-1' }).end('nonce-1')],
    ['an error', (response) => void response.writeHead(500).end('nonce-1')],
    ['nothing', (response) => void response.destroy()],
  ] as readonly (readonly [string, Answer])[]) {
    it(`is held when it answers a challenge with ${name}`, async () => {
      answer = wrong;
      await put({ verification: 'challenge' });
      await until(
        async () => record()?.tries === 1,
        () => JSON.stringify(record()),
      );
      assert.ok(refusal() !== undefined && record()!.sentence !== undefined);
      assert.equal(changes, 1);
    });
  }

  it('is asked again on a schedule that a restart keeps, then no more by itself, and then by hand', async () => {
    answer = consenting({}, 500);
    await put({ verification: 'challenge' });
    await asks(1);
    assert.equal(record()!.nextAt! - time.now(), 10_000);
    time.advance(9_999);
    assert.equal(asked.length, 1);
    await verifications.close();
    await begin();
    assert.equal(asked.length, 1);
    time.advance(1);
    await until(
      async () => record()?.tries === 2,
      () => 'the second time',
    );
    for (let tries = 3; tries <= 10; tries += 1) {
      time.advance(86_400_000);
      await until(
        async () => record()?.tries === tries,
        () => `${tries} times`,
      );
    }
    assert.equal(record()!.state, 'failed');
    time.advance(30 * 86_400_000);
    assert.equal(asked.length, 10);
    answer = echoing;
    const said = await verifications.verify(store.byId('endpoint', 'ep_1')!);
    assert.deepEqual([said.state, said.tries, said.sentence, refusal()], ['verified', 0, undefined, undefined]);
  });

  it('is asked anew when its URL or the policy changes, and not when anything else does', async () => {
    await put({ verification: 'challenge' });
    await asks(1);
    await put({ verification: 'challenge', order: 'strict', secrets: [] });
    assert.equal(refusal(), undefined);
    await put({ verification: 'challenge', url: receiver.url('127.0.0.1', '/other') });
    assert.notEqual(refusal(), undefined);
    await asks(2);
    assert.equal(refusal(), undefined);
    await put({ verification: 'signed-ping', url: receiver.url('127.0.0.1', '/other') });
    assert.notEqual(refusal(), undefined);
    await asks(3);
    assert.equal(asked.length, 3);
  });

  it('stays verified though somebody still asks about what the endpoint was before', async () => {
    const before = await put({ verification: 'challenge', url: receiver.url('127.0.0.1', '/other') });
    await asks(1);
    await put({ verification: 'challenge' });
    await asks(2);
    assert.notEqual(verifications.refusal(before), undefined);
    assert.equal(refusal(), undefined);
    await put({ verification: 'challenge', order: 'strict' });
    assert.deepEqual([refusal(), asked.length], [undefined, 2]);
  });

  it('is held again when it says no to a question that somebody asked', async () => {
    const endpoint = await put({ verification: 'challenge' });
    await asks(1);
    verifications.consented(endpoint, targetOf(endpoint, { open: (sealed) => sealed, compile: () => assert.fail() }));
    assert.equal(verifications.change(endpoint), undefined);
    answer = consenting({}, 404);
    const said = await Promise.all([verifications.verify(endpoint), verifications.verify(endpoint)]);
    assert.deepEqual(
      said.map(({ state, tries }) => [state, tries]),
      [
        ['pending', 1],
        ['pending', 1],
      ],
    );
    assert.match(verifications.change(endpoint)?.message ?? '', /404/);
    for (let times = 1; times < 10; times += 1) await verifications.verify(endpoint);
    await assert.rejects(verifications.verify(endpoint), { code: 'LIMIT_REACHED' });
  });

  it('CE-8, CE-9: consents by headers alone, whatever the status, to the origin that asks and the rate it was asked for', async () => {
    answer = consenting({ 'WebHook-Allowed-Origin': 'Events.Example.com', 'WebHook-Allowed-Rate': '120' }, 405);
    const endpoint = await put({ verification: 'cloudevents', rateLimit: { limit: 10, per: 'second' } });
    await asks(1);
    assert.equal(refusal(), undefined);
    const [{ method, headers, body }] = asked as [Asked];
    assert.deepEqual(
      [method, headers['webhook-request-origin'], headers['webhook-request-rate'], body],
      ['OPTIONS', 'events.example.com', '600', ''],
    );
    const target = targetOf(endpoint, { open: (sealed) => sealed, compile: () => assert.fail() });
    const consented = verifications.consented(endpoint, target);
    assert.equal(consented.perSecond, 2);
    // CE-10.
    assert.deepEqual(consented.headers.at(-1), ['WebHook-Request-Origin', 'events.example.com']);
    answer = consenting({ 'WebHook-Allowed-Origin': '*', 'WebHook-Allowed-Rate': '*' });
    await verifications.verify(endpoint);
    assert.match(verifications.change(endpoint)?.message ?? '', /another rate/);
    assert.equal(verifications.consented(endpoint, target).perSecond, 10);
    assert.equal(verifications.change(endpoint), undefined);
  });

  it('CE-8: is asked anew when Sluice has another origin', async () => {
    answer = consenting({ 'WebHook-Allowed-Origin': '*' });
    await put({ verification: 'cloudevents' });
    await asks(1);
    assert.equal(asked[0]!.headers['webhook-request-rate'], undefined);
    await verifications.close();
    await begin('other.example.com');
    assert.notEqual(refusal(), undefined);
    await asks(2);
    assert.equal(asked[1]!.headers['webhook-request-origin'], 'other.example.com');
  });

  for (const [name, headers, isRateAsked] of [
    ['no consent', {}, false],
    ['another origin', { 'WebHook-Allowed-Origin': 'evil.example.com' }, false],
    ['a part of the origin', { 'WebHook-Allowed-Origin': 'example.com' }, false],
    ['no rate though one was asked for', { 'WebHook-Allowed-Origin': '*' }, true],
    ['a rate of 0', { 'WebHook-Allowed-Origin': '*', 'WebHook-Allowed-Rate': '0' }, false],
    ['a rate that is no number', { 'WebHook-Allowed-Origin': '*', 'WebHook-Allowed-Rate': 'fast' }, true],
    ['a rate below 0', { 'WebHook-Allowed-Origin': '*', 'WebHook-Allowed-Rate': '-1' }, false],
  ] as readonly (readonly [string, Readonly<Record<string, string>>, boolean])[]) {
    it(`CE-9: has not consented with ${name}`, async () => {
      answer = consenting(headers);
      await put({ verification: 'cloudevents', ...(isRateAsked && { rateLimit: { limit: 60, per: 'minute' } }) });
      await until(
        async () => record()?.tries === 1,
        () => JSON.stringify(record()),
      );
      assert.notEqual(refusal(), undefined);
    });
  }

  it('CE-8: may consent later at a URL that only it was told, whatever it answered meanwhile', async () => {
    const consents: Promise<boolean>[] = [];
    answer = (response, { headers }) => {
      const [endpoint = '', token = ''] = String(headers['webhook-request-callback']).split('/').slice(3);
      consents.push(verifications.consent(endpoint, decodeURIComponent(token), '60'));
      void consents[0]!.then(() => response.writeHead(200).end());
    };
    const endpoint = await put({ verification: 'cloudevents' });
    await until(
      async () => refusal() === undefined && consents.length > 0,
      () => JSON.stringify(record()),
    );
    assert.ok(await consents[0]);
    await until(
      async () => time.pending === 0,
      () => 'it is to be asked again',
    );
    assert.deepEqual([record()?.state, record()?.perMinute], ['verified', 60]);
    const token = `token of ep_1 ${record()!.subject}`;
    const known = record();
    assert.ok((await verifications.consent('ep_1', token, '60')) && record() === known);
    assert.equal(await verifications.consent('ep_1', `${token} `, undefined), false);
    assert.equal(await verifications.consent('ep_2', token, undefined), false);
    await assert.rejects(verifications.consent('ep_1', token, '0'), { code: 'BAD_REQUEST' });
    await put({ verification: 'cloudevents', url: `${endpoint.spec.url}/other` });
    assert.equal(await verifications.consent('ep_1', token, undefined), false);
  });

  it('is sent a ping that is signed and authenticated as every delivery, and has to take it', async () => {
    answer = consenting({}, 403);
    await put({ verification: 'signed-ping', authentication: { kind: 'key', header: 'X-Key', value: { sealed: 'open sesame' } } });
    await asks(1);
    assert.match(refusal() ?? '', /answered the signed ping with 403/);
    answer = consenting({}, 204);
    await verifications.verify(store.byId('endpoint', 'ep_1')!);
    assert.equal(refusal(), undefined);
    const [, { method, headers, body }] = asked as [Asked, Asked];
    assert.deepEqual(
      [method, headers['x-key'], headers['content-type']],
      ['POST', 'open sesame', 'application/cloudevents+json; charset=utf-8'],
    );
    // The library judges by the time of the computer, so the tolerance is not what is tried here.
    const signed = new Webhook(secret).sign(headers['webhook-id'] as string, new Date(time.now()), body);
    assert.equal(headers['webhook-signature'], signed);
    const event = JSON.parse(body) as Record<string, unknown>;
    assert.deepEqual([event['type'], event['source'], event['position']], ['io.sluice.endpoint.ping', '/sluice/endpoints/ep_1', undefined]);
  });

  it('is asked nothing while its endpoint is paused, and forgotten with it', async () => {
    const endpoint = await put({ verification: 'challenge', state: 'paused' });
    assert.deepEqual(asked, []);
    await put({ verification: 'challenge' });
    await asks(1);
    assert.ok(endpoint.version < store.byId('endpoint', 'ep_1')!.version);
    await remove();
    await until(
      async () => (await database.query('SELECT * FROM push_verification', [])).length === 0,
      () => 'its row is still there',
    );
  });

  it('does not count as asked when Sluice ends meanwhile', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    answer = () => resolve();
    await put({ verification: 'challenge' });
    await promise;
    await verifications.close();
    assert.deepEqual(await database.query('SELECT * FROM push_verification', []), []);
    answer = echoing;
    await begin();
    await until(
      async () => refusal() === undefined,
      () => 'it is asked again',
    );
  });
});
