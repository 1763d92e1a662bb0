import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { noticeContractName } from '../push/notices/notice-contract.ts';
import { applyConfig, planConfig } from './configuration.ts';
import { ControlFixture, ordersContract } from './control-fixture.ts';
import { exportConfig } from './export-config.ts';
import { NoticeKeeper } from './notice-keeper.ts';

const names = (control: ControlFixture): readonly string[] => control.store.list('api').map(({ name }) => name);

function notices(control: ControlFixture, application: string) {
  return control.store.list('subscription').filter(({ spec }) => spec.application === application && spec.api === 'sluice');
}

describe('The channel of notices and those who may read it', () => {
  let control: ControlFixture;
  let keeper: NoticeKeeper;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
    keeper = new NoticeKeeper({ administration: control.administration, onFailure: (error) => assert.fail(String(error)) });
  });
  after(async () => {
    await keeper.close();
    await control.stop();
  });

  async function subscribe(application: string, plan: string): Promise<string> {
    const { json } = await control.expect(201, 'POST', '/subscriptions', { body: { api: 'orders', application, plan } });
    await keeper.settled();
    return json.id;
  }

  it('are not there while nothing is pushed', async () => {
    await keeper.settled();
    await subscribe('dashboard', 'free');
    assert.deepEqual(names(control), ['orders']);
  });

  it('are made with the first plan of the mode push, and let in only those whom the operator accepts', async () => {
    await control.expect(201, 'POST', '/apis/orders/plans', { body: { name: 'push', mode: 'push' } });
    await keeper.settled();
    const api = control.store.get('api', 'sluice');
    assert.deepEqual(
      [api?.spec.path, api?.spec.contract.name, api?.spec.entrypoints],
      ['/sluice', noticeContractName, ['sse', 'websocket', 'poll']],
    );
    await control.expect(201, 'POST', '/applications', { body: { name: 'curious' } });
    const { json } = await control.expect(201, 'POST', '/subscriptions', { body: { api: 'sluice', application: 'curious', plan: 'read' } });
    assert.equal(json.state, 'pending');
    const { items } = (await control.expect(200, 'GET', '/audit?kind=api&name=sluice')).json;
    assert.deepEqual([items.length, items[0].actor], [1, 'sluice']);
  });

  it('let in each application with a push subscription, to its own notices alone', async () => {
    assert.equal(notices(control, 'dashboard').length, 0);
    await control.expect(201, 'POST', '/applications', { body: { name: 'shop' } });
    await subscribe('shop', 'push');
    const [own] = notices(control, 'shop');
    const expected = { plan: 'push', as: 'client', allow: { publish: [], read: ['endpoints/shop'] }, state: 'accepted' };
    assert.deepEqual(own?.spec, { application: 'shop', api: 'sluice', ...expected });
  });

  it('leave alone what somebody has closed', async () => {
    const [own] = notices(control, 'shop');
    await control.expect(200, 'POST', `/subscriptions/${own?.id}/close`);
    await control.expect(201, 'POST', '/applications', { body: { name: 'another' } });
    await keeper.settled();
    assert.deepEqual(
      notices(control, 'shop').map(({ spec }) => spec.state),
      ['closed'],
    );
  });

  it('begin anew for an application that was deleted and made again', async () => {
    control.clock.time += 1000;
    const push = control.store.list('subscription').find(({ spec }) => spec.application === 'shop' && spec.api === 'orders');
    await control.expect(200, 'POST', `/subscriptions/${push?.id}/close`);
    await control.expect(204, 'DELETE', '/applications/shop', { ifMatch: '*' });
    control.clock.time += 1000;
    await control.expect(201, 'POST', '/applications', { body: { name: 'shop' } });
    await subscribe('shop', 'push');
    assert.deepEqual(
      notices(control, 'shop')
        .map(({ spec }) => spec.state)
        .toSorted(),
      ['accepted', 'closed'],
    );
  });

  it('stand in no configuration that is exported, and are not pruned by one that does not name them', async () => {
    const exported = exportConfig(control.store, control.clock.time);
    const { apis, applications } = exported as { apis: object; applications: Record<string, { subscriptions?: { api: string }[] }> };
    assert.deepEqual(Object.keys(apis), ['orders']);
    assert.deepEqual(
      applications['shop']?.subscriptions?.map(({ api }) => api),
      ['orders'],
    );
    assert.deepEqual(await planConfig(control.administration, exported, { prune: true }), []);
    await applyConfig(
      control.administration,
      { ...exported, backbones: { other: { kind: 'embedded' } }, apis: {}, applications: {} },
      { prune: true, actor: 'test' },
    );
    assert.deepEqual(
      [
        names(control),
        control.store.list('backbone').map(({ name }) => name),
        notices(control, 'shop').filter(({ spec }) => spec.state === 'accepted'),
      ],
      [['sluice'], ['main', 'other'], []],
    );
  });

  it('are made by a configuration from elsewhere that has an endpoint for them', async () => {
    const other = await ControlFixture.start();
    try {
      const endpoints = { alerts: { url: 'https://example.com/alerts', address: 'endpoints/shop' } };
      const own = { api: 'sluice', plan: 'push', allow: { publish: [], read: ['endpoints/shop'] }, endpoints };
      const orders = { contract: ordersContract, plans: { push: { mode: 'push' } } };
      const config = { apis: { orders }, applications: { shop: { subscriptions: [{ api: 'orders', plan: 'push' }, own] } } };
      await applyConfig(other.administration, config, { prune: false, actor: 'test' });
      assert.deepEqual(names(other), ['orders', 'sluice']);
      const exported = exportConfig(other.store, other.clock.time) as typeof config;
      assert.equal(exported.applications.shop.subscriptions.length, 2);
      assert.deepEqual(await planConfig(other.administration, config, { prune: true }), []);
    } finally {
      await other.stop();
    }
  });

  it('give way to an API of the configuration with that name', async () => {
    await keeper.close();
    const other = await ControlFixture.start();
    const own = new NoticeKeeper({ administration: other.administration, onFailure: (error) => assert.fail(String(error)) });
    try {
      const plans = { push: { mode: 'push' } };
      await other.expect(201, 'POST', '/apis', { body: { name: 'sluice', contract: ordersContract, plans } });
      await other.expect(201, 'POST', '/apis', { body: { name: 'orders', contract: ordersContract, plans } });
      await other.expect(201, 'POST', '/applications', { body: { name: 'shop' } });
      await other.expect(201, 'POST', '/subscriptions', { body: { api: 'orders', application: 'shop', plan: 'push' } });
      await own.settled();
      assert.equal(other.store.get('api', 'sluice')?.spec.contract.name, ordersContract.name);
      assert.deepEqual(notices(other, 'shop'), []);
    } finally {
      await own.close();
      await other.stop();
    }
  });

  it('are not made where another API has the path', async () => {
    const other = await ControlFixture.start();
    const own = new NoticeKeeper({ administration: other.administration, onFailure: (error) => assert.fail(String(error)) });
    try {
      const body = { name: 'orders', path: '/sluice/orders', contract: ordersContract, plans: { push: { mode: 'push' } } };
      await other.expect(201, 'POST', '/apis', { body });
      await own.settled();
      assert.deepEqual(names(other), ['orders']);
    } finally {
      await own.close();
      await other.stop();
    }
  });
});
