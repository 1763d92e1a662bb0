import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { selfSigned } from '../testing/self-signed.ts';
import { parseConfig } from './config/parse-config.ts';
import { printConfig } from './config/print-config.ts';
import { applyConfig } from './configuration.ts';
import { ControlFixture, ordersContract } from './control-fixture.ts';
import { exportConfig } from './export-config.ts';

const url = 'https://example.com/hook';
const pair = selfSigned({ names: ['shop.example.com'] });
const other = selfSigned({ names: ['other.example.com'] });
const client = {
  kind: 'oauth2-client-credentials',
  tokenUrl: 'https://id.example.com/token',
  clientId: 'shop',
  clientSecret: 'hunter2',
  scope: 'hooks',
  style: 'post',
};
const each: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
  ['basic', { kind: 'basic', user: 'shop', password: 'hunter2' }, 'password'],
  ['key', { kind: 'key', header: 'X-Tenant', value: 'hunter2' }, 'value'],
  ['oauth', client, 'clientSecret'],
  ['mtls', { kind: 'mtls', certificate: pair.cert, key: pair.key, ca: other.cert }, 'key'],
];

describe('What an endpoint is shown besides a signature', () => {
  let control: ControlFixture;
  let subscription: string;
  before(async () => {
    control = await ControlFixture.start();
  });
  after(() => control.stop());
  beforeEach(async () => {
    await apply({}, true);
    await apply({});
    subscription = control.store.list('subscription').find(({ spec }) => spec.state === 'accepted')!.id;
  });

  function configWith(endpoints: object): Readonly<Record<string, unknown>> {
    return {
      apis: { orders: { contract: ordersContract, plans: { push: { mode: 'push' } } } },
      applications: { shop: { subscriptions: [{ api: 'orders', plan: 'push', endpoints }] } },
    };
  }

  async function apply(endpoints: object, prune = false): Promise<readonly string[]> {
    return await applied(configWith(endpoints), prune);
  }

  async function applied(config: Readonly<Record<string, unknown>>, prune = false): Promise<readonly string[]> {
    const changes = await applyConfig(control.administration, config, { prune, actor: 'test' });
    return changes.map(({ op, kind, name }) => `${op} ${kind} ${name}`);
  }

  /** Everything that is kept or answered about the endpoints. */
  async function everythingKept(): Promise<string> {
    const rows = await Promise.all([
      control.database.query('SELECT * FROM resource', []),
      control.database.query('SELECT * FROM audit', []),
    ]);
    return JSON.stringify(rows);
  }

  for (const [name, authentication, member] of each) {
    it(`is sealed at rest, shown as a reference, and kept when that comes back: ${name}`, async () => {
      const secret = authentication[member]!;
      const body = { subscription, name, url, authentication };
      const { json } = await control.expect(201, 'POST', '/endpoints', { body });
      const reference = `\${env:SLUICE_SHOP_${name.toUpperCase()}_AUTHENTICATION_${member.toUpperCase()}}`;
      assert.deepEqual(json.authentication, { ...authentication, [member]: reference });
      const stored = control.store.byId('endpoint', json.id)!.spec.authentication as unknown as Record<string, { sealed: string }>;
      assert.equal(control.administration.sealer.open(stored[member]!.sealed), secret);
      const { secret: _, ...shown } = json;
      const put = { body: { ...shown, order: 'strict' }, ifMatch: '*' };
      await control.expect(200, 'PUT', `/endpoints/${json.id}`, put);
      assert.deepEqual(control.store.byId('endpoint', json.id)!.spec.authentication, stored);
      const kept = await everythingKept();
      for (const line of [secret, JSON.stringify(secret).slice(1, -1)]) assert.ok(!kept.includes(line), 'the secret is in the database');
      assert.ok(!JSON.stringify((await control.expect(200, 'GET', '/audit')).json).includes('v1.'), 'nor is its seal in the audit');
    });

    it(`comes back from an export, here and as a file with its environment: ${name}`, async () => {
      const secret = authentication[member]!;
      await apply({ [name]: { url, authentication } });
      assert.deepEqual(await apply({ [name]: { url, authentication } }), []);
      const exported = exportConfig(control.store, control.clock.now());
      assert.ok(!JSON.stringify(exported).includes(JSON.stringify(secret).slice(1, -1)));
      assert.deepEqual(await applied(exported, true), []);
      const signing = control.administration.sealer.open(control.store.get('endpoint', name, 'shop')!.spec.secrets[0]!.sealed);
      const env = {
        [`SLUICE_SHOP_${name.toUpperCase()}_AUTHENTICATION_${member.toUpperCase()}`]: secret,
        [`SLUICE_SHOP_${name.toUpperCase()}_SECRET`]: signing,
      };
      const readFile = () => Promise.reject(new Error('no files'));
      const bundle = await parseConfig(printConfig(exported), { name: 'exported.yaml', env, baseFolder: '/', readFile });
      assert.deepEqual(await applied(bundle.config, true), []);
    });
  }

  it('goes when it is left out, and is asked for again when it is of another kind', async () => {
    const [basic, key] = [each[0]![1], each[1]![1]];
    const { json } = await control.expect(201, 'POST', '/endpoints', { body: { subscription, name: 'hook', url, authentication: basic } });
    const reference = json.authentication.password;
    const other = { body: { url, authentication: { ...key, value: reference } }, ifMatch: '*' };
    const refused = await control.refused('BAD_REQUEST', 'PUT', `/endpoints/${json.id}`, other);
    assert.match(refused.json.detail, /^\/authentication\/value: stands for a secret that is not known here/);
    const without = await control.expect(200, 'PUT', `/endpoints/${json.id}`, { body: { url }, ifMatch: '*' });
    assert.equal(without.json.authentication, undefined);
    const { secret: _, ...shown } = json;
    const again = await control.refused('BAD_REQUEST', 'PUT', `/endpoints/${json.id}`, { body: shown, ifMatch: '*' });
    assert.match(again.json.detail, /^\/authentication\/password/);
  });

  it('is refused where a certificate and its key cannot be used, without a word of the key', async () => {
    const mtls = { kind: 'mtls', certificate: pair.cert, key: pair.key };
    for (const [wrong, member] of [
      [{ key: other.key }, 'key'],
      [{ key: 'hunter2' }, 'key'],
      [{ certificate: 'hunter2' }, 'certificate'],
      [{ ca: 'hunter2' }, 'ca'],
    ] as const) {
      const body = { subscription, name: 'hook', url, authentication: { ...mtls, ...wrong } };
      const { json } = await control.refused('BAD_REQUEST', 'POST', '/endpoints', { body });
      assert.ok(json.detail.startsWith(`/authentication/${member}: `), json.detail);
      assert.ok(!json.detail.includes('hunter2'));
    }
  });
});
