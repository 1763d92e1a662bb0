import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { compileFilter } from '../../gateway/filter.ts';
import { Sealer } from '../../store/sealed.ts';
import { ControlFixture } from '../control-fixture.ts';
import { maxEndpoints } from '../endpoint-rules.ts';

const url = 'https://example.com/hook';
const own = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const day = 86_400_000;

describe('Endpoints over HTTP', () => {
  let control: ControlFixture;
  let subscription: string;
  before(async () => {
    control = await ControlFixture.start({ checkFilter: compileFilter });
    await control.seed();
    await control.expect(201, 'POST', '/apis/orders/plans', { body: { name: 'push', mode: 'push' } });
    subscription = await subscribed('shop');
  });
  after(() => control.stop());

  async function subscribed(application: string, plan = 'push'): Promise<string> {
    await control.expect(201, 'POST', '/applications', { body: { name: application } });
    return (await control.expect(201, 'POST', '/subscriptions', { body: { api: 'orders', application, plan } })).json.id;
  }

  async function add(name: string, more: object = {}) {
    return (await control.expect(201, 'POST', '/endpoints', { body: { subscription, name, url, ...more } })).json;
  }

  const secretsOf = async (id: string): Promise<string[]> =>
    (await control.expect(200, 'GET', `/endpoints/${id}/secret`)).json.secrets.map(({ secret }: any) => secret);

  it('are created, read, replaced and deleted, under their ETags', async () => {
    const made = await control.expect(201, 'POST', '/endpoints', {
      body: { application: 'shop', subscription, name: 'first', url, events: ['com.example.*'], headers: { 'X-Env': 'prod' } },
    });
    const { id } = made.json;
    assert.match(id, /^ep_[0-9a-z]{12}$/);
    assert.equal(made.headers.get('location'), `/api/v1/endpoints/${id}`);
    const read = await control.expect(200, 'GET', `/endpoints/${id}`);
    assert.deepEqual(
      [read.json.application, read.json.name, read.json.events, read.json.headers, read.json.state, read.headers.get('etag')],
      ['shop', 'first', ['com.example.*'], { 'X-Env': 'prod' }, 'started', '"1"'],
    );
    await control.refused('PRECONDITION_REQUIRED', 'PUT', `/endpoints/${id}`, { body: read.json });
    await control.refused('PRECONDITION_FAILED', 'PUT', `/endpoints/${id}`, { body: read.json, ifMatch: '"2"' });
    assert.equal((await control.expect(200, 'PUT', `/endpoints/${id}`, { body: read.json, ifMatch: '"1"' })).json.version, 1);
    const replaced = await control.expect(200, 'PUT', `/endpoints/${id}`, { body: { url, order: 'strict' }, ifMatch: '"1"' });
    assert.deepEqual([replaced.json.version, replaced.json.order, replaced.json.events], [2, 'strict', []]);
    assert.deepEqual(replaced.json.secrets, read.json.secrets);
    await control.refused('CONFLICT', 'PUT', `/endpoints/${id}`, { body: { url, subscription: 'sub_000000000000' }, ifMatch: '*' });
    await control.refused('PRECONDITION_REQUIRED', 'DELETE', `/endpoints/${id}`);
    await control.expect(204, 'DELETE', `/endpoints/${id}`, { ifMatch: '"2"' });
    for (const path of ['', '/secret']) await control.refused('NOT_FOUND', 'GET', `/endpoints/${id}${path}`);
  });

  it('are refused where they cannot be, with all that is wrong', async () => {
    await add('taken');
    const refused = (code: string, body: object) =>
      control.refused(code, 'POST', '/endpoints', { body: { subscription, name: 'x', url, ...body } });
    await refused('CONFLICT', { name: 'taken' });
    await refused('NOT_FOUND', { subscription: 'sub_000000000000' });
    await refused('NOT_FOUND', { application: 'dashboard' });
    const standard = await subscribed('reader', 'free');
    assert.match((await refused('CONFLICT', { subscription: standard })).json.detail, /mode push/);
    const { json } = await refused('BAD_REQUEST', { name: 'a/b', url: 'ftp://x', headers: { Host: 'x' }, timeout: '1h', unknown: 1 });
    assert.deepEqual(json.problems.map(({ path }: any) => path).toSorted(), ['/headers/Host', '/name', '/timeout', '/unknown', '/url']);
    await refused('BAD_REQUEST', { headers: { Authorization: '${env:ADMIN_TOKEN}' } });
    await refused('BAD_REQUEST', { secret: '${env:SLUICE_SHOP_TAKEN_SECRET}' });
    const closed = await subscribed('leaver');
    await control.expect(200, 'POST', `/subscriptions/${closed}/close`);
    await refused('CONFLICT', { subscription: closed });
  });

  it('SW-10: have a secret of their own that is answered once and stands nowhere else', async () => {
    const minted = await add('minted');
    assert.match(minted.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    const brought = await add('brought', {
      secret: own,
      headers: { Authorization: 'Bearer hunter2', Cookie: 'hunter2', 'X-Plain': 'seen' },
    });
    assert.deepEqual([await secretsOf(minted.id), await secretsOf(brought.id)], [[minted.secret], [own]]);
    await control.expect(200, 'POST', `/endpoints/${brought.id}/rotate`, { body: {} });
    const spec = control.store.byId('endpoint', brought.id)!.spec;
    for (const path of [`/endpoints/${brought.id}`, '/endpoints', '/audit', '/export']) {
      const { text } = await control.expect(200, 'GET', path);
      assert.ok(text.includes('seen') && !text.includes('hunter2') && !text.includes(own) && !text.includes(minted.secret), path);
      for (const { sealed } of spec.secrets) assert.ok(!text.includes(sealed), path);
    }
    assert.ok(!JSON.stringify(control.logged).includes(own));
    assert.ok(!JSON.stringify(control.store.list('endpoint')).includes(own));
  });

  it('keep the headers that came back as they were shown', async () => {
    const { id } = await add('headers', { headers: { Authorization: 'Bearer hunter2' } });
    const { json } = await control.expect(200, 'GET', `/endpoints/${id}`);
    assert.equal(json.headers.Authorization, '${env:SLUICE_SHOP_HEADERS_HEADER_AUTHORIZATION}');
    await control.expect(200, 'PUT', `/endpoints/${id}`, { body: { ...json, concurrency: 1 }, ifMatch: '"1"' });
    assert.deepEqual(control.store.byId('endpoint', id)!.spec.headers, { Authorization: 'Bearer hunter2' });
  });

  it('SW-11: get a new secret by rotation, and the old one signs along for the overlap', async () => {
    const { id, secret } = await add('rotating');
    const first = (await control.expect(200, 'POST', `/endpoints/${id}/rotate`, { body: { overlap: '1h' } })).json;
    assert.notEqual(first.secret, secret);
    assert.deepEqual(
      first.secrets.map(({ expiresAt }: any) => expiresAt),
      [undefined, control.clock.time + 3_600_000],
    );
    assert.deepEqual(await secretsOf(id), [first.secret, secret]);
    const second = (await control.expect(200, 'POST', `/endpoints/${id}/rotate`, { body: { secret: own } })).json;
    assert.deepEqual(
      second.secrets.map(({ expiresAt }: any) => expiresAt),
      [undefined, control.clock.time + day, control.clock.time + 3_600_000],
    );
    await control.refused('CONFLICT', 'POST', `/endpoints/${id}/rotate`, { body: { secret: own } });
    control.clock.time += 3_600_000;
    assert.deepEqual(await secretsOf(id), [own, first.secret]);
    const { json } = await control.expect(200, 'POST', `/endpoints/${id}/rotate`, { body: { overlap: 0 } });
    assert.deepEqual(await secretsOf(id), [json.secret]);
    for (const body of [{ overlap: '8d' }, { overlap: -1 }, { secret: 'short' }, { key: own }])
      await control.refused('BAD_REQUEST', 'POST', `/endpoints/${id}/rotate`, { body });
  });

  it('keep the kind of their secret, and no more than eight at a time', async () => {
    const { id } = await add('signing', { secret: `whsk_${Buffer.alloc(32, 5).toString('base64')}` });
    for (let turn = 0; turn < 7; turn++) {
      const { json } = await control.expect(200, 'POST', `/endpoints/${id}/rotate`, { body: {} });
      assert.match(json.secret, /^whsk_/);
    }
    assert.equal((await secretsOf(id)).length, 8);
    await control.refused('CONFLICT', 'POST', `/endpoints/${id}/rotate`, { body: {} });
    await control.expect(200, 'POST', `/endpoints/${id}/rotate`, { body: { overlap: '0s' } });
  });

  it('sign as a provider does with any secret, and change the format only where their secrets can sign in it', async () => {
    const { id, signature } = await add('raw', { signature: 'github', secret: 'no base64!' });
    assert.deepEqual(signature, { style: 'github' });
    const body = { subscription, name: 'raw-2', url, signature: 'standard', secret: 'no base64!' };
    assert.match((await control.refused('BAD_REQUEST', 'POST', '/endpoints', { body })).json.detail, /not base64/);
    const put = (style: string) => ({ body: { url, signature: style }, ifMatch: '*' });
    assert.deepEqual((await control.expect(200, 'PUT', `/endpoints/${id}`, put('stripe'))).json.signature, { style: 'stripe' });
    await control.refused('CONFLICT', 'PUT', `/endpoints/${id}`, put('standard'));
    await control.refused('BAD_REQUEST', 'POST', `/endpoints/${id}/rotate`, { body: { secret: 'whsk_x' } });
    const { json } = await control.expect(200, 'POST', `/endpoints/${id}/rotate`, { body: { overlap: '0s' } });
    assert.match(json.secret, /^whsec_/);
    assert.equal((await control.expect(200, 'PUT', `/endpoints/${id}`, put('standard'))).json.signature, undefined);
  });

  it('have their filter looked at when it is written, whoever writes it', async () => {
    const body = { subscription, name: 'filtered', url, filter: 'data.total >' };
    assert.match((await control.refused('INVALID_FILTER', 'POST', '/endpoints', { body })).json.detail, /not valid at column/);
    const { id } = await add('filtered', { filter: 'data.total > 100.0' });
    await control.refused('INVALID_FILTER', 'PUT', `/endpoints/${id}`, { body: { url, filter: 'total > 1' }, ifMatch: '*' });
  });

  it('SW-13: show the public halves of the keys that sign, and of shared secrets nothing', async () => {
    const key = `whsk_${Buffer.alloc(32, 3).toString('base64')}`;
    const { id } = await add('signed', { secret: key });
    const { keys } = (await control.expect(200, 'GET', `/endpoints/${id}/keys`)).json;
    assert.deepEqual([keys.length, keys[0].kty, keys[0].crv, keys[0].d], [1, 'OKP', 'Ed25519', undefined]);
    await control.expect(200, 'POST', `/endpoints/${id}/rotate`, { body: {} });
    assert.equal((await control.expect(200, 'GET', `/endpoints/${id}/keys`)).json.keys.length, 2);
    control.clock.time += 2 * day;
    const left = (await control.expect(200, 'GET', `/endpoints/${id}/keys`)).json.keys;
    assert.equal(left.length, 1);
    assert.notEqual(left[0].x, keys[0].x);
    const shared = await add('shared');
    assert.deepEqual((await control.expect(200, 'GET', `/endpoints/${shared.id}/keys`)).json, { keys: [] });
  });

  it('show their secrets to administrators alone, and the audit says who looked, without a new version', async () => {
    const { id } = await add('shown');
    const key = (await control.expect(201, 'POST', '/applications/shop/credentials', { body: {} })).json.value;
    await control.refused('UNAUTHENTICATED', 'GET', `/endpoints/${id}/secret`, { token: key });
    control.clock.time += 60_000;
    await secretsOf(id);
    const { json } = await control.expect(200, 'GET', '/audit?kind=endpoint&name=shown&limit=1');
    assert.deepEqual([json.items[0].action, json.items[0].actor], ['endpoint.reveal', 'admin']);
    assert.equal((await control.expect(200, 'GET', `/endpoints/${id}`)).headers.get('etag'), '"1"');
  });

  it('say what is wrong when a secret was stored with another key', async () => {
    const { id } = await add('foreign');
    const current = control.store.byId('endpoint', id)!;
    const secrets = [{ sealed: new Sealer(Buffer.alloc(32, 2)).seal(own) }];
    const change = { op: 'put', resource: { ...current, spec: { ...current.spec, secrets } }, expect: 1, action: 'endpoint.test' } as const;
    await control.store.write([change], 'test');
    assert.match((await control.refused('INTERNAL', 'GET', `/endpoints/${id}/secret`)).json.detail, /SLUICE_SECRET_KEY/);
    await control.expect(200, 'POST', `/endpoints/${id}/rotate`, { body: { secret: own, overlap: 0 } });
    assert.deepEqual(await secretsOf(id), [own]);
  });

  it('are paused and started; starting is always a new version, so that one that gave up begins again', async () => {
    const { id } = await add('paused', { state: 'paused' });
    const step = async (action: string): Promise<unknown> => {
      const { json } = await control.expect(200, 'POST', `/endpoints/${id}/${action}`);
      return [json.state, json.version];
    };
    assert.deepEqual(await step('pause'), ['paused', 1]);
    assert.deepEqual(await step('start'), ['started', 2]);
    assert.deepEqual(await step('start'), ['started', 3]);
    assert.deepEqual(await step('pause'), ['paused', 4]);
    await control.refused('PRECONDITION_FAILED', 'POST', `/endpoints/${id}/start`, { ifMatch: '"1"' });
    await control.refused('PRECONDITION_FAILED', 'POST', `/endpoints/${id}/start`, { ifMatch: '"1"', body: { from: 'now' } });
    const wrong = await control.refused('BAD_REQUEST', 'POST', `/endpoints/${id}/start`, { body: { from: 'yesterday' } });
    assert.match(wrong.json.detail, /"yesterday" is neither held nor now, nor a date/);
    const { json } = await control.expect(200, 'PUT', `/endpoints/${id}`, { body: { url }, ifMatch: '"4"' });
    assert.equal(json.state, 'paused');
    for (const from of ['held', 'now', '2030-01-01T00:00:00Z'])
      await control.expect(200, 'POST', `/endpoints/${id}/start`, { body: { from } });
  });

  it('are listed by application and subscription, page by page, and to an application its own alone', async () => {
    const elsewhere = await subscribed('other');
    await add('theirs', { subscription: elsewhere });
    const key = (await control.expect(201, 'POST', '/applications/other/credentials', { body: {} })).json.value;
    const names = async (query: string, options = {}): Promise<string[]> =>
      (await control.expect(200, 'GET', `/endpoints${query}`, options)).json.items.map(({ name }: any) => name);
    assert.deepEqual(await names('?application=other'), ['theirs']);
    assert.deepEqual(await names(`?subscription=${elsewhere}`), ['theirs']);
    assert.deepEqual(await names('', { token: key }), ['theirs']);
    assert.deepEqual(await names('?application=shop', { token: key }), []);
    const foreign = control.store.list('endpoint').find(({ parent }) => parent === 'shop')!.id;
    const absent = await control.refused('NOT_FOUND', 'GET', '/endpoints/ep_000000000000', { token: key });
    const hidden = await control.refused('NOT_FOUND', 'GET', `/endpoints/${foreign}`, { token: key });
    assert.equal(hidden.text.replaceAll(foreign, 'ep_000000000000'), absent.text);
    const seen = new Set<string>();
    for (let next: string | null = ''; next !== null;) {
      const page: any = await control.expect(200, 'GET', `/endpoints?limit=2${next === '' ? '' : `&after=${next}`}`);
      for (const { id } of page.json.items) seen.add(id);
      next = page.json.next;
    }
    assert.equal(seen.size, control.store.list('endpoint').length);
  });

  it('go along when their subscription, its plan or its API is closed', async () => {
    const ways: readonly (readonly [string, (subscription: string) => Promise<unknown>])[] = [
      ['closer', (id) => control.expect(200, 'POST', `/subscriptions/${id}/close`)],
      ['plan-closer', () => control.expect(200, 'POST', '/apis/orders/plans/brief/state', { body: { state: 'closed' } })],
    ];
    await control.expect(201, 'POST', '/apis/orders/plans', { body: { name: 'brief', mode: 'push' } });
    for (const [application, end] of ways) {
      const id = await subscribed(application, application === 'closer' ? 'push' : 'brief');
      await add('doomed', { subscription: id });
      await control.refused('CONFLICT', 'DELETE', `/applications/${application}`, { ifMatch: '*' });
      await end(id);
      assert.equal(control.store.get('endpoint', 'doomed', application), undefined, application);
      const { json } = await control.expect(200, 'GET', '/audit?kind=endpoint&name=doomed&limit=1');
      assert.equal(json.items[0].action, 'endpoint.delete');
    }
  });

  it('hold their subscription and its plan to the mode push', async () => {
    const id = await subscribed('steady');
    await add('steady', { subscription: id });
    const { json } = await control.refused('CONFLICT', 'PATCH', `/subscriptions/${id}`, { body: { plan: 'free' }, ifMatch: '*' });
    assert.match(json.detail, /1 endpoint, which need a plan of the mode push/);
    await control.refused('CONFLICT', 'PUT', '/apis/orders/plans/push', { body: {}, ifMatch: '*' });
    await control.expect(204, 'DELETE', `/endpoints/${control.store.get('endpoint', 'steady', 'steady')!.id}`, { ifMatch: '*' });
    await control.expect(200, 'PATCH', `/subscriptions/${id}`, { body: { plan: 'free' }, ifMatch: '*' });
  });

  it(`are at most ${maxEndpoints} to a subscription`, async () => {
    const id = await subscribed('many');
    await add('one', { subscription: id });
    const one = control.store.get('endpoint', 'one', 'many')!;
    const copies = Array.from({ length: maxEndpoints - 2 }, (_, index) => ({
      op: 'put' as const,
      resource: { ...one, id: `${one.id}${index}`, name: `copy-${index}` },
      expect: 0,
      action: 'endpoint.create',
    }));
    await control.store.write(copies, 'test');
    await add('last', { subscription: id });
    await control.refused('CONFLICT', 'POST', '/endpoints', { body: { subscription: id, name: 'more', url } });
  });
});
