import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ControlFixture, ordersContract } from '../control-fixture.ts';

describe('APIs over HTTP', () => {
  let control: ControlFixture;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
  });
  after(() => control.stop());

  it('are created with defaults, an ETag and a place, and the backbone that was missing', async () => {
    const { headers } = await control.expect(201, 'POST', '/apis', { body: { name: 'made', contract: ordersContract } });
    assert.equal(headers.get('etag'), '"1"');
    assert.equal(headers.get('location'), '/api/v1/apis/made');
    const { json } = await control.expect(200, 'GET', '/apis/made');
    assert.equal(json.path, '/made');
    assert.equal(json.lifecycle, 'published');
    assert.match(json.id, /^api_[0-9a-z]{12}$/);
    assert.equal(control.store.get('backbone', 'main')?.spec.kind, 'embedded');
  });

  it('go back as they came: the answer to a GET is a PUT that changes nothing', async () => {
    const { json, headers } = await control.expect(200, 'GET', '/apis/orders');
    const put = await control.expect(200, 'PUT', '/apis/orders', { body: json, ifMatch: headers.get('etag')! });
    assert.deepEqual(put.json, json);
  });

  it('are changed by whoever has read them last: of two PUTs with one ETag one is told 412', async () => {
    const { headers } = await control.expect(200, 'GET', '/apis/orders');
    const body = (description: string) => ({ contract: ordersContract, description });
    const replies = await Promise.all(
      ['one', 'two'].map((description) => control.call('PUT', '/apis/orders', { body: body(description), ifMatch: headers.get('etag')! })),
    );
    assert.deepEqual(
      replies.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 412],
    );
    assert.equal(replies.find(({ status }) => status === 412)!.json.code, 'PRECONDITION_FAILED');
  });

  it('are changed only with a precondition', async () => {
    const body = { contract: ordersContract };
    await control.refused('PRECONDITION_REQUIRED', 'PUT', '/apis/orders', { body });
    await control.refused('PRECONDITION_FAILED', 'PUT', '/apis/orders', { body, ifMatch: '"999"' });
    await control.refused('PRECONDITION_FAILED', 'PUT', '/apis/orders', { body, ifMatch: 'W/"1"' });
    await control.refused('PRECONDITION_REQUIRED', 'DELETE', '/apis/orders');
    await control.expect(200, 'PUT', '/apis/orders', { body, ifMatch: '"998", *' });
  });

  it('keep their lifecycle in a PUT that does not name it, and take only a step that is allowed in one that does', async () => {
    await control.expect(201, 'POST', '/apis', { body: { name: 'draft', contract: ordersContract, lifecycle: 'created' } });
    const { json } = await control.expect(200, 'PUT', '/apis/draft', { body: { contract: ordersContract }, ifMatch: '*' });
    assert.equal(json.lifecycle, 'created');
    await control.refused('CONFLICT', 'PUT', '/apis/draft', { body: { contract: ordersContract, lifecycle: 'deprecated' }, ifMatch: '*' });
    await control.expect(200, 'PUT', '/apis/draft', { body: { contract: ordersContract, lifecycle: 'published' }, ifMatch: '*' });
  });

  it('are refused with the place of the mistake in the contract', async () => {
    const { json } = await control.refused('INVALID_CONTRACT', 'POST', '/apis', {
      body: { name: 'broken', contract: { name: 'b.yaml', text: 'asyncapi: 3.0.0\ninfo: 5\n' } },
    });
    assert.equal(json.problems[0].line, 2);
    assert.match(json.detail, /^b\.yaml:2:/);
  });

  it('are refused when the name or the path is taken, or a part is not there', async () => {
    await control.refused('CONFLICT', 'POST', '/apis', { body: { name: 'orders', contract: ordersContract } });
    await control.refused('CONFLICT', 'POST', '/apis', { body: { name: 'orders2', path: '/orders', contract: ordersContract } });
    await control.refused('CONFLICT', 'POST', '/apis', { body: { name: 'orders2', path: '/orders/deep', contract: ordersContract } });
    await control.refused('INVALID_CONFIGURATION', 'POST', '/apis', { body: { name: 'x', contract: ordersContract, backbone: 'none' } });
    await control.refused('INVALID_CONFIGURATION', 'POST', '/apis', {
      body: { name: 'x', contract: ordersContract, entrypoints: ['fax'] },
    });
    await control.refused('NOT_FOUND', 'GET', '/apis/none');
    await control.refused('NOT_FOUND', 'PUT', '/apis/none', { body: { contract: ordersContract }, ifMatch: '*' });
  });

  it('are listed by page without their contracts, each exactly once', async () => {
    for (const name of ['p-a', 'p-b', 'p-c']) await control.expect(201, 'POST', '/apis', { body: { name, contract: ordersContract } });
    const seen: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const { json } = await control.expect(200, 'GET', `/apis?limit=2${next === '' ? '' : `&after=${next}`}`);
      assert.ok(json.items.length <= 2);
      for (const item of json.items) {
        assert.equal(item.contract.text, undefined);
        seen.push(item.name);
      }
      next = json.next;
    }
    assert.deepEqual(
      seen,
      control.store
        .list('api')
        .map(({ name }) => name)
        .toSorted(),
    );
  });

  it('show their contract, its channels and their revisions, and are restored from one', async () => {
    await control.expect(201, 'POST', '/apis', {
      body: { name: 'history', contract: { ...ordersContract, files: { 'a.yaml': 'x: 1' } }, description: 'first' },
    });
    await control.expect(200, 'PUT', '/apis/history', { body: { contract: ordersContract, description: 'second' }, ifMatch: '"1"' });
    await control.expect(200, 'POST', '/apis/history/lifecycle', { body: { state: 'blocked' } });
    assert.equal((await control.expect(200, 'GET', '/apis/history/contract')).text, ordersContract.text);
    await control.refused('NOT_FOUND', 'GET', '/apis/history/contract?file=a.yaml');
    await control.refused('NOT_FOUND', 'GET', '/apis/history/contract?file=__proto__');
    assert.deepEqual((await control.expect(200, 'GET', '/apis/history/channels')).json, { channels: [{ id: 'created' }] });
    const { json } = await control.expect(200, 'GET', '/apis/history/revisions');
    assert.deepEqual(
      json.items.map(({ revision, actor }: any) => [revision, actor]),
      [
        [1, 'admin'],
        [2, 'admin'],
        [3, 'admin'],
      ],
    );
    assert.equal((await control.expect(200, 'GET', '/apis/history/revisions/1')).json.spec.description, 'first');
    await control.refused('NOT_FOUND', 'GET', '/apis/history/revisions/99');
    await control.refused('PRECONDITION_FAILED', 'POST', '/apis/history/revisions/1/restore', { ifMatch: '"1"' });
    const restored = await control.expect(200, 'POST', '/apis/history/revisions/1/restore');
    assert.deepEqual([restored.json.description, restored.json.lifecycle, restored.json.version], ['first', 'blocked', 4]);
    assert.equal((await control.expect(200, 'GET', '/apis/history/contract?file=a.yaml')).text, 'x: 1');
  });

  it('are retired with their subscriptions, and deleted only without open ones', async () => {
    await control.expect(201, 'POST', '/apis', { body: { name: 'old', contract: ordersContract, plans: { free: {} } } });
    const { json } = await control.expect(201, 'POST', '/subscriptions', { body: { api: 'old', application: 'dashboard', plan: 'free' } });
    const refusal = await control.refused('CONFLICT', 'DELETE', '/apis/old', { ifMatch: '*' });
    assert.deepEqual(refusal.json.subscriptions, [json.id]);
    await control.refused('CONFLICT', 'POST', '/apis/old/lifecycle', { body: { state: 'retired' } });
    await control.expect(200, 'POST', '/apis/old/lifecycle', { body: { state: 'deprecated' } });
    await control.expect(200, 'POST', '/apis/old/lifecycle', { body: { state: 'retired' } });
    const subscription = await control.expect(200, 'GET', `/subscriptions/${json.id}`);
    assert.deepEqual([subscription.json.state, subscription.json.reason], ['closed', 'The API is retired.']);
    await control.expect(204, 'DELETE', '/apis/old', { ifMatch: '*' });
    await control.refused('NOT_FOUND', 'GET', '/apis/old/plans/free');
    assert.equal(control.store.get('plan', 'free', 'old'), undefined);
  });

  it('leave a trace of every change: who, what, from what, to what', async () => {
    await control.expect(201, 'POST', '/apis', { body: { name: 'traced', contract: ordersContract } });
    await control.expect(200, 'POST', '/apis/traced/lifecycle', { body: { state: 'blocked' } });
    await control.expect(204, 'DELETE', '/apis/traced', { ifMatch: '*' });
    const { json } = await control.expect(200, 'GET', '/audit?kind=api&name=traced');
    assert.deepEqual(
      json.items.map(({ action, actor, before, after }: any) => [action, actor, before?.lifecycle, after?.lifecycle]),
      [
        ['api.delete', 'admin', 'blocked', undefined],
        ['api.lifecycle', 'admin', 'published', 'blocked'],
        ['api.create', 'admin', undefined, 'published'],
      ],
    );
    const first = await control.expect(200, 'GET', '/audit?kind=api&name=traced&limit=2');
    assert.equal(first.json.items.length, 2);
    const second = await control.expect(200, 'GET', `/audit?kind=api&name=traced&limit=2&before=${first.json.next}`);
    assert.deepEqual([second.json.items.length, second.json.next], [1, null]);
  });
});
