import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ControlFixture } from '../control-fixture.ts';

const url = 'https://example.com/hook';

describe('Replays over HTTP', () => {
  let control: ControlFixture;
  let subscription: string;
  let key: string;
  let stranger: string;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
    await control.expect(201, 'POST', '/apis/orders/plans', { body: { name: 'push', mode: 'push' } });
    key = (await control.expect(201, 'POST', '/applications/dashboard/credentials', { body: {} })).json.value;
    await control.expect(201, 'POST', '/applications', { body: { name: 'other' } });
    stranger = (await control.expect(201, 'POST', '/applications/other/credentials', { body: {} })).json.value;
    const wish = { api: 'orders', application: 'dashboard', plan: 'push' };
    subscription = (await control.expect(201, 'POST', '/subscriptions', { body: wish })).json.id as string;
  });
  after(() => control.stop());

  const add = async (name: string): Promise<string> =>
    (await control.expect(201, 'POST', '/endpoints', { body: { subscription, name, url } })).json.id;

  it('are asked for by position or time, shown, and called off once', async () => {
    const path = `/endpoints/${await add('first')}/replays`;
    const { json, headers } = await control.expect(202, 'POST', path, { body: { from: 'earliest', types: ['com.example.*'] } });
    assert.deepEqual(
      [json.kind, json.state, json.reason, json.types, json.total, json.passed, json.before],
      ['range', 'waiting', null, ['com.example.*'], 0, 0, null],
    );
    assert.equal(headers.get('location'), `/api/v1${path}/${json.id}`);
    const timed = (await control.expect(202, 'POST', path, { body: { from: '2020-01-01T00:00:00Z', until: json.until } })).json;
    assert.deepEqual((await control.expect(200, 'GET', `${path}/${timed.id}`)).json, timed);
    assert.deepEqual(
      (await control.expect(200, 'GET', path)).json.items.map(({ id }: { id: string }) => id),
      [timed.id, json.id],
    );
    await control.expect(204, 'DELETE', `${path}/${json.id}`);
    assert.equal((await control.expect(200, 'GET', `${path}/${json.id}`)).json.state, 'cancelled');
    await control.refused('CONFLICT', 'DELETE', `${path}/${json.id}`);
    await control.refused('NOT_FOUND', 'DELETE', `${path}/rpl_none`);
    await control.refused('NOT_FOUND', 'GET', `${path}/rpl_none`);
    const entries = (await control.expect(200, 'GET', '/audit?kind=endpoint&name=first')).json.items;
    const actions = entries.map(({ action }: { action: string }) => action);
    assert.deepEqual(actions.slice(0, 3), ['endpoint.replay-cancel', 'endpoint.replay', 'endpoint.replay']);
  });

  it('are refused when they make no sense', async () => {
    const path = `/endpoints/${await add('second')}/replays`;
    const senseless = [
      {},
      { from: 'earliest', state: 'dead' },
      { state: 'dead', until: 'earliest' },
      { state: 'dead', types: ['a'] },
      { from: 'earliest', before: 5 },
      { from: 'no position of this log' },
      { from: '2020-13-01T00:00:00Z' },
      { from: '' },
      { from: 'x'.repeat(129) },
      { from: 'earliest', state: 'waiting' },
    ];
    for (const body of senseless) await control.refused('BAD_REQUEST', 'POST', path, { body });
    assert.deepEqual((await control.expect(200, 'GET', path)).json.items, []);
  });

  it('are at most ten of one endpoint that are not over', async () => {
    const path = `/endpoints/${await add('third')}/replays`;
    const ids: string[] = [];
    for (let n = 0; n < 10; n += 1) ids.push((await control.expect(202, 'POST', path, { body: { state: 'dead' } })).json.id);
    await control.refused('CONFLICT', 'POST', path, { body: { from: 'earliest' } });
    await control.expect(204, 'DELETE', `${path}/${ids[3]}`);
    await control.expect(202, 'POST', path, { body: { from: 'earliest' } });
  });

  it('are for the application itself, with its own key, and for nobody else', async () => {
    const endpoint = await add('fourth');
    const path = `/endpoints/${endpoint}/replays`;
    const { json } = await control.expect(202, 'POST', path, { token: key, body: { from: 'earliest' } });
    const routes = [
      ['POST', path, { from: 'earliest' }],
      ['GET', path, undefined],
      ['GET', `${path}/${json.id}`, undefined],
      ['DELETE', `${path}/${json.id}`, undefined],
    ] as const;
    for (const [method, where, body] of routes) {
      await control.refused('NOT_FOUND', method, where, { token: stranger, body });
      await control.refused('UNAUTHENTICATED', method, where, { token: undefined, body });
    }
    assert.equal((await control.expect(200, 'GET', path, { token: key })).json.items.length, 1);
    await control.expect(204, 'DELETE', `${path}/${json.id}`, { token: key });
    const [entry] = (await control.expect(200, 'GET', '/audit?kind=endpoint&name=fourth')).json.items;
    assert.deepEqual([entry.action, entry.actor], ['endpoint.replay-cancel', 'application:dashboard']);
    const other = await add('fifth');
    await control.refused('NOT_FOUND', 'GET', `/endpoints/${other}/replays/${json.id}`);
  });
});
