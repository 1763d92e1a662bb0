import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../core/errors.ts';
import { hashApiKey } from '../store/api-key.ts';
import { ControlFixture, ordersContract } from './control-fixture.ts';
import type { ConfigChange } from './configuration.ts';
import { applyConfig, planConfig } from './configuration.ts';
import { printConfig } from './config/print-config.ts';
import { parseConfig } from './config/parse-config.ts';
import { exportConfig } from './export-config.ts';

const key = 'a-key-of-the-dashboard-0001';
const config = {
  apis: {
    orders: {
      contract: ordersContract,
      description: 'Costs ${money}',
      retention: { age: '7d', bytes: '1GiB' },
      cors: { origins: ['https://app.example.com'] },
      websub: { lease: { default: '5d' }, topics: { 'https://blog.example/feed': 'created' } },
      plans: {
        free: {
          limits: {
            eventCount: { limit: 10, per: 'day' },
            duration: [{ limit: '90m', per: 'day' }, { until: '2035-01-01T00:00:00Z' }],
            backpressure: { maxBuffered: { events: 5 }, overflow: 'conflate' },
          },
          flush: { maxDelay: '20ms', maxBytes: '64KiB', maxEvents: 100 },
        },
        team: { approval: 'manual', preset: 'gold' },
      },
    },
  },
  applications: {
    dashboard: {
      owner: 'web team',
      credentials: [{ kind: 'api-key', value: key }],
      subscriptions: [{ api: 'orders', plan: 'free', allow: { read: ['created'] } }],
    },
    relay: { subscriptions: [{ api: 'orders', as: 'provider' }] },
  },
};

type Draft = Record<string, any>;

function changed(edit: (config: Draft) => void): Draft {
  const copy = structuredClone(config) as Draft;
  edit(copy);
  return copy;
}

describe('Applying a configuration', () => {
  let control: ControlFixture;
  beforeEach(async () => {
    control = await ControlFixture.start();
  });
  afterEach(() => control.stop());

  const apply = async (wanted: unknown, prune = false): Promise<readonly string[]> =>
    brief(await applyConfig(control.administration, wanted, { prune, actor: 'config:sluice.yaml' }));
  const plan = async (wanted: unknown, prune = false): Promise<readonly string[]> =>
    brief(await planConfig(control.administration, wanted, { prune }));
  it('creates everything once, as planned, and the second time nothing', async () => {
    const planned = await plan(config);
    assert.equal(control.store.list('api').length, 0);
    assert.deepEqual(await apply(config), planned);
    assert.deepEqual(planned.toSorted(), [
      'create api orders',
      'create application dashboard',
      'create application relay',
      'create backbone main',
      'create credential *',
      'create plan orders/free',
      'create plan orders/team',
      'create subscription *',
      'create subscription *',
    ]);
    assert.deepEqual(await apply(config), []);
    assert.deepEqual(await apply(config, true), []);
    assert.equal(control.store.list('credential')[0]!.spec.hash, hashApiKey(key));
  });

  it('changes only what differs, with before and after, and audits who', async () => {
    await apply(config);
    const changes = await applyConfig(
      control.administration,
      changed((copy) => (copy['apis'].orders.plans.free.limits.eventCount.limit = 20)),
      { prune: false, actor: 'config:sluice.yaml' },
    );
    assert.deepEqual(brief(changes), ['update plan orders/free']);
    assert.equal((changes[0]!.before as any).limits.eventCount[0].limit, 10);
    assert.equal((changes[0]!.after as any).limits.eventCount[0].limit, 20);
    const [entry] = await control.store.audit({ tenant: 'default', limit: 1 });
    assert.deepEqual([entry?.actor, entry?.action, entry?.name], ['config:sluice.yaml', 'plan.update', 'free']);
  });

  it('never shows a key or its hash in a difference', async () => {
    const text = JSON.stringify(await planConfig(control.administration, config, { prune: false }));
    assert.ok(!text.includes(key) && !text.includes(hashApiKey(key)));
  });

  it('deletes nothing without prune, and with it everything not named', async () => {
    await apply(config);
    await control.expect(201, 'POST', '/applications/relay/credentials', { body: {} });
    const less = changed((copy) => {
      delete copy['applications'].dashboard;
      delete copy['apis'].orders.plans.free;
    });
    assert.deepEqual(await apply(less), []);
    assert.deepEqual((await apply(less, true)).toSorted(), [
      'delete application dashboard',
      'delete credential *',
      'delete credential *',
      'delete plan orders/free',
      'delete subscription *',
    ]);
    assert.deepEqual(await apply(less, true), []);
    assert.deepEqual(
      control.store
        .list('subscription')
        .map(({ spec }) => spec.state)
        .toSorted(),
      ['accepted', 'closed'],
    );
    assert.deepEqual(await apply({}, true), [
      'delete subscription *',
      'delete application relay',
      'delete plan orders/team',
      'delete api orders',
    ]);
    assert.deepEqual(exportConfig(control.store, control.clock.now()), {
      backbones: { main: { kind: 'embedded' } },
      apis: {},
      applications: {},
    });
    assert.equal((await apply(config)).length, 8);
  });

  it('gives back with export what apply takes: here, as a file, and in an empty place', async () => {
    await apply(config);
    await control.expect(
      200,
      'POST',
      `/subscriptions/${control.store.list('subscription').find(({ spec }) => spec.as === 'client')!.id}/pause`,
    );
    const exported = exportConfig(control.store, control.clock.now());
    assert.deepEqual(await plan(exported, true), []);
    const file = printConfig(exported);
    const bundle = await parseConfig(file, {
      name: 'exported.yaml',
      env: {},
      baseFolder: '/',
      readFile: () => Promise.reject(new Error('no files')),
    });
    assert.deepEqual(await plan(bundle.config, true), []);
    const elsewhere = await ControlFixture.start();
    try {
      await applyConfig(elsewhere.administration, exported, { prune: false, actor: 'admin' });
      assert.deepEqual(exportConfig(elsewhere.store, elsewhere.clock.now()), exported);
    } finally {
      await elsewhere.stop();
    }
  });

  it('exports the secrets of a backbone by name, and keeps them when they come back so', async () => {
    const withSecrets = changed(
      (copy) =>
        (copy['backbones'] = {
          main: { kind: 'kafka', brokers: ['h:1'], sasl: { username: 'u', password: 'hunter2' }, url: 'amqp://u:hunter2@h/' },
        }),
    );
    await apply(withSecrets);
    const exported = exportConfig(control.store, control.clock.now());
    assert.ok(!JSON.stringify(exported).includes('hunter2'));
    assert.equal((exported['backbones'] as any).main.sasl.password, '${env:SLUICE_MAIN_SASL_PASSWORD}');
    assert.deepEqual(await apply(exported), []);
    assert.equal((control.store.get('backbone', 'main')!.spec.options['sasl'] as any).password, 'hunter2');
    assert.ok(!(await control.expect(200, 'GET', '/audit')).text.includes('hunter2'));
  });

  it('leaves alone what the API decided: a paused subscription, a revoked key, an accepted request', async () => {
    await apply(config);
    const client = control.store.list('subscription').find(({ spec }) => spec.as === 'client')!;
    const credential = control.store.list('credential')[0]!;
    await control.expect(200, 'POST', `/subscriptions/${client.id}/pause`, { body: { reason: 'abuse' } });
    await control.expect(204, 'DELETE', `/applications/dashboard/credentials/${credential.id}`, { ifMatch: '*' });
    assert.deepEqual(await apply(config, true), []);
    assert.equal(control.store.byId('subscription', client.id)!.spec.reason, 'abuse');
    assert.ok(control.store.byId('credential', credential.id)!.spec.revokedAt !== undefined);
    const explicit = changed((copy) => (copy['applications'].dashboard.subscriptions[0].state = 'accepted'));
    assert.deepEqual(await apply(explicit), ['update subscription *']);
  });

  it('closes the subscriptions of a plan that it closes', async () => {
    await apply(config);
    const closing = changed((copy) => {
      copy['apis'].orders.plans.free.state = 'closed';
      copy['applications'].dashboard.subscriptions = [];
    });
    assert.deepEqual((await apply(closing)).toSorted(), ['delete subscription *', 'update plan orders/free']);
    assert.deepEqual(await apply(closing), []);
    assert.match((await refusalOf(control, config))[0]!.sentence, /closed and cannot become published again/);
  });

  it('refuses to take the backbone from an API that stays', async () => {
    await apply(changed((copy) => (copy['backbones'] = { main: { kind: 'embedded' }, other: { kind: 'kafka' } })));
    await control.expect(201, 'POST', '/apis', { body: { name: 'kept', backbone: 'other', contract: ordersContract } });
    assert.deepEqual(await apply(config), []);
    assert.deepEqual((await apply(config, true)).toSorted(), ['delete api kept', 'delete backbone other']);
  });

  it('runs one after the other: ten at once create everything once', async () => {
    const results = await Promise.all(Array.from({ length: 10 }, () => apply(config)));
    assert.deepEqual(
      results.map((result) => result.length).toSorted((a, b) => a - b),
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
    );
    assert.equal(control.store.list('subscription').length, 2);
  });

  it('comes to rest whatever is applied after whatever', async () => {
    const part = fc.record({
      plans: fc.subarray(['free', 'team']),
      applications: fc.subarray(['dashboard', 'relay']),
      limit: fc.integer({ min: 1, max: 3 }),
      prune: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (steps) => {
        for (const step of steps) {
          const wanted = changed((copy) => {
            for (const name of ['free', 'team']) if (!step.plans.includes(name)) delete copy['apis'].orders.plans[name];
            for (const name of ['dashboard', 'relay']) if (!step.applications.includes(name)) delete copy['applications'][name];
            if (step.plans.includes('free')) copy['apis'].orders.plans.free.limits.eventCount.limit = step.limit;
            else delete copy['applications'].dashboard?.subscriptions;
          });
          await apply(wanted, step.prune);
          assert.deepEqual(await plan(wanted, step.prune), []);
          assert.deepEqual(await plan(exportConfig(control.store, control.clock.now()), true), []);
        }
        await apply({}, true);
      }),
      { numRuns: 8 },
    );
  });
});

/** The problems with which a configuration is refused; nothing may have changed. */
async function refusalOf(control: ControlFixture, wanted: unknown): Promise<readonly { path: string; sentence: string }[]> {
  const before = JSON.stringify(exportConfig(control.store, control.clock.now()));
  try {
    await applyConfig(control.administration, wanted, { prune: false, actor: 'config:sluice.yaml' });
  } catch (error) {
    assert.ok(error instanceof GatewayError && error.code === 'INVALID_CONFIGURATION', String(error));
    assert.equal(JSON.stringify(exportConfig(control.store, control.clock.now())), before, 'a refused configuration changed something');
    return error.details['problems'] as { path: string; sentence: string }[];
  }
  return assert.fail('should be refused');
}

describe('A configuration that cannot be', () => {
  let control: ControlFixture;
  before(async () => {
    control = await ControlFixture.start();
  });
  after(() => control.stop());

  const impossible: readonly (readonly [what: string, edit: (config: Draft) => void, path: string, sentence: RegExp])[] = [
    [
      'an unknown backbone',
      (copy) => (copy['apis'].orders.backbone = 'mian'),
      '/apis/orders/backbone',
      /no backbone mian; did you mean `main`/,
    ],
    [
      'an unknown kind of backbone',
      (copy) => (copy['backbones'] = { main: { kind: 'kafak' } }),
      '/backbones/main/kind',
      /did you mean `kafka`/,
    ],
    [
      'a secret that is not filled in',
      (copy) => (copy['backbones'] = { main: { kind: 'kafka', password: '${env:SLUICE_MAIN_PASSWORD}' } }),
      '/backbones/main',
      /not known here/,
    ],
    [
      'an unknown entrypoint',
      (copy) => (copy['apis'].orders.entrypoints = ['sse', 'carrier-pigeon']),
      '/apis/orders/entrypoints/1',
      /no entrypoint carrier-pigeon; there are publish/,
    ],
    [
      'two APIs at one path',
      (copy) => (copy['apis'].other = { contract: ordersContract, path: '/orders' }),
      '/apis/orders/path',
      /already the path of the API other/,
    ],
    [
      'an API below another',
      (copy) => (copy['apis'].other = { contract: ordersContract, path: '/orders/eu' }),
      '/apis/other/path',
      /overlap/,
    ],
    [
      'a contract that cannot run',
      (copy) => (copy['apis'].orders.contract = { name: 'x.yaml', text: 'asyncapi: 9.9.9' }),
      '/apis/orders/contract',
      /^x\.yaml:1:/,
    ],
    [
      'an unknown plan',
      (copy) => (copy['applications'].dashboard.subscriptions[0].plan = 'fre'),
      '/applications/dashboard/subscriptions/0/plan',
      /no plan fre; did you mean `free`/,
    ],
    [
      'an unknown API',
      (copy) => (copy['applications'].dashboard.subscriptions[0].api = 'order'),
      '/applications/dashboard/subscriptions/0/api',
      /no API order; did you mean `orders`/,
    ],
    [
      'a plan that is not offered yet',
      (copy) => (copy['apis'].orders.plans.free.state = 'staging'),
      '/applications/dashboard/subscriptions/0/plan',
      /staging/,
    ],
    ['a retired API', (copy) => (copy['apis'].orders.lifecycle = 'retired'), '/applications/dashboard/subscriptions/0/api', /retired/],
    [
      'two clients of one application',
      (copy) => copy['applications'].dashboard.subscriptions.push({ api: 'orders', plan: 'team' }),
      '/applications/dashboard/subscriptions/1',
      /already has a subscription to orders as client/,
    ],
    [
      'one key for two applications',
      (copy) => (copy['applications'].relay.credentials = [{ kind: 'api-key', value: key }]),
      '/applications/relay/credentials/0',
      /belongs to the application dashboard/,
    ],
    [
      'one key twice',
      (copy) => copy['applications'].dashboard.credentials.push({ kind: 'api-key', value: key }),
      '/applications/dashboard/credentials/1',
      /named twice/,
    ],
    ['an unknown key', (copy) => (copy['apis'].orders.pln = {}), '/apis/orders/pln', /unknown key/],
    [
      'a key too short',
      (copy) => (copy['applications'].dashboard.credentials[0].value = 'short'),
      '/applications/dashboard/credentials/0/value',
      /at least 16/,
    ],
  ];
  for (const [what, edit, path, sentence] of impossible) {
    it(`refuses ${what}, and changes nothing`, async () => {
      const problems = await refusalOf(control, changed(edit));
      const found = problems.find((problem) => problem.path === path);
      assert.ok(found, JSON.stringify(problems));
      assert.match(found.sentence, sentence);
    });
  }

  it('refuses a configuration that is none', async () => {
    for (const wanted of [null, [], 'apis', 5, { apis: [] }, { apis: { a: null } }, { applications: { a: { credentials: {} } } }])
      assert.ok((await refusalOf(control, wanted)).length > 0);
  });
});

function brief(changes: readonly ConfigChange[]): readonly string[] {
  return changes.map(
    ({ op, kind, name, parent }) =>
      `${op} ${kind} ${kind === 'credential' || kind === 'subscription' ? '*' : parent === '' ? name : `${parent}/${name}`}`,
  );
}
