import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { GatewayError } from '../core/errors.ts';
import { parseConfig } from './config/parse-config.ts';
import { printConfig } from './config/print-config.ts';
import { applyConfig, planConfig } from './configuration.ts';
import { ControlFixture, ordersContract } from './control-fixture.ts';
import { exportConfig } from './export-config.ts';

type Config = Record<string, any>;

function configWith(sources: object): Config {
  return {
    apis: { orders: { contract: ordersContract } },
    applications: { shop: { subscriptions: [{ api: 'orders', as: 'provider', sources }] } },
  };
}

const builds = { preset: 'github', address: 'created', secret: 'first secret' };

describe('Sources in a configuration', () => {
  let control: ControlFixture;
  before(async () => {
    control = await ControlFixture.start();
  });
  afterEach(() => applyConfig(control.administration, {}, { prune: true, actor: 'admin' }));
  after(() => control.stop());

  const apply = async (wanted: unknown, prune = false): Promise<readonly string[]> =>
    (await applyConfig(control.administration, wanted, { prune, actor: 'config:sluice.yaml' })).map(
      ({ op, kind, name }) => `${op} ${kind}${kind === 'subscription' ? '' : ` ${name}`}`,
    );
  const stored = () => control.store.get('source', 'builds', 'shop')!;
  const secrets = (): string[] => stored().spec.secrets.map(({ sealed }) => control.administration.sealer.open(sealed));
  const problems = async (wanted: Config): Promise<readonly string[]> => {
    try {
      await planConfig(control.administration, wanted, { prune: false });
    } catch (error) {
      assert.ok(error instanceof GatewayError && error.code === 'INVALID_CONFIGURATION', String(error));
      return (error.details['problems'] as { path: string; sentence: string }[]).map(({ path, sentence }) => `${path} ${sentence}`);
    }
    return assert.fail('should be refused');
  };

  it('are made once, changed, and pruned', async () => {
    assert.ok((await apply(configWith({ builds }))).includes('create source builds'));
    assert.deepEqual(await apply(configWith({ builds }), true), []);
    assert.deepEqual(secrets(), ['first secret']);
    assert.deepEqual(await apply(configWith({ builds: { ...builds, tolerance: '1m' } })), ['update source builds']);
    assert.deepEqual(await apply(configWith({})), []);
    assert.deepEqual(await apply(configWith({}), true), ['delete source builds']);
  });

  it('come back from an export: here, and as a file with its environment', async () => {
    const hmac = { header: 'X-Signature', type: 'com.example', template: '{timestamp}.{body}', timestampHeader: 'X-Time' };
    const ends = new Date(control.clock.time + 60_000).toISOString();
    const two = { ...builds, secret: undefined, secrets: ['first secret', { value: 'second secret', expiresAt: ends }], state: 'paused' };
    const ci = { preset: 'hmac', address: 'created', secret: 'third secret', hmac, types: { 'com.*': '${x}.*' } };
    await apply(
      configWith({ builds: two, ci, feed: { preset: 'websub', address: 'created', topic: { url: 'https://blog.example/feed' } } }),
    );
    const exported = exportConfig(control.store, control.clock.now()) as Config;
    const text = JSON.stringify(exported);
    for (const hidden of ['first secret', 'second secret', 'third secret', 'v1.']) assert.ok(!text.includes(hidden), hidden);
    assert.deepEqual(await apply(exported, true), []);
    const env = {
      SLUICE_SHOP_SOURCE_BUILDS_SECRET: 'first secret',
      SLUICE_SHOP_SOURCE_BUILDS_SECRET_1: 'second secret',
      SLUICE_SHOP_SOURCE_CI_SECRET: 'third secret',
      SLUICE_SHOP_SOURCE_FEED_SECRET: control.administration.sealer.open(
        control.store.get('source', 'feed', 'shop')!.spec.secrets[0]!.sealed,
      ),
    };
    const readFile = () => Promise.reject(new Error('no files'));
    const bundle = await parseConfig(printConfig(exported), { name: 'exported.yaml', env, baseFolder: '/', readFile });
    assert.deepEqual(await apply(bundle.config, true), []);
    await apply({}, true);
    assert.match((await problems(exported)).join(), /SLUICE_SHOP_SOURCE_BUILDS_SECRET\} stands for a secret that is not known here/);
  });

  it('keep a secret that was made, let a rotation stand, and drop the secrets of another provider', async () => {
    const made = { preset: 'github', address: 'created' };
    await apply(configWith({ builds: made }));
    const [first] = secrets();
    assert.deepEqual(await apply(configWith({ builds: made }), true), []);
    const { json } = await control.expect(200, 'POST', `/sources/${stored().id}/rotate`, { body: {} });
    assert.deepEqual(await apply(configWith({ builds: made }), true), []);
    assert.deepEqual(secrets(), [json.secret, first]);
    assert.match((await problems(configWith({ builds: { preset: 'slack', address: 'created' } })))[0]!, /\/secret is missing; .*slack/);
    await apply(configWith({ builds: { preset: 'slack', address: 'created', secret: 'of slack' } }));
    assert.deepEqual(secrets(), ['of slack']);
  });

  it('never show a secret in a difference, but that there is another one', async () => {
    await apply(configWith({ builds }));
    const [change] = await planConfig(control.administration, configWith({ builds: { ...builds, secret: 'second secret' } }), {
      prune: false,
    });
    assert.notDeepEqual(change!.before!['secrets'], change!.after!['secrets']);
    assert.ok(!JSON.stringify(change).includes(' secret"'));
  });

  it('are refused where the API takes no webhooks, and twice in one application, each with its place', async () => {
    const closed = configWith({ builds });
    closed['apis'].orders.entrypoints = ['sse'];
    assert.match((await problems(closed))[0]!, /^\/applications\/shop\/subscriptions\/0 sources need `webhook` among the entrypoints/);
    await apply(configWith({ builds }));
    assert.match((await problems({ apis: closed['apis'] }))[0]!, /^\/apis\/orders\/entrypoints sources need/);
    const twice = configWith({ builds });
    twice['apis'].orders.plans = { free: {} };
    twice['applications'].shop.subscriptions.push({ api: 'orders', plan: 'free', sources: { builds } });
    assert.match((await problems(twice))[0]!, /subscriptions\/1\/sources\/builds the application already has a source builds/);
    const many = configWith(Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`s${index}`, builds])));
    assert.match((await problems(many))[0]!, /would have 101 sources; 100 is the most/);
  });
});
