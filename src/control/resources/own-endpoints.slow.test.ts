import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Event } from '../../core/event.ts';
import type { Position } from '../../core/position.ts';
import { PushBook } from '../../push/push-book.ts';
import { noTries } from '../../push/retry-schedule.ts';
import { draft } from '../../testing/backbone-events.ts';
import { ControlFixture } from '../control-fixture.ts';

const url = 'https://example.com/hook';
const place = 'p0001' as Position;

/** What the owner of an endpoint does with its own key, and what others cannot. */
describe('The endpoints of an application', () => {
  let control: ControlFixture;
  let subscription: string;
  let owner: string;
  let stranger: string;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
    await control.expect(201, 'POST', '/apis/orders/plans', { body: { name: 'push', mode: 'push' } });
    [owner, subscription] = await application('shop');
    [stranger] = await application('other');
  });
  after(() => control.stop());

  async function application(name: string): Promise<[string, string]> {
    if (name !== 'dashboard') await control.expect(201, 'POST', '/applications', { body: { name } });
    const key = (await control.expect(201, 'POST', `/applications/${name}/credentials`, { body: {} })).json.value;
    const wish = { api: 'orders', application: name, plan: 'push' };
    return [key, (await control.expect(201, 'POST', '/subscriptions', { body: wish })).json.id];
  }

  const add = async (name: string) =>
    (await control.expect(201, 'POST', '/endpoints', { token: owner, body: { subscription, name, url } })).json;

  async function oweDead(endpoint: string): Promise<void> {
    const book = new PushBook();
    const event = new Event(draft('e1'), 'created', place, 1000);
    const named = { endpoint, tenant: 'default', position: place, eventId: 'e1', eventType: event.type, key: undefined, dueAt: undefined };
    book.put({ ...named, state: 'dead', reason: 'exhausted', attempts: 4, tries: { ...noTries, counted: 4 }, isBilled: false }, event);
    await control.database.transact(book.collect(control.clock.time));
  }

  const audited = async (name: string): Promise<string[]> =>
    (await control.expect(200, 'GET', `/audit?kind=endpoint&name=${name}`)).json.items.map(
      ({ action, actor }: { action: string; actor: string }) => `${action} by ${actor}`,
    );

  it('SW-28: are made, changed, paused, started, given a new secret and deleted with its own key, and the audit names it', async () => {
    const { id, secret } = await add('mine');
    assert.match(secret, /^whsec_/);
    const changed = await control.expect(200, 'PUT', `/endpoints/${id}`, { token: owner, body: { url, order: 'strict' }, ifMatch: '"1"' });
    assert.equal(changed.json.order, 'strict');
    for (const action of ['pause', 'start']) await control.expect(200, 'POST', `/endpoints/${id}/${action}`, { token: owner });
    const rotated = await control.expect(200, 'POST', `/endpoints/${id}/rotate`, { token: owner, body: { overlap: '1h' } });
    assert.notEqual(rotated.json.secret, secret);
    await control.expect(204, 'DELETE', `/endpoints/${id}`, { token: owner, ifMatch: '*' });
    const by = 'by application:shop';
    const done = ['delete', 'rotate', 'start', 'pause', 'update', 'create'];
    assert.deepEqual(
      await audited('mine'),
      done.map((verb) => `endpoint.${verb} ${by}`),
    );
  });

  it('SW-27: whose deliveries are retried leave an entry in the audit, by whom', async () => {
    const { id } = await add('retried');
    await oweDead(id);
    await control.expect(200, 'POST', `/endpoints/${id}/deliveries/${place}/retry`, { token: owner });
    await control.database.transact([{ sql: `UPDATE push_delivery SET state = 'dead' WHERE endpoint = ?`, parameters: [id] }]);
    control.clock.time += 1000;
    const bulk = { token: owner, body: { state: 'dead' } };
    assert.equal((await control.expect(200, 'POST', `/endpoints/${id}/deliveries/retry`, bulk)).json.retried, 1);
    assert.equal((await control.expect(200, 'POST', `/endpoints/${id}/deliveries/retry`, bulk)).json.retried, 0);
    assert.deepEqual(await audited('retried'), [
      'endpoint.retry by application:shop',
      'endpoint.retry by application:shop',
      'endpoint.create by application:shop',
    ]);
  });

  it('are not there for another application, which learns nothing of them, whatever it asks', async () => {
    const { id } = await add('hidden');
    await oweDead(id);
    const before = control.store.byId('endpoint', id);
    const routes = [
      ['GET', '', undefined],
      ['PUT', '', { url: 'https://evil.example/' }],
      ['DELETE', '', undefined],
      ['POST', '/pause', undefined],
      ['POST', '/start', undefined],
      ['POST', '/rotate', {}],
      ['POST', '/verify', undefined],
      ['GET', '/keys', undefined],
      ['GET', '/preview', undefined],
      ['GET', '/replays', undefined],
      ['POST', '/replays', { state: 'dead' }],
      ['GET', '/replays/rpl_000000000000', undefined],
      ['DELETE', '/replays/rpl_000000000000', undefined],
      ['GET', '/status', undefined],
      ['GET', '/attempts', undefined],
      ['GET', '/deliveries', undefined],
      ['POST', `/deliveries/${place}/retry`, undefined],
      ['POST', '/deliveries/retry', { state: 'dead' }],
      ['GET', `/deliveries/${place}`, undefined],
      ['DELETE', `/deliveries/${place}`, undefined],
      ['POST', '/deliveries/discard', { state: 'dead' }],
    ] as const;
    for (const [method, path, body] of routes) {
      const ask = (which: string) =>
        control.refused('NOT_FOUND', method, `/endpoints/${which}${path}`, { token: stranger, body, ifMatch: '*' });
      const [hidden, absent] = [await ask(id), await ask('ep_000000000000')];
      assert.equal(hidden.text.replaceAll(id, 'ep_000000000000'), absent.text, `${method} ${path}`);
    }
    assert.equal(control.store.byId('endpoint', id), before);
    assert.deepEqual(await audited('hidden'), ['endpoint.create by application:shop']);
  });

  it('cannot be made under the subscription of another, nor in its name', async () => {
    const make = (body: object) => control.refused('NOT_FOUND', 'POST', '/endpoints', { token: stranger, body });
    const hidden = await make({ subscription, name: 'x', url });
    const absent = await make({ subscription: 'sub_000000000000', name: 'x', url });
    assert.equal(hidden.text.replaceAll(subscription, 'sub_000000000000'), absent.text);
    await make({ subscription, application: 'shop', name: 'x', url });
    assert.equal(control.store.get('endpoint', 'x', 'shop'), undefined);
  });

  it('cannot leave their subscription, and take no header that stands for a secret of others', async () => {
    const { id } = await add('bound');
    const [, foreign] = await application('dashboard');
    const put = (code: string, body: object) =>
      control.refused(code, 'PUT', `/endpoints/${id}`, { token: owner, ifMatch: '*', body: { url, ...body } });
    await put('CONFLICT', { subscription: foreign });
    await put('CONFLICT', { application: 'dashboard' });
    await put('BAD_REQUEST', { headers: { Authorization: '${env:ADMIN_TOKEN}' } });
  });

  it('send the secrets that are stored with them nowhere else by the word of their owner, and keep them where they are', async () => {
    const { id } = await add('moved');
    const oauth = {
      kind: 'oauth2-client-credentials',
      tokenUrl: 'https://id.example.com/token',
      clientId: 'shop',
      clientSecret: 'hunter2',
    };
    const filled = { url, headers: { 'X-Api-Key': 'k-1', 'X-Env': 'prod' }, authentication: oauth };
    await control.expect(200, 'PUT', `/endpoints/${id}`, { body: filled, ifMatch: '*' });
    const shown = (await control.expect(200, 'GET', `/endpoints/${id}`, { token: owner })).json;
    const { headers, authentication } = shown;
    const put = (body: object) => ({ token: owner, ifMatch: '*', body });
    const refused = async (place: RegExp, body: object) =>
      assert.match((await control.refused('BAD_REQUEST', 'PUT', `/endpoints/${id}`, put(body))).json.detail, place);
    const reference = 'stands for a secret that is not known here; fill it in';
    const { origin } = new URL(url);
    const ofOthers = [`${origin}/tenants/evil`, `${url}/other`, `${url}?tenant=evil`];
    for (const elsewhere of ['https://evil.example/hook', 'http://example.com/hook', 'https://example.com:8443/hook', ...ofOthers]) {
      await refused(new RegExp(`^/headers: .* ${reference}`), { url: elsewhere, headers });
      await refused(new RegExp(`^/authentication/clientSecret: ${reference}`), { url: elsewhere, authentication });
    }
    for (const tokenUrl of ['https://evil.example/token', 'https://id.example.com/realms/evil/token']) {
      const stolen = { ...authentication, tokenUrl };
      await refused(new RegExp(`^/authentication/clientSecret: ${reference}`), { url, headers, authentication: stolen });
    }
    const before = control.store.byId('endpoint', id)!.spec;
    await control.expect(200, 'PUT', `/endpoints/${id}`, put({ url, order: 'strict', headers, authentication }));
    const { headers: after, authentication: sealed } = control.store.byId('endpoint', id)!.spec;
    assert.deepEqual([after, sealed], [filled.headers, before.authentication]);
    const own = { url: 'https://evil.example/hook', headers: { 'X-Api-Key': 'mine', 'X-Env': 'prod' } };
    await control.expect(200, 'PUT', `/endpoints/${id}`, put(own));
    assert.equal(control.store.byId('endpoint', id)!.spec.authentication, undefined);
  });

  it('are sent elsewhere with all they are shown by an administrator', async () => {
    const { id } = await add('led');
    const authentication = { kind: 'basic', user: 'shop', password: 'hunter2' };
    const { json } = await control.expect(200, 'PUT', `/endpoints/${id}`, { body: { url, authentication }, ifMatch: '*' });
    const before = control.store.byId('endpoint', id)!.spec.authentication;
    const moved = { url: 'https://new.example/hook', authentication: json.authentication };
    await control.expect(200, 'PUT', `/endpoints/${id}`, { body: moved, ifMatch: '*' });
    assert.deepEqual(control.store.byId('endpoint', id)!.spec.authentication, before);
  });

  it('keep the secrets that sign for administrators to look up', async () => {
    const { id } = await add('sealed');
    await control.refused('UNAUTHENTICATED', 'GET', `/endpoints/${id}/secret`, { token: owner });
  });
});
