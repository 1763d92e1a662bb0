import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ControlFixture, ordersContract } from '../control-fixture.ts';

describe('Subscriptions over HTTP', () => {
  let control: ControlFixture;
  let next = 0;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
  });
  after(() => control.stop());

  const application = async (): Promise<string> =>
    (await control.expect(201, 'POST', '/applications', { body: { name: `app-${next++}` } })).json.name;
  const subscribe = async (body: object): Promise<any> =>
    (await control.expect(201, 'POST', '/subscriptions', { body: { api: 'orders', application: await application(), ...body } })).json;

  it('are accepted at once, or wait where the plan wants approval; a provider needs no plan', async () => {
    const free = await subscribe({ plan: 'free' });
    assert.deepEqual([free.state, free.as, free.allow], ['accepted', 'client', { publish: ['*'], read: ['*'] }]);
    assert.match(free.id, /^sub_[0-9a-z]{12}$/);
    assert.equal((await subscribe({ plan: 'team' })).state, 'pending');
    assert.equal((await subscribe({ as: 'provider' })).state, 'accepted');
    await control.refused('BAD_REQUEST', 'POST', '/subscriptions', { body: { api: 'orders', application: 'dashboard' } });
  });

  it('are one for each side, and a new one may follow a closed or rejected one', async () => {
    const name = await application();
    const body = { api: 'orders', application: name };
    const first = await control.expect(201, 'POST', '/subscriptions', { body: { ...body, plan: 'team' } });
    assert.equal(
      (await control.refused('CONFLICT', 'POST', '/subscriptions', { body: { ...body, plan: 'free' } })).json.subscription,
      first.json.id,
    );
    await control.expect(201, 'POST', '/subscriptions', { body: { ...body, as: 'provider' } });
    await control.expect(200, 'POST', `/subscriptions/${first.json.id}/reject`, { body: { reason: 'no' } });
    const second = await control.expect(201, 'POST', '/subscriptions', { body: { ...body, plan: 'free' } });
    await control.expect(200, 'POST', `/subscriptions/${second.json.id}/close`);
    await control.expect(201, 'POST', '/subscriptions', { body: { ...body, plan: 'free' } });
    const replies = await Promise.all(
      ['a', 'b', 'c'].map(async () =>
        control.call('POST', '/subscriptions', { body: { api: 'orders', application: 'dashboard', plan: 'free' } }),
      ),
    );
    assert.deepEqual(
      replies.map(({ status }) => status).toSorted((a, b) => a - b),
      [201, 409, 409],
    );
  });

  it('name an application, API and plan that are there', async () => {
    await control.refused('INVALID_CONFIGURATION', 'POST', '/subscriptions', {
      body: { api: 'orders', application: 'nobody', plan: 'free' },
    });
    await control.refused('INVALID_CONFIGURATION', 'POST', '/subscriptions', {
      body: { api: 'order', application: 'dashboard', plan: 'free' },
    });
    const { json } = await control.refused('INVALID_CONFIGURATION', 'POST', '/subscriptions', {
      body: { api: 'orders', application: 'dashboard', plan: 'fre' },
    });
    assert.match(json.detail, /did you mean `free`/);
  });

  const takes: readonly (readonly [lifecycle: string, client: number, provider: number])[] = [
    ['created', 409, 201],
    ['pre-released', 201, 201],
    ['published', 201, 201],
    ['blocked', 409, 201],
    ['deprecated', 409, 201],
    ['retired', 409, 409],
  ];
  for (const [lifecycle, client, provider] of takes) {
    it(`to an API that is ${lifecycle}: a client gets ${client}, a provider ${provider}`, async () => {
      await control.expect(201, 'POST', '/apis', {
        body: { name: `api-${lifecycle}`, contract: ordersContract, lifecycle, plans: { free: {} } },
      });
      const name = await application();
      await control.expect(client, 'POST', '/subscriptions', { body: { api: `api-${lifecycle}`, application: name, plan: 'free' } });
      await control.expect(provider, 'POST', '/subscriptions', { body: { api: `api-${lifecycle}`, application: name, as: 'provider' } });
    });
  }

  const ways: Readonly<Record<string, readonly string[]>> = {
    pending: [],
    accepted: ['accept'],
    rejected: ['reject'],
    paused: ['accept', 'pause'],
    closed: ['close'],
  };
  const results: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    pending: { accept: 'accepted', reject: 'rejected', close: 'closed' },
    accepted: { pause: 'paused', close: 'closed' },
    rejected: {},
    paused: { resume: 'accepted', close: 'closed' },
    closed: {},
  };
  for (const [state, way] of Object.entries(ways)) {
    for (const action of ['accept', 'reject', 'pause', 'resume', 'close']) {
      const result = results[state]![action];
      it(`that are ${state} ${result === undefined ? `refuse to ${action}` : `become ${result} by ${action}`}`, async () => {
        const { id } = await subscribe({ plan: 'team' });
        for (const step of way) await control.expect(200, 'POST', `/subscriptions/${id}/${step}`);
        if (result === undefined) {
          await control.refused('CONFLICT', 'POST', `/subscriptions/${id}/${action}`);
          return;
        }
        const { json } = await control.expect(200, 'POST', `/subscriptions/${id}/${action}`, { body: { reason: 'because' } });
        assert.deepEqual([json.state, json.reason], [result, 'because']);
        const audit = await control.expect(200, 'GET', `/audit?name=${id}&limit=1`);
        assert.deepEqual(
          [audit.json.items[0].action, audit.json.items[0].before.state, audit.json.items[0].after.state],
          [`subscription.${action}`, state, result],
        );
      });
    }
  }

  it('move to another plan and are narrowed, under a precondition', async () => {
    const { id } = await subscribe({ plan: 'free' });
    await control.refused('PRECONDITION_REQUIRED', 'PATCH', `/subscriptions/${id}`, { body: { plan: 'team' } });
    const { json } = await control.expect(200, 'PATCH', `/subscriptions/${id}`, {
      body: { plan: 'team', allow: { read: ['created'] } },
      ifMatch: '"1"',
    });
    assert.deepEqual([json.plan, json.state, json.allow, json.version], ['team', 'accepted', { publish: ['*'], read: ['created'] }, 2]);
    await control.refused('PRECONDITION_FAILED', 'PATCH', `/subscriptions/${id}`, { body: { plan: 'free' }, ifMatch: '"1"' });
    await control.refused('PRECONDITION_FAILED', 'POST', `/subscriptions/${id}/pause`, { ifMatch: '"1"' });
    await control.refused('INVALID_CONFIGURATION', 'PATCH', `/subscriptions/${id}`, { body: { plan: 'none' }, ifMatch: '*' });
    for (const allow of [{ read: 'created' }, { read: ['a*'] }, { read: ['/a'] }, { write: [] }, { read: [''] }])
      await control.refused('BAD_REQUEST', 'PATCH', `/subscriptions/${id}`, { body: { allow }, ifMatch: '*' });
  });

  it('are deleted once they are over', async () => {
    const { id } = await subscribe({ plan: 'free' });
    await control.refused('CONFLICT', 'DELETE', `/subscriptions/${id}`, { ifMatch: '*' });
    await control.expect(200, 'POST', `/subscriptions/${id}/close`);
    await control.refused('CONFLICT', 'PATCH', `/subscriptions/${id}`, { body: { plan: 'team' }, ifMatch: '*' });
    await control.expect(204, 'DELETE', `/subscriptions/${id}`, { ifMatch: '*' });
    await control.refused('NOT_FOUND', 'GET', `/subscriptions/${id}`);
  });

  it('are listed by API, application and state, page by page', async () => {
    const { json } = await control.expect(200, 'GET', '/subscriptions?api=api-published&state=accepted');
    assert.deepEqual(json.items.map(({ as }: any) => as).toSorted(), ['client', 'provider']);
    const seen = new Set<string>();
    for (let next: string | null = ''; next !== null;) {
      const page: any = await control.expect(200, 'GET', `/subscriptions?limit=7${next === '' ? '' : `&after=${next}`}`);
      for (const { id } of page.json.items) seen.add(id);
      next = page.json.next;
    }
    assert.equal(seen.size, control.store.list('subscription').length);
  });
});
