import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ReaderStatus } from '../../metering/reader-status.ts';
import { ControlFixture } from '../control-fixture.ts';

const reader: ReaderStatus = {
  id: 'r1',
  name: 'billing',
  subscription: 'sub_1',
  application: 'dashboard',
  api: 'orders',
  plan: 'free',
  protocol: 'sse',
  address: 'created',
  state: 'live',
  cursor: 'abc-1',
  lag: { events: 0, age: 0 },
  delivered: 1,
  bytes: 10,
  redelivered: 0,
  dropped: 0,
  createdAt: 1,
  lastDeliveredAt: 2,
};

describe('Readers, analytics and usage over HTTP', () => {
  let control: ControlFixture;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
  });
  beforeEach(() => void control.asked.splice(0));
  after(() => control.stop());

  it('hand readers on with their filters, and forget those that are not connected', async () => {
    control.readers.set('r1', reader);
    await control.expect(200, 'GET', '/readers?api=orders&state=live&limit=5');
    assert.deepEqual(control.asked, [
      ['readers', 'default', { limit: 5, after: undefined, subscription: undefined, api: 'orders', application: undefined, state: 'live' }],
    ]);
    const next = Buffer.from('r1').toString('base64url');
    await control.expect(200, 'GET', `/readers?after=${next}`);
    const [, , { after }] = control.asked.at(-1) as [string, string, { after: string }];
    assert.equal(after, 'r1');
    for (const list of ['/readers', '/apis', '/applications', '/subscriptions']) {
      await control.refused('BAD_REQUEST', 'GET', `${list}?after=%ff`);
    }
    assert.equal((await control.expect(200, 'GET', '/readers/r1')).json.cursor, 'abc-1');
    await control.refused('CONFLICT', 'DELETE', '/readers/r1');
    control.readers.set('r1', { ...reader, state: 'closed' });
    await control.expect(204, 'DELETE', '/readers/r1');
    await control.refused('NOT_FOUND', 'DELETE', '/readers/r1');
    await control.refused('NOT_FOUND', 'GET', '/readers/r1');
  });

  it('hand questions about figures on', async () => {
    await control.expect(200, 'GET', '/analytics/rate?by=channel&id=created&from=2030-01-01T00:00:00Z&to=1893459600000&resolution=1s');
    assert.deepEqual(control.asked, [
      ['analytics', 'default', 'rate', { by: 'channel', id: 'created', from: 1893456000000, to: 1893459600000, resolution: '1s' }],
    ]);
    await control.refused('BAD_REQUEST', 'GET', '/analytics/rate?from=2&to=1');
    await control.refused('BAD_REQUEST', 'GET', '/analytics/rates');
    await control.refused('BAD_REQUEST', 'GET', '/analytics/rate?by=galaxy');
    await control.refused('BAD_REQUEST', 'GET', '/analytics/rate?from=yesterday');
  });

  it('hand questions about usage on', async () => {
    await control.expect(200, 'GET', '/usage?api=orders&by=type');
    await control.expect(200, 'GET', '/usage/verify');
    assert.deepEqual(
      control.asked.map(([what]) => what),
      ['usage', 'verify'],
    );
    await control.refused('BAD_REQUEST', 'GET', '/usage?by=api');
    const { json } = await control.expect(201, 'POST', '/subscriptions', {
      body: { api: 'orders', application: 'dashboard', plan: 'free' },
    });
    assert.deepEqual((await control.expect(200, 'GET', `/subscriptions/${json.id}/refusals?limit=3`)).json.items, [
      { code: 'LIMIT_REACHED' },
    ]);
    assert.deepEqual(control.asked.at(-1), ['refusals', 'default', json.id, 3]);
    await control.refused('NOT_FOUND', 'GET', '/subscriptions/sub_none/refusals');
  });
});
