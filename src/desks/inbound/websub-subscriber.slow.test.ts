import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { LittleHub, type HubSubscription } from '../../testing/little-hub.ts';
import { openSluice, type SluiceFixture } from '../../testing/sluice-fixture.ts';
import { until } from '../../testing/until.ts';

const key = 'reader-key-0123456789';
const contract = `
asyncapi: 3.0.0
info: { title: Feeds, version: 1.0.0 }
channels:
  feed: { address: 'feed/{name}', parameters: { name: {} } }
operations:
  send: { action: send, channel: { $ref: '#/channels/feed' } }
`;
const config = `
apis:
  feeds: { contract: ./feeds.yaml, path: /feeds, plans: { free: {} } }
applications:
  reader:
    credentials: [{ kind: api-key, value: ${key} }]
    subscriptions: [{ api: feeds, plan: free }]
  intake:
    subscriptions: [{ api: feeds, as: provider }]
`;

/** Our own subscriber against the cases of websub.rocks, and those it lacks. */
describe('WebSub subscriber', { timeout: 180_000 }, () => {
  const hub = new LittleHub();
  let sluice: SluiceFixture;
  let count = 0;
  before(async () => {
    await hub.listen();
    sluice = await openSluice(config, { files: { 'feeds.yaml': contract }, openOutgoing: ['127.0.0.0/8'] });
  });
  after(async () => {
    await sluice.stop();
    hub.close();
  });
  afterEach(() => {
    hub.leaseSeconds = undefined;
    hub.opening = Promise.resolve();
    hub.answers.clear();
  });

  /** A source that follows a topic, and a name of its own for what it publishes. */
  async function follow(path: string, more: object = {}): Promise<{ readonly id: string; readonly name: string }> {
    const name = `feed${(count += 1)}`;
    const { items } = (await sluice.client().get(['subscriptions'], { application: 'intake' })) as { items: { id: string }[] };
    const body = { subscription: items[0]?.id, name, preset: 'websub', address: `feed/${name}`, topic: { url: hub.url(path) }, ...more };
    const { id } = await sluice.client().post(['sources'], body);
    return { id: String(id), name };
  }

  const about =
    (path: string, mode = 'subscribe') =>
    (one: HubSubscription): boolean =>
      one.topic === hub.url(path) && one.mode === mode;

  async function read(name: string): Promise<readonly { data: string; datacontenttype: string; type: string; source: string }[]> {
    const response = await fetch(`${sluice.gateway}/feeds/feed/${name}?from=earliest&limit=100`, {
      headers: { authorization: `Bearer ${key}` },
    });
    return (await response.json()) as Awaited<ReturnType<typeof read>>;
  }

  /** Follows a topic and sees it through to an event. */
  async function works(path: string, topic = path): Promise<void> {
    const { name } = await follow(path);
    const subscription = await hub.verified(about(topic));
    assert.deepEqual([subscription.status, subscription.body], [200, subscription.challenge]);
    const response = await hub.distribute(subscription, `news of ${path}`);
    assert.ok(response.ok, await response.text());
    const [event] = await read(name);
    assert.deepEqual(
      [event?.data, event?.datacontenttype, event?.type, event?.source],
      [`news of ${path}`, 'text/plain; charset=utf-8', 'org.w3.websub.content', hub.url(topic)],
    );
  }

  const link = (self: string, to = '/hub'): string => `<${hub.url(to)}>; rel="hub", <${hub.url(self)}>; rel="self"`;

  test('100: finds the hub in the Link header', async () => {
    hub.topic('/100', { 'content-type': 'text/plain', link: link('/100') });
    await works('/100');
  });

  test('101: finds the hub in an HTML page', async () => {
    const head = `<link rel="hub" href="${hub.url('/hub')}"><link rel="self" href="${hub.url('/101')}">`;
    hub.topic('/101', { 'content-type': 'text/html' }, `<!doctype html><html><head><title>x</title>${head}</head><body></body></html>`);
    await works('/101');
  });

  test('102: finds the hub in an Atom feed', async () => {
    const links = `<link rel="hub" href="${hub.url('/hub')}"/><link rel="self" href="${hub.url('/102')}"/>`;
    hub.topic(
      '/102',
      { 'content-type': 'application/atom+xml' },
      `<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title>${links}</feed>`,
    );
    await works('/102');
  });

  test('103: finds the hub in an RSS feed', async () => {
    const links = `<atom:link rel="hub" href="${hub.url('/hub')}"/><atom:link rel="self" href="${hub.url('/103')}"/>`;
    const rss = `<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>x</title>${links}</channel></rss>`;
    hub.topic('/103', { 'content-type': 'application/rss+xml' }, rss);
    await works('/103');
  });

  test('104: believes the header and not the body', async () => {
    const wrong = `<html><head><link rel="hub" href="${hub.url('/wrong')}"><link rel="self" href="${hub.url('/wrong')}"></head></html>`;
    hub.topic('/104', { 'content-type': 'text/html', link: link('/104') }, wrong);
    await works('/104');
    assert.ok(!hub.asked.some(({ path }) => path === '/wrong'));
  });

  test('200: subscribes to the URL that the topic says is its own', async () => {
    hub.topic('/200?variant=a', { 'content-type': 'text/plain', link: link('/200') });
    await works('/200?variant=a', '/200');
  });

  for (const [number, status] of [
    [201, 302],
    [202, 301],
  ] as const) {
    test(`${number}: follows a topic that moved with ${status}`, async () => {
      hub.page(`/${number}`, (_request, response) => response.writeHead(status, { location: `/${number}/new` }).end());
      hub.topic(`/${number}/new`, { 'content-type': 'text/plain', link: link(`/${number}/new`) });
      await works(`/${number}`, `/${number}/new`);
    });
  }

  for (const [number, status] of [
    [203, 307],
    [204, 308],
  ] as const) {
    test(`${number}: asks the hub where it is when it answers ${status}`, async () => {
      hub.topic(`/${number}`, { 'content-type': 'text/plain', link: link(`/${number}`, `/hub/${status}`) });
      hub.answers.set(`/hub/${status}`, (_form, response) => response.writeHead(status, { location: hub.url('/hub') }).end());
      await works(`/${number}`);
    });
  }

  test('205: a verification for a wrong topic, mode or callback is answered 404', async () => {
    hub.topic('/205', { 'content-type': 'text/plain', link: link('/205') });
    await follow('/205');
    const { callback, topic } = await hub.verified(about('/205'));
    const right = { 'hub.mode': 'subscribe', 'hub.topic': topic, 'hub.challenge': 'c1', 'hub.lease_seconds': '60' };
    for (const wrong of [{ 'hub.topic': `${topic}/other` }, { 'hub.mode': 'unsubscribe' }, { 'hub.challenge': 'a\r\nb' }]) {
      const response = await hub.verify(callback, { ...right, ...wrong });
      assert.deepEqual([response.status, await response.text()], [404, '']);
    }
    assert.equal((await hub.verify(callback.replace(/[^/]+$/, 'guessed'), right)).status, 404);
    assert.equal((await hub.verify(callback, right)).status, 200);
  });

  test('WS-X2: the challenge is answered as bytes that no browser runs', async () => {
    const { headers } = await hub.verified(about('/205'));
    assert.deepEqual([headers.get('content-type'), headers.get('x-content-type-options')], ['application/octet-stream', 'nosniff']);
  });

  test('300: content with a right signature is answered 2xx, by every method but SHA-1', async () => {
    hub.topic('/300', { 'content-type': 'text/plain', link: link('/300') });
    const { name } = await follow('/300');
    const subscription = await hub.verified(about('/300'));
    for (const method of ['sha256', 'sha384', 'sha512']) assert.equal((await hub.distribute(subscription, method, { method })).status, 204);
    assert.equal((await hub.distribute(subscription, 'sha1', { method: 'sha1' })).status, 401);
    assert.deepEqual(
      (await read(name)).map(({ data }) => data),
      ['sha256', 'sha384', 'sha512'],
    );
  });

  test('301, 302: content with a wrong signature or without one is not published, and not answered 2xx', async () => {
    hub.topic('/301', { 'content-type': 'text/plain', link: link('/301') });
    const { name } = await follow('/301');
    const subscription = await hub.verified(about('/301'));
    assert.equal((await hub.distribute(subscription, 'forged', { signature: `sha256=${'0'.repeat(64)}` })).status, 401);
    assert.equal((await hub.distribute(subscription, 'forged', { signature: null })).status, 401);
    const guessed = { ...subscription, callback: subscription.callback.replace(/\/[^/]+$/, '') };
    assert.equal((await hub.distribute(guessed, 'not at the callback')).status, 401);
    assert.deepEqual(await read(name), []);
  });

  test('is renewed before its lease ends, by the same callback, and goes on', async () => {
    hub.topic('/lease', { 'content-type': 'text/plain', link: link('/lease') });
    hub.leaseSeconds = 4;
    const { id } = await follow('/lease');
    const { callback } = await hub.verified(about('/lease'));
    let planned: { leaseUntil: number | null; nextAt: number } | undefined;
    await until(
      async () => {
        ({ subscription: planned } = (await sluice.client().get(['sources', id, 'status'])) as { subscription: typeof planned });
        return planned !== undefined && planned.leaseUntil !== null && planned.nextAt < planned.leaseUntil;
      },
      () => `it is to be renewed when its lease is over: ${JSON.stringify(planned)}`,
    );
    await hub.until(() => hub.subscriptions.filter(about('/lease')).length >= 2);
    assert.ok(hub.subscriptions.filter(about('/lease')).every((one) => one.callback === callback && one.status === 200));
  });

  test('asks again with a new secret, and believes the old one until the hub knows', async () => {
    hub.topic('/secret', { 'content-type': 'text/plain', link: link('/secret') });
    const { id, name } = await follow('/secret');
    const first = await hub.verified(about('/secret'));
    const { promise, resolve: open } = Promise.withResolvers<void>();
    hub.opening = promise;
    await sluice.client().post(['sources', id, 'rotate'], {});
    assert.equal((await hub.distribute(first, 'by the old')).status, 204);
    open();
    const second = await hub.verified((one) => about('/secret')(one) && one.secret !== first.secret);
    assert.equal((await hub.distribute(second, 'by the new')).status, 204);
    assert.equal((await read(name)).length, 2);
  });

  test('goes on after a restart, without asking anew', async () => {
    hub.topic('/restart', { 'content-type': 'text/plain', link: link('/restart') });
    const { name } = await follow('/restart');
    const subscription = await hub.verified(about('/restart'));
    await sluice.restart({ grace: 100 });
    assert.equal((await hub.distribute(subscription, 'after')).status, 204);
    assert.equal((await read(name)).length, 1);
    assert.equal(hub.subscriptions.filter(about('/restart')).length, 1);
  });

  test('ends at the hub when the source is deleted, or follows another topic', async () => {
    for (const path of ['/first', '/second']) hub.topic(path, { 'content-type': 'text/plain', link: link(path) });
    const { id } = await follow('/first');
    const first = await hub.verified(about('/first'));
    const view = await sluice.client().get(['sources', id]);
    await sluice.client().call('PUT', ['sources', id], { body: { ...view, topic: { url: hub.url('/second') } }, ifMatch: '*' });
    const ended = await hub.verified(about('/first', 'unsubscribe'));
    assert.deepEqual([ended.callback, ended.status, ended.body], [first.callback, 200, ended.challenge]);
    const second = await hub.verified(about('/second'));
    assert.notEqual(second.callback, first.callback);
    await sluice.client().remove(['sources', id]);
    assert.equal((await hub.verified(about('/second', 'unsubscribe'))).status, 200);
    await until(
      async () => (await hub.distribute(second, 'too late')).status === 401,
      () => 'content was taken after the end',
    );
  });

  test('tries again after a hub that refused, and another hub where there are several', async () => {
    const both = `<${hub.url('/full')}>; rel="hub", <${hub.url('/hub')}>; rel="hub", <${hub.url('/several')}>; rel="self"`;
    hub.topic('/several', { 'content-type': 'text/plain', link: both });
    hub.answers.set('/full', (_form, response) => response.writeHead(503).end('full'));
    await follow('/several');
    await hub.until(() => hub.asked.some(({ path }) => path === '/full'));
    await hub.verified(about('/several'));
  });

  async function failing(id: string): Promise<string> {
    let status: { state: string; hub: string | null; reason: string | null } | undefined;
    await until(
      async () => {
        ({ subscription: status } = (await sluice.client().get(['sources', id, 'status'])) as { subscription: typeof status });
        return status?.state === 'failing';
      },
      () => JSON.stringify(status),
    );
    return status?.reason ?? '';
  }

  for (const [what, answer, reason] of [
    ['goes in circles', { status: 302, headers: { location: '/hostile' } }, /was moved more than 5 times/],
    ['names no place', { status: 302, headers: {} }, /answered 302 without saying where/],
    ['is not there', { status: 500, headers: {} }, /The topic answered 500/],
    ['names no hub', { status: 200, headers: { 'content-type': 'text/html' } }, /names no hub/],
    [
      'leads to a private address',
      { status: 301, headers: { location: 'http://169.254.169.254/latest' } },
      /could not be read: .*169\.254\.169\.254/,
    ],
    [
      'names a hub at a private address',
      { status: 200, headers: { link: '<http://10.0.0.1/hub>; rel="hub"' } },
      /could not be asked: .*10\.0\.0\.1/,
    ],
  ] as const) {
    test(`a topic that ${what} is followed no further, and the status says why`, async () => {
      hub.page('/hostile', (_request, response) => response.writeHead(answer.status, answer.headers).end());
      const { id } = await follow('/hostile');
      assert.match(await failing(id), reason);
      await sluice.client().remove(['sources', id]);
    });
  }

  test('the status says until when a subscription lasts', async () => {
    hub.topic('/status', { 'content-type': 'text/plain', link: link('/status') });
    const { id } = await follow('/status', { topic: { url: hub.url('/status'), lease: '1h' } });
    await hub.verified(about('/status'));
    const { subscription } = (await sluice.client().get(['sources', id, 'status'])) as { subscription: Record<string, unknown> };
    assert.deepEqual([subscription['state'], subscription['hub'], subscription['reason']], ['subscribed', hub.url('/hub'), null]);
    assert.ok(Math.abs(Number(subscription['leaseUntil']) - Date.now() - 3_600_000) < 60_000);
  });

  test('a denial is taken note of', async () => {
    hub.topic('/denied', { 'content-type': 'text/plain', link: link('/denied', '/denying') });
    hub.answers.set('/denying', (_form, response) => response.writeHead(202).end());
    const { id } = await follow('/denied');
    await hub.until(() => hub.asked.some(({ form }) => form.get('hub.topic') === hub.url('/denied')));
    const callback = hub.asked.findLast(({ form }) => form.get('hub.topic') === hub.url('/denied'))?.form.get('hub.callback') ?? '';
    const response = await hub.verify(callback, { 'hub.mode': 'denied', 'hub.topic': hub.url('/denied'), 'hub.reason': 'no' });
    assert.equal(response.status, 200);
    assert.equal(await failing(id), 'The hub denied it: no');
  });
});
