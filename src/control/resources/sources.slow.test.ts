import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ControlFixture } from '../control-fixture.ts';

const day = 86_400_000;
const own = 'a secret of the provider';

describe('Sources over HTTP', () => {
  let control: ControlFixture;
  let subscription: string;
  let key: string;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
    subscription = await subscribed('shop');
    key = (await control.expect(201, 'POST', '/applications/shop/credentials', { body: {} })).json.value;
  });
  after(() => control.stop());

  async function subscribed(application: string): Promise<string> {
    await control.expect(201, 'POST', '/applications', { body: { name: application } });
    return (await control.expect(201, 'POST', '/subscriptions', { body: { api: 'orders', application, as: 'provider' } })).json.id;
  }

  const add = async (name: string, more: object = {}) =>
    (await control.expect(201, 'POST', '/sources', { body: { subscription, name, preset: 'github', address: 'created', ...more } })).json;

  const secretsOf = (id: string): string[] =>
    control.store.byId('source', id)!.spec.secrets.map(({ sealed }) => control.administration.sealer.open(sealed));

  it('are created, read, replaced, paused, started and deleted', async () => {
    const made = await add('builds', { secret: own, types: { 'com.github.*': 'github.*' } });
    assert.match(made.id, /^src_[0-9a-z]{12}$/);
    assert.equal(made.secret, undefined);
    const read = await control.expect(200, 'GET', `/sources/${made.id}`);
    assert.deepEqual(
      [read.json.application, read.json.preset, read.json.address, read.json.tolerance, read.json.types, read.json.state],
      ['shop', 'github', 'created', 300_000, { 'com.github.*': 'github.*' }, 'started'],
    );
    assert.deepEqual(secretsOf(made.id), [own]);
    const status = (await control.expect(200, 'GET', `/sources/${made.id}/status`)).json;
    assert.deepEqual(status, { source: made.id, state: 'started', subscription: null });
    const path = `/sources/${made.id}`;
    assert.equal((await control.expect(200, 'PUT', path, { body: read.json, ifMatch: '"1"' })).json.version, 1);
    const body = { preset: 'github', address: 'updated', tolerance: '1m' };
    const replaced = (await control.expect(200, 'PUT', path, { body, ifMatch: '"1"' })).json;
    assert.deepEqual([replaced.version, replaced.address, replaced.tolerance, replaced.types], [2, 'updated', 60_000, {}]);
    await control.refused('PRECONDITION_REQUIRED', 'PUT', path, { body });
    await control.refused('CONFLICT', 'PUT', path, { body: { ...body, preset: 'stripe' }, ifMatch: '*' });
    await control.refused('CONFLICT', 'PUT', path, { body: { ...body, subscription: 'sub_000000000000' }, ifMatch: '*' });
    assert.equal((await control.expect(200, 'POST', `${path}/pause`)).json.state, 'paused');
    assert.equal((await control.expect(200, 'POST', `${path}/start`)).json.state, 'started');
    await control.expect(204, 'DELETE', path, { ifMatch: '*' });
    await control.refused('NOT_FOUND', 'GET', path);
  });

  it('are refused where they cannot be', async () => {
    await add('taken', { secret: own });
    const refused = (code: string, body: object) =>
      control.refused(code, 'POST', '/sources', { body: { subscription, name: 'x', preset: 'github', address: 'created', ...body } });
    await refused('CONFLICT', { name: 'taken' });
    await refused('NOT_FOUND', { subscription: 'sub_000000000000' });
    await refused('NOT_FOUND', { application: 'dashboard' });
    await refused('BAD_REQUEST', { preset: 'hmac' });
    await refused('BAD_REQUEST', { preset: 'standard', secret: 'no secret of that kind' });
    await refused('BAD_REQUEST', { secret: '${env:ADMIN_TOKEN}' });
    assert.match((await refused('BAD_REQUEST', { preset: 'stripe' })).json.detail, /it is the provider that makes it/);
    const api = (await control.expect(200, 'GET', '/apis/orders')).json;
    const closed = { ...api, entrypoints: ['sse'] };
    assert.match(
      (await control.refused('CONFLICT', 'PUT', '/apis/orders', { body: closed, ifMatch: '*' })).json.detail,
      /delete them first/,
    );
    await control.expect(201, 'POST', '/apis', { body: { ...closed, name: 'closed', path: '/closed' } });
    const elsewhere = { api: 'closed', application: 'shop', as: 'provider' };
    const { id } = (await control.expect(201, 'POST', '/subscriptions', { body: elsewhere })).json;
    assert.match((await refused('CONFLICT', { subscription: id })).json.detail, /does not offer webhook/);
  });

  it('get a secret where the provider lets one choose it, which is answered once and stands nowhere else', async () => {
    const made = await add('minted');
    assert.match(made.secret, /^[A-Za-z0-9_-]{43}$/);
    const hex = { header: 'X-S', secretEncoding: 'hex', type: 'x' };
    assert.match((await add('hex', { preset: 'hmac', hmac: hex })).secret, /^[0-9a-f]{64}$/);
    assert.match((await add('standard', { preset: 'standard' })).secret, /^whsec_/);
    for (const path of [`/sources/${made.id}`, '/sources', '/audit', '/export'])
      assert.ok(!(await control.expect(200, 'GET', path)).text.includes(made.secret), path);
    const rows = await control.database.query('SELECT spec FROM resource UNION SELECT after FROM audit');
    assert.ok(!JSON.stringify(rows).includes(made.secret), 'it is sealed at rest');
  });

  it('believe the old secret for a while after a new one', async () => {
    const { id } = await add('rolled', { preset: 'stripe', secret: 'whsec_one' });
    await control.refused('BAD_REQUEST', 'POST', `/sources/${id}/rotate`, { body: {} });
    await control.refused('CONFLICT', 'POST', `/sources/${id}/rotate`, { body: { secret: 'whsec_one' } });
    const rotated = (await control.expect(200, 'POST', `/sources/${id}/rotate`, { body: { secret: 'whsec_two', overlap: '1h' } })).json;
    assert.deepEqual(secretsOf(id), ['whsec_two', 'whsec_one']);
    assert.deepEqual(
      rotated.secrets.map(({ expiresAt }: any) => expiresAt),
      [undefined, control.clock.time + day / 24],
    );
    const minted = await add('remade');
    assert.match((await control.expect(200, 'POST', `/sources/${minted.id}/rotate`, { body: {} })).json.secret, /^[A-Za-z0-9_-]{43}$/);
  });

  it('are managed by their application with its own key, and by no other', async () => {
    const other = await subscribed('stranger');
    const theirs = (
      await control.expect(201, 'POST', '/sources', { body: { subscription: other, name: 'a', preset: 'github', address: 'created' } })
    ).json;
    const as = { token: key };
    const body = { subscription, name: 'mine', preset: 'github', address: 'created' };
    const mine = (await control.expect(201, 'POST', '/sources', { body, ...as })).json;
    const listed = (await control.expect(200, 'GET', '/sources?limit=1000', as)).json.items;
    assert.ok(listed.every(({ application }: any) => application === 'shop'));
    for (const [method, path, more] of [
      ['GET', '', {}],
      ['GET', '/status', {}],
      ['PUT', '', { body: { preset: 'github', address: 'x' }, ifMatch: '*' }],
      ['DELETE', '', { ifMatch: '*' }],
      ['POST', '/pause', {}],
      ['POST', '/start', {}],
      ['POST', '/rotate', { body: {} }],
    ] as const)
      await control.refused('NOT_FOUND', method, `/sources/${theirs.id}${path}`, { ...more, ...as });
    await control.refused('NOT_FOUND', 'POST', '/sources', { body: { ...body, subscription: other, name: 'z' }, ...as });
    await control.expect(204, 'DELETE', `/sources/${mine.id}`, { ifMatch: '*', ...as });
  });

  it('tell no hub by the word of an application what another topic was given, and keep it where an administrator moves them', async () => {
    const topic = { url: 'https://blog.example/a/feed', lease: '10d' };
    const websub = { preset: 'websub', address: 'created', topic };
    const { id } = await add('blog', { ...websub, secret: own });
    await control.expect(200, 'POST', `/sources/${id}/rotate`, { body: { secret: 'another of the provider' } });
    const stored = secretsOf(id);
    const put = async (url: string, token?: string) => {
      const body = { ...websub, topic: { ...topic, url } };
      return (await control.expect(200, 'PUT', `/sources/${id}`, { body, ifMatch: '*', ...(token === undefined ? {} : { token }) })).json;
    };
    assert.equal((await put('https://BLOG.example:443/a/feed', key)).secret, undefined);
    assert.equal((await put('https://moved.example/feed')).secret, undefined);
    assert.deepEqual(secretsOf(id), stored);
    for (const url of ['https://evil.example/feed', 'https://evil.example/other/feed']) {
      const before = secretsOf(id);
      const { secret } = await put(url, key);
      assert.match(secret, /^[A-Za-z0-9_-]{43}$/);
      assert.deepEqual(secretsOf(id), [secret]);
      assert.ok(!before.includes(secret));
    }
  });

  it('go along with their subscription, and the audit says so', async () => {
    const leaving = await subscribed('leaver');
    const { id } = await add('gone', { subscription: leaving });
    await control.expect(200, 'POST', `/subscriptions/${leaving}/close`);
    await control.refused('NOT_FOUND', 'GET', `/sources/${id}`);
    const { items } = (await control.expect(200, 'GET', '/audit?kind=source&name=gone')).json;
    assert.deepEqual(
      items.map(({ action }: any) => action),
      ['source.delete', 'source.create'],
    );
    assert.match(items[1].after.secrets[0].fingerprint, /^[0-9a-f]{8}$/);
  });
});
