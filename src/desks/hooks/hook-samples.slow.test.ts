import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openSluice, type SluiceFixture } from '../../testing/sluice-fixture.ts';

const platformKey = 'platform-key-0123456789';
const overKey = 'over-key-0123456789';
const providerKey = 'provider-key-0123456789';

const contract = `
asyncapi: 3.0.0
info: { title: Shop, version: 1.0.0 }
channels:
  orders: { address: orders, messages: { placed: { name: placed, payload: { type: object }, examples: [{ payload: { id: made } }] } } }
  notes: { address: notes, messages: { noted: { name: noted, payload: { type: object }, examples: [{ payload: { id: made } }] } } }
operations:
  orders: { action: send, channel: { $ref: '#/channels/orders' } }
  notes: { action: send, channel: { $ref: '#/channels/notes' } }
`;

const config = `
apis:
  shop:
    contract: ./shop.yaml
    path: /shop
    plans:
      push: { mode: push, limits: { eventCount: { limit: 5, per: month } } }
      over: { mode: push, limits: { duration: { until: '2020-01-01T00:00:00Z' } } }
applications:
  platform:
    credentials: [{ kind: api-key, value: ${platformKey} }]
    subscriptions: [{ api: shop, plan: push }]
  late:
    credentials: [{ kind: api-key, value: ${overKey} }]
    subscriptions: [{ api: shop, plan: over }]
  provider:
    credentials: [{ kind: api-key, value: ${providerKey} }]
    subscriptions: [{ api: shop, as: provider }]
`;

/** Samples hand out events, so that they count as any others do. */
describe('samples of REST Hooks', () => {
  let sluice: SluiceFixture;
  before(async () => {
    sluice = await openSluice(config, { files: { 'shop.yaml': contract } });
    for (let n = 1; n <= 4; n += 1) {
      const body = JSON.stringify({ specversion: '1.0', id: `e${n}`, source: '/shop', type: 'placed', data: { id: n } });
      const headers = { 'x-api-key': providerKey, 'content-type': 'application/cloudevents+json' };
      assert.equal((await fetch(`${sluice.gateway}/shop/orders`, { method: 'POST', headers, body })).status, 202);
    }
  });
  after(() => sluice.stop());

  const ask = (path: string, key = platformKey): Promise<Response> =>
    fetch(`${sluice.gateway}/shop${path}`, { headers: { 'x-api-key': key } });

  async function usage(): Promise<{ readonly events: number; readonly bytes: number }> {
    const { items } = (await sluice.client().get(['usage'], { application: 'platform' })) as unknown as {
      items: { direction: string; events: number; bytes: number }[];
    };
    const sum = { events: 0, bytes: 0 };
    for (const { events, bytes } of items) [sum.events, sum.bytes] = [sum.events + events, sum.bytes + bytes];
    return sum;
  }

  test('are free as long as they come from the contract', async () => {
    assert.deepEqual(await (await ask('/-/hooks/samples?event=noted')).json(), [{ id: 'made' }]);
    assert.deepEqual(await usage(), { events: 0, bytes: 0 });
  });

  test('are counted and billed when they are events, up to the limit of the plan, and refused past it like a page', async () => {
    assert.deepEqual(await (await ask('/-/hooks/samples?event=placed')).json(), [{ id: 4 }, { id: 3 }, { id: 2 }]);
    assert.deepEqual(await usage(), { events: 3, bytes: 3 * '{"id":1}'.length });
    assert.deepEqual(await (await ask('/-/hooks/samples?event=placed')).json(), [{ id: 4 }, { id: 3 }], 'what is left, the newest first');
    assert.equal((await usage()).events, 5);
    const [sample, page] = [await ask('/-/hooks/samples?event=placed'), await ask('/orders?from=earliest')];
    assert.deepEqual([sample.status, page.status], [429, 429]);
    assert.ok(Number(sample.headers.get('retry-after')) > 0);
    const [told, expected] = [await sample.json(), await page.json()] as { code: string; detail: string }[];
    assert.deepEqual([told?.code, told?.detail], [expected?.code, expected?.detail]);
    assert.equal((await usage()).events, 5);
    assert.deepEqual(await (await ask('/-/hooks/samples?event=noted')).json(), [{ id: 'made' }]);
  });

  test('are refused where the plan has ended', async () => {
    const [sample, page] = [await ask('/-/hooks/samples?event=placed', overKey), await ask('/orders?from=earliest', overKey)];
    assert.deepEqual([sample.status, ((await sample.json()) as { code: string }).code], [403, 'SUBSCRIPTION_INACTIVE']);
    assert.equal(page.status, 403);
  });

  test('leave books that add up', async () => {
    const verdict = await sluice.client().get(['usage', 'verify']);
    assert.equal(verdict['ok'], true, JSON.stringify(verdict));
  });
});
