import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ControlFixture } from '../control-fixture.ts';

const url = 'https://example.com/hook';

describe('Previews over HTTP', () => {
  let control: ControlFixture;
  let subscription: string;
  let endpoint: string;
  let owner: string;
  let stranger: string;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
    await control.expect(201, 'POST', '/apis/orders/plans', { body: { name: 'push', mode: 'push' } });
    await control.expect(201, 'POST', '/applications', { body: { name: 'other' } });
    const key = async (name: string): Promise<string> =>
      (await control.expect(201, 'POST', `/applications/${name}/credentials`, { body: {} })).json.value;
    [owner, stranger] = [await key('dashboard'), await key('other')];
    const wish = { api: 'orders', application: 'dashboard', plan: 'push' };
    subscription = (await control.expect(201, 'POST', '/subscriptions', { body: wish })).json.id;
    const body = { subscription, name: 'hook', url, address: 'created', events: ['com.example.*'], filter: 'data.total > 1' };
    endpoint = (await control.expect(201, 'POST', '/endpoints', { body })).json.id;
  });
  after(() => control.stop());

  const asked = (): unknown => control.asked.at(-1)?.[1];

  it('are of what is tried, with what is left out as an endpoint would have it', async () => {
    await control.expect(200, 'POST', '/endpoints/preview', { token: owner, body: { subscription } });
    assert.deepEqual(asked(), { subscription, address: '*', types: [], filter: undefined, limit: 1000 });
    const body = { subscription, address: 'created', events: ['a.b'], filter: 'data.x', limit: 5 };
    const { json } = await control.expect(200, 'POST', '/endpoints/preview', { body });
    assert.equal(json.complete, true);
    assert.deepEqual(asked(), { subscription, address: 'created', types: ['a.b'], filter: 'data.x', limit: 5 });
  });

  it('are of an endpoint as it is', async () => {
    await control.expect(200, 'GET', `/endpoints/${endpoint}/preview?limit=50`, { token: owner });
    assert.deepEqual(asked(), { subscription, address: 'created', types: ['com.example.*'], filter: 'data.total > 1', limit: 50 });
  });

  it('are none of what belongs to others', async () => {
    const before = control.asked.length;
    await control.refused('NOT_FOUND', 'POST', '/endpoints/preview', { token: stranger, body: { subscription } });
    await control.refused('NOT_FOUND', 'GET', `/endpoints/${endpoint}/preview`, { token: stranger });
    await control.refused('UNAUTHENTICATED', 'POST', '/endpoints/preview', { token: undefined, body: { subscription } });
    assert.equal(control.asked.length, before);
  });

  it('are refused when they are asked for wrongly', async () => {
    for (const body of [{}, { subscription, limit: 1001 }, { subscription, filter: '' }, { subscription, url }])
      await control.refused('BAD_REQUEST', 'POST', '/endpoints/preview', { body });
    for (const limit of ['0', '1001', 'x']) await control.refused('BAD_REQUEST', 'GET', `/endpoints/${endpoint}/preview?limit=${limit}`);
  });
});
