import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ControlFixture } from '../control-fixture.ts';

describe('Plans over HTTP', () => {
  let control: ControlFixture;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
  });
  after(() => control.stop());

  it('are written as in a file or as they are answered', async () => {
    const limits = { eventCount: { limit: 5, per: 'minute' }, duration: { limit: '1h' }, backpressure: { maxBuffered: '2MiB' } };
    const created = await control.expect(201, 'POST', '/apis/orders/plans', { body: { name: 'bronze', preset: 'bronze', limits } });
    assert.equal(created.headers.get('location'), '/api/v1/apis/orders/plans/bronze');
    const { json } = await control.expect(200, 'GET', '/apis/orders/plans/bronze');
    assert.deepEqual(json.limits, {
      eventCount: [{ limit: 5, per: 'minute', counts: 'deliver' }],
      duration: [{ limit: 3_600_000, per: 'connection' }],
      backpressure: { maxBuffered: 2_097_152, overflow: 'pause' },
    });
    const again = await control.expect(200, 'PUT', '/apis/orders/plans/bronze', { body: json, ifMatch: '"1"' });
    assert.equal(again.json.version, 1);
    await control.refused('PRECONDITION_FAILED', 'PUT', '/apis/orders/plans/bronze', { body: json, ifMatch: '"2"' });
    assert.equal((await control.expect(200, 'PUT', '/apis/orders/plans/bronze', { body: {}, ifMatch: '"1"' })).json.preset, undefined);
  });

  it('are refused with a wrong limit, a taken name, or an API that is not there', async () => {
    const { json } = await control.refused('BAD_REQUEST', 'POST', '/apis/orders/plans', {
      body: { name: 'x', limits: { eventCount: { limit: 0, per: 'dya' } } },
    });
    assert.deepEqual(
      json.problems.map(({ path }: any) => path),
      ['/limits/eventCount/limit', '/limits/eventCount/per'],
    );
    await control.refused('CONFLICT', 'POST', '/apis/orders/plans', { body: { name: 'free' } });
    await control.refused('NOT_FOUND', 'POST', '/apis/none/plans', { body: { name: 'x' } });
    await control.refused('NOT_FOUND', 'GET', '/apis/orders/plans/none');
  });

  it('close their subscriptions when they are closed, and stay closed', async () => {
    await control.expect(201, 'POST', '/apis/orders/plans', { body: { name: 'short', state: 'staging' } });
    await control.refused('CONFLICT', 'POST', '/subscriptions', { body: { api: 'orders', application: 'dashboard', plan: 'short' } });
    await control.expect(200, 'POST', '/apis/orders/plans/short/state', { body: { state: 'published' } });
    const { json } = await control.expect(201, 'POST', '/subscriptions', {
      body: { api: 'orders', application: 'dashboard', plan: 'short' },
    });
    await control.refused('CONFLICT', 'DELETE', '/apis/orders/plans/short', { ifMatch: '*' });
    await control.expect(200, 'POST', '/apis/orders/plans/short/state', { body: { state: 'closed' } });
    assert.equal((await control.expect(200, 'GET', `/subscriptions/${json.id}`)).json.state, 'closed');
    const refusal = await control.refused('CONFLICT', 'POST', '/apis/orders/plans/short/state', { body: { state: 'published' } });
    assert.match(refusal.json.detail, /stays that way/);
    await control.expect(204, 'DELETE', '/apis/orders/plans/short', { ifMatch: '*' });
    assert.deepEqual(
      (await control.expect(200, 'GET', '/apis/orders/plans')).json.items.map(({ name }: any) => name),
      ['bronze', 'free', 'team'],
    );
  });
});
