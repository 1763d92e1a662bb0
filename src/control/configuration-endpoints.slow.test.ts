import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { compileFilter } from '../gateway/filter.ts';
import { GatewayError } from '../core/errors.ts';
import { ConfigError } from './config/config-error.ts';
import { parseConfig } from './config/parse-config.ts';
import { printConfig } from './config/print-config.ts';
import { applyConfig, planConfig } from './configuration.ts';
import { ControlFixture, ordersContract } from './control-fixture.ts';
import { exportConfig } from './export-config.ts';

const secret = (fill: number): string => `whsec_${Buffer.alloc(24, fill).toString('base64')}`;
const url = 'https://example.com/hook';

type Config = Record<string, any>;

function configWith(endpoints: object): Config {
  return {
    apis: { orders: { contract: ordersContract, plans: { free: {}, push: { mode: 'push' } } } },
    applications: { shop: { subscriptions: [{ api: 'orders', plan: 'push', endpoints }] } },
  };
}

const hook = { url, secret: secret(1), events: ['com.example.*'], headers: { Authorization: 'Bearer hunter2', 'X-Env': 'prod' } };

describe('Endpoints in a configuration', () => {
  let control: ControlFixture;
  before(async () => {
    control = await ControlFixture.start({ checkFilter: compileFilter });
  });
  afterEach(() => applyConfig(control.administration, {}, { prune: true, actor: 'admin' }));
  after(() => control.stop());

  const apply = async (wanted: unknown, prune = false): Promise<readonly string[]> =>
    (await applyConfig(control.administration, wanted, { prune, actor: 'config:sluice.yaml' })).map(
      ({ op, kind, name }) => `${op} ${kind}${kind === 'subscription' ? '' : ` ${name}`}`,
    );
  const stored = () => control.store.get('endpoint', 'hook', 'shop')!;
  const secrets = (): string[] => stored().spec.secrets.map(({ sealed }) => control.administration.sealer.open(sealed));
  const problems = async (wanted: Config): Promise<readonly { path: string; sentence: string }[]> => {
    try {
      await planConfig(control.administration, wanted, { prune: false });
    } catch (error) {
      assert.ok(error instanceof GatewayError && error.code === 'INVALID_CONFIGURATION', String(error));
      return error.details['problems'] as { path: string; sentence: string }[];
    }
    return assert.fail('should be refused');
  };

  it('are made once, with the subscription they belong to, and the second time nothing changes', async () => {
    assert.ok((await apply(configWith({ hook }))).includes('create endpoint hook'));
    assert.deepEqual(await apply(configWith({ hook }), true), []);
    assert.deepEqual(
      [stored().spec.subscription, secrets()],
      [control.store.list('subscription').find(({ spec }) => spec.state === 'accepted')!.id, [secret(1)]],
    );
    assert.deepEqual(await apply(configWith({ hook: { ...hook, timeout: '20s' } })), ['update endpoint hook']);
    assert.deepEqual(await apply(configWith({})), []);
    assert.deepEqual(await apply(configWith({}), true), ['delete endpoint hook']);
  });

  it('never show a secret in a difference, but that there is another one', async () => {
    await apply(configWith({ hook }));
    const [change] = await planConfig(control.administration, configWith({ hook: { ...hook, secret: secret(2) } }), { prune: false });
    assert.notDeepEqual(change!.before!['secrets'], change!.after!['secrets']);
    const text = JSON.stringify(change);
    for (const hidden of [secret(1), secret(2), 'hunter2', 'v1.']) assert.ok(!text.includes(hidden), hidden);
  });

  it('come back from an export: here, as a file with its environment, and after time has passed', async () => {
    const ends = new Date(control.clock.time + 60_000).toISOString();
    const { secret: _, ...rest } = hook;
    const full = {
      ...rest,
      secrets: [secret(1), { value: secret(2), expiresAt: ends }],
      retry: ['1s', '1m'],
      state: 'paused',
      metadata: { a: '${b}' },
      verification: 'cloudevents',
      signature: { style: 'stripe', header: 'X-Shop-Signature' },
      batch: { events: 10, bytes: '64KiB', wait: '500ms' },
      rateLimit: { limit: 10, per: 'minute' },
    };
    await apply(configWith({ hook: full, made: { url, signature: 'github' } }));
    const exported = exportConfig(control.store, control.clock.now()) as Config;
    const written = exported['applications'].shop.subscriptions[0].endpoints.hook;
    assert.deepEqual(written.secrets, ['${env:SLUICE_SHOP_HOOK_SECRET}', { value: '${env:SLUICE_SHOP_HOOK_SECRET_1}', expiresAt: ends }]);
    assert.deepEqual(written.headers, { Authorization: '${env:SLUICE_SHOP_HOOK_HEADER_AUTHORIZATION}', 'X-Env': 'prod' });
    assert.deepEqual(await apply(exported, true), []);
    const env = {
      SLUICE_SHOP_HOOK_SECRET: secret(1),
      SLUICE_SHOP_HOOK_SECRET_1: secret(2),
      SLUICE_SHOP_HOOK_HEADER_AUTHORIZATION: 'Bearer hunter2',
      SLUICE_SHOP_MADE_SECRET: control.administration.sealer.open(control.store.get('endpoint', 'made', 'shop')!.spec.secrets[0]!.sealed),
    };
    const readFile = () => Promise.reject(new Error('no files'));
    const bundle = await parseConfig(printConfig(exported), { name: 'exported.yaml', env, baseFolder: '/', readFile });
    assert.deepEqual(await apply(bundle.config, true), []);
    control.clock.time += 120_000;
    const later = exportConfig(control.store, control.clock.now()) as Config;
    assert.equal(later['applications'].shop.subscriptions[0].endpoints.hook.secrets.length, 1);
    assert.deepEqual(await apply(later, true), []);
  });

  it('need an export to be filled in where the secrets are not known', async () => {
    await apply(configWith({ hook }));
    const exported = exportConfig(control.store, control.clock.now());
    await apply({}, true);
    assert.deepEqual(
      (await problems(exported as Config)).map(({ path, sentence }) => [path, sentence.split(' ')[0]]),
      [['/applications/shop/subscriptions/0/endpoints/hook/headers', '${env:SLUICE_SHOP_HOOK_HEADER_AUTHORIZATION}']],
    );
  });

  it('have a filter that can be tried, or a problem at its place', async () => {
    const [problem] = await problems(configWith({ hook: { ...hook, filter: 'data.total >' } }));
    assert.equal(problem!.path, '/applications/shop/subscriptions/0/endpoints/hook/filter');
    assert.match(problem!.sentence, /not valid at column/);
  });

  it('get a secret of their own when none is given, and keep it', async () => {
    await apply(configWith({ hook: { url } }));
    const [made] = secrets();
    assert.match(made!, /^whsec_/);
    assert.deepEqual(await apply(configWith({ hook: { url } }), true), []);
    assert.deepEqual(await apply(configWith({ hook: { url, order: 'strict' } })), ['update endpoint hook']);
    assert.deepEqual(secrets(), [made]);
  });

  it('SW-11: let a rotation over the API stand, and one in the file take effect', async () => {
    await apply(configWith({ hook }));
    const { json } = await control.expect(200, 'POST', `/endpoints/${stored().id}/rotate`, { body: {} });
    assert.deepEqual(await apply(configWith({ hook }), true), []);
    assert.deepEqual(secrets(), [json.secret, secret(1)]);
    assert.deepEqual(await apply(configWith({ hook: { ...hook, secret: secret(3) } })), ['update endpoint hook']);
    assert.deepEqual(secrets(), [secret(3), secret(1)]);
    assert.deepEqual(await apply(configWith({ hook: { ...hook, secret: secret(3) } })), []);
  });

  it('leave alone that one was paused over the API, unless the file says its state', async () => {
    await apply(configWith({ hook }));
    await control.expect(200, 'POST', `/endpoints/${stored().id}/pause`);
    assert.deepEqual(await apply(configWith({ hook }), true), []);
    assert.deepEqual(await apply(configWith({ hook: { ...hook, state: 'started' } })), ['update endpoint hook']);
  });

  it('go along with their subscription', async () => {
    await apply(configWith({ hook }));
    const without = configWith({ hook });
    without['applications'].shop.subscriptions = [];
    assert.deepEqual((await apply(without, true)).toSorted(), ['delete endpoint hook', 'delete subscription']);
    await apply(configWith({ hook }));
    const closing = configWith({});
    closing['apis'].orders.plans.push.state = 'closed';
    closing['applications'].shop.subscriptions = [];
    assert.deepEqual((await apply(closing)).toSorted(), ['delete endpoint hook', 'delete subscription', 'update plan push']);
  });

  it('are refused under a plan that has none, twice in one application, and too many, each with its place', async () => {
    const at = '/applications/shop/subscriptions';
    const standard = configWith({ hook });
    standard['applications'].shop.subscriptions[0].plan = 'free';
    assert.deepEqual(await problems(standard), [
      { path: `${at}/0`, sentence: 'endpoints need a plan of the mode push, and its plan free is not one' },
    ]);
    await apply(configWith({ hook }));
    delete standard['applications'].shop.subscriptions[0].endpoints;
    assert.equal((await problems(standard))[0]!.path, `${at}/0`);
    const otherMode = configWith({});
    otherMode['apis'].orders.plans.push.mode = 'standard';
    otherMode['applications'] = {};
    assert.equal((await problems(otherMode))[0]!.path, '/apis/orders/plans/push/mode');
    const twice = configWith({ hook });
    twice['applications'].shop.subscriptions.push({ api: 'orders', as: 'provider', plan: 'push', endpoints: { hook } });
    assert.equal((await problems(twice))[0]!.path, `${at}/1/endpoints/hook`);
    const many = configWith(Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`hook-${index}`, { url, secret: secret(1) }])));
    assert.match((await problems(many))[0]!.sentence, /would have 1002 endpoints; 1000 is the most/);
    const same = configWith({ hook: { url, secrets: [secret(1), '${env:SLUICE_SHOP_HOOK_SECRET}'] } });
    assert.match((await problems(same))[0]!.sentence, /names a secret twice/);
  });

  it('name line and column of what is wrong in a file, and never a secret', async () => {
    const text = [
      'applications:',
      '  shop:',
      '    subscriptions:',
      '      - api: orders',
      '        plan: push',
      '        endpoints:',
      '          hook:',
      '            url: ftp://example.com',
      '            secret: ${env:HOOK}',
      '            timeout: 1h',
      '          "a b": { url: https://example.com }',
    ].join('\n');
    const sources = { name: 's.yaml', env: { HOOK: 'hunter2!' }, baseFolder: '/', readFile: () => Promise.reject(new Error('none')) };
    await assert.rejects(parseConfig(text, sources), (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(
        error.problems.map(({ line, column }) => [line, column]),
        [
          [8, 13],
          [9, 13],
          [10, 13],
          [11, 11],
        ],
      );
      assert.ok(!error.message.includes('hunter2'));
      return true;
    });
  });
});
