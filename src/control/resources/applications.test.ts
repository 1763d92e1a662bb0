import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { hashApiKey } from '../../store/api-key.ts';
import { ControlFixture } from '../control-fixture.ts';

describe('Applications and their credentials over HTTP', () => {
  let control: ControlFixture;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
  });
  after(() => control.stop());

  it('are created, changed, listed and deleted', async () => {
    await control.expect(201, 'POST', '/applications', { body: { name: 'relay', owner: 'Émile 🚢' } });
    await control.refused('CONFLICT', 'POST', '/applications', { body: { name: 'relay' } });
    const { json } = await control.expect(200, 'GET', '/applications/relay');
    assert.equal(json.owner, 'Émile 🚢');
    assert.equal(
      (
        await control.expect(200, 'PUT', '/applications/relay', { body: { ...json, description: 'passes on' }, ifMatch: '"1"' })
      ).headers.get('etag'),
      '"2"',
    );
    assert.deepEqual(
      (await control.expect(200, 'GET', '/applications')).json.items.map(({ name }: any) => name),
      ['dashboard', 'relay'],
    );
    await control.expect(201, 'POST', '/applications/relay/credentials', { body: {} });
    await control.refused('PRECONDITION_REQUIRED', 'DELETE', '/applications/relay');
    await control.expect(204, 'DELETE', '/applications/relay', { ifMatch: '"2"' });
    assert.equal(control.store.list('credential').length, 0);
    await control.refused('NOT_FOUND', 'GET', '/applications/relay');
  });

  it('stay while a subscription is open', async () => {
    await control.expect(201, 'POST', '/applications', { body: { name: 'busy' } });
    const { json } = await control.expect(201, 'POST', '/subscriptions', { body: { api: 'orders', application: 'busy', plan: 'free' } });
    await control.refused('CONFLICT', 'DELETE', '/applications/busy', { ifMatch: '*' });
    await control.expect(200, 'POST', `/subscriptions/${json.id}/close`);
    await control.expect(204, 'DELETE', '/applications/busy', { ifMatch: '*' });
  });

  it('get keys whose value is answered once and never kept', async () => {
    const made = await control.expect(201, 'POST', '/applications/dashboard/credentials', { body: { kind: 'api-key' } });
    assert.match(made.json.value, /^slk_/);
    assert.match(made.json.id, /^key_[0-9a-z]{12}$/);
    assert.equal(control.store.byId('credential', made.json.id)!.spec.hash, hashApiKey(made.json.value));
    const listed = await control.expect(200, 'GET', '/applications/dashboard/credentials');
    const audit = await control.expect(200, 'GET', '/audit?kind=credential');
    for (const { text } of [listed, audit]) {
      assert.ok(!text.includes(made.json.value));
      assert.ok(!text.includes(hashApiKey(made.json.value)));
      assert.ok(text.includes(made.json.prefix));
    }
  });

  it('may bring keys of their own, long enough and nobody else’s', async () => {
    const value = 'a-key-brought-along-0001';
    const first = await control.expect(201, 'POST', '/applications/dashboard/credentials', { body: { value } });
    assert.equal(first.json.value, value);
    await control.refused('CONFLICT', 'POST', '/applications/dashboard/credentials', { body: { value } });
    await control.expect(201, 'POST', '/applications', { body: { name: 'other' } });
    const refusal = await control.refused('CONFLICT', 'POST', '/applications/other/credentials', { body: { value } });
    assert.ok(!refusal.json.detail.includes('dashboard'));
    for (const wrong of ['short', 'fifteen-chars-x', 'with spaces in it, long', 'ключ-ключ-ключ-ключ', 'x'.repeat(257), 5, {}]) {
      const { text } = await control.refused('BAD_REQUEST', 'POST', '/applications/other/credentials', { body: { value: wrong } });
      assert.match(text, /\/value/);
    }
  });

  it('rotate a key with an overlap, after which the old one is no longer valid', async () => {
    const old = (await control.expect(201, 'POST', '/applications/other/credentials', { body: {} })).json;
    const rotated = await control.expect(201, 'POST', `/applications/other/credentials/${old.id}/rotate`, { body: { overlap: '24h' } });
    assert.notEqual(rotated.json.value, old.value);
    const states = async (): Promise<Record<string, string>> =>
      Object.fromEntries(
        (await control.expect(200, 'GET', '/applications/other/credentials')).json.items.map(({ id, state }: any) => [id, state]),
      );
    assert.deepEqual(await states(), { [old.id]: 'active', [rotated.json.id]: 'active' });
    await control.expect(201, 'POST', '/tickets', { token: old.value, body: {} });
    control.clock.time += 86_400_000;
    assert.deepEqual(await states(), { [old.id]: 'expired', [rotated.json.id]: 'active' });
    await control.refused('UNAUTHENTICATED', 'POST', '/tickets', { token: old.value, body: {} });
    await control.expect(201, 'POST', '/tickets', { token: rotated.json.value, body: {} });
    await control.refused('CONFLICT', 'POST', `/applications/other/credentials/${old.id}/rotate`);
  });

  it('revoke a key at once, and keep its record', async () => {
    const key = (await control.expect(201, 'POST', '/applications/other/credentials', { body: {} })).json;
    await control.refused('PRECONDITION_REQUIRED', 'DELETE', `/applications/other/credentials/${key.id}`);
    await control.refused('NOT_FOUND', 'DELETE', `/applications/dashboard/credentials/${key.id}`, { ifMatch: '*' });
    await control.expect(204, 'DELETE', `/applications/other/credentials/${key.id}`, { ifMatch: '*' });
    await control.expect(204, 'DELETE', `/applications/other/credentials/${key.id}`, { ifMatch: '*' });
    await control.refused('UNAUTHENTICATED', 'POST', '/tickets', { token: key.value, body: {} });
    assert.equal(control.store.byId('credential', key.id)!.spec.revokedAt, control.clock.time);
    await control.refused('CONFLICT', 'POST', '/applications/other/credentials', { body: { value: key.value } });
  });

  it('get tickets for browsers with a key, for an API they may use', async () => {
    const { id, value: key } = (await control.expect(201, 'POST', '/applications/dashboard/credentials', { body: {} })).json;
    await control.expect(201, 'POST', '/subscriptions', { body: { api: 'orders', application: 'dashboard', plan: 'free' } });
    const any = await control.expect(201, 'POST', '/tickets', { token: key, body: {} });
    assert.deepEqual(any.json, { ticket: `ticket for default/${id}/*`, expiresIn: 30 });
    const one = await control.expect(201, 'POST', '/tickets', { token: undefined, headers: { 'x-api-key': key }, body: { api: 'orders' } });
    assert.equal(one.json.ticket, `ticket for default/${id}/orders`);
    await control.refused('FORBIDDEN', 'POST', '/tickets', { token: key, body: { api: 'none' } });
    await control.refused('UNAUTHENTICATED', 'POST', '/tickets', { body: {} });
  });
});
