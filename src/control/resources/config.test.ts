import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ControlFixture, ordersContract } from '../control-fixture.ts';

const config = {
  apis: { orders: { contract: ordersContract, plans: { free: {} } } },
  applications: { dashboard: { subscriptions: [{ api: 'orders', plan: 'free' }] } },
};

describe('The configuration over HTTP', () => {
  let control: ControlFixture;
  before(async () => {
    control = await ControlFixture.start();
  });
  after(() => control.stop());

  it('is planned without a change, applied in one write by the one who wants it, and then there is no difference', async () => {
    const planned = await control.expect(200, 'POST', '/plan', { body: { config } });
    assert.equal((await control.expect(200, 'GET', '/apis')).json.items.length, 0);
    const writes: number[] = [];
    const stop = control.store.watch((changes) => writes.push(changes.length));
    const applied = await control.expect(200, 'POST', '/apply', { body: { config, actor: 'config:/home/émile/it’s (new)/sluice.yaml' } });
    stop();
    assert.deepEqual(writes, [5]);
    const brief = ({ json }: any): unknown => json.changes.map(({ op, kind, parent }: any) => [op, kind, parent]);
    assert.deepEqual(brief(applied), brief(planned));
    assert.deepEqual((await control.expect(200, 'POST', '/plan', { body: { config, prune: true } })).json, { changes: [] });
    const { json } = await control.expect(200, 'GET', '/audit');
    assert.deepEqual(new Set(json.items.map(({ actor }: any) => actor)), new Set(['config:/home/émile/it’s (new)/sluice.yaml']));
  });

  it('is exported as it is applied', async () => {
    const { json } = await control.expect(200, 'GET', '/export');
    assert.deepEqual((await control.expect(200, 'POST', '/apply', { body: { config: json, prune: true } })).json, { changes: [] });
  });

  it('is refused with every mistake and its place, but with a bounded answer', async () => {
    const { json } = await control.refused('INVALID_CONFIGURATION', 'POST', '/apply', {
      body: { config: { apis: { orders: { contract: ordersContract, backbone: 'x', entrypoints: ['y'] } } } },
    });
    assert.deepEqual(
      json.problems.map(({ path }: any) => path),
      ['/apis/orders/backbone', '/apis/orders/entrypoints/0'],
    );
    const many = {
      applications: { a: { subscriptions: Array.from({ length: 1000 }, (_, index) => ({ api: `none-${index}`, plan: 'p' })) } },
    };
    assert.equal((await control.refused('INVALID_CONFIGURATION', 'POST', '/apply', { body: { config: many } })).json.problems.length, 100);
  });
});
