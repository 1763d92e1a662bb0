import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AddressGuard } from '../outgoing/address-guard.ts';
import { openSender } from '../outgoing/sender-fixture.ts';
import { ControlFixture, ordersContract } from './control-fixture.ts';

/** What no attempt may call, as it can be written. */
const forbidden = [
  'http://127.0.0.1/',
  'http://[::1]/',
  'http://2130706433/',
  'http://0x7f.1/hook',
  'http://0177.0.0.1/',
  'http://127.0.0.1./',
  'http://[::ffff:7f00:1]/',
  'http://0.0.0.0/',
  'http://10.1.2.3:8080/',
  'http://192.168.0.1/',
  'http://100.64.0.1/',
  'http://[fd12::1]/',
  'http://169.254.169.254/latest/meta-data/',
  'http://localhost:3000/',
  'http://receiver.internal/',
];
const elsewhere = 'https://nowhere.example.com/hook';
const within = 'http://127.0.0.1:9/hook';

describe('P15: a URL that no attempt could call is not taken', () => {
  const rules = { guard: new AddressGuard() };
  let control: ControlFixture;
  let subscription: string;
  let inbound: string;
  let key: string;
  before(async () => {
    control = await ControlFixture.start({ urlRules: rules });
    await control.seed();
    await control.expect(201, 'POST', '/apis/orders/plans', { body: { name: 'push', mode: 'push' } });
    const subscribed = async (body: object): Promise<string> => (await control.expect(201, 'POST', '/subscriptions', { body })).json.id;
    subscription = await subscribed({ api: 'orders', application: 'dashboard', plan: 'push' });
    inbound = await subscribed({ api: 'orders', application: 'dashboard', as: 'provider' });
    key = (await control.expect(201, 'POST', '/applications/dashboard/credentials', { body: {} })).json.value;
  });
  after(() => control.stop());

  const tokenAt = (tokenUrl: string): object => ({
    authentication: { kind: 'oauth2-client-credentials', tokenUrl, clientId: 'c', clientSecret: 's' },
  });
  const feedAt = (url: string): object => ({ preset: 'websub', address: 'created', topic: { url } });
  const configWith = (endpoints: object, sources: object = {}): object => ({
    apis: { orders: { contract: ordersContract, plans: { free: {}, team: { approval: 'manual' }, push: { mode: 'push' } } } },
    applications: {
      dashboard: {
        subscriptions: [
          { api: 'orders', plan: 'push', endpoints },
          { api: 'orders', as: 'provider', sources },
        ],
      },
    },
  });

  it('in no notation, with the failure and the sentence of an attempt, by its owner and by a configuration', async (t) => {
    const { sender, close } = await openSender({ opened: [] });
    t.after(close);
    // What no operator can open is no URL in the first place, and not looked at beside others.
    const openable = forbidden.filter((url) => !url.includes('169.254.169.254'));
    const endpoints = Object.fromEntries(openable.map((url, index) => [`hook-${index}`, { url }]));
    const { problems } = (await control.refused('INVALID_CONFIGURATION', 'POST', '/apply', { body: { config: configWith(endpoints) } }))
      .json;
    const inConfig = new Map<string, object>(problems.map(({ path, ...problem }: any) => [path, problem]));
    for (const url of forbidden) {
      const attempt = await sender.send({ url, method: 'POST' });
      assert.ok(attempt.kind === 'failed', url);
      const body = { subscription, name: 'x', url };
      const { json } = await control.refused('BAD_REQUEST', 'POST', '/endpoints', { token: key, body });
      const { class: failure, sentence } = attempt;
      const [problem] = json.problems;
      assert.deepEqual([problem.path, problem.sentence, failure], ['/url', sentence, 'blocked'], url);
      if (!openable.includes(url)) continue;
      assert.equal(problem.failure, failure);
      const path = `/applications/dashboard/subscriptions/0/endpoints/hook-${openable.indexOf(url)}/url`;
      assert.deepEqual(inConfig.get(path), { sentence, failure }, url);
    }
    assert.deepEqual(control.store.list('endpoint'), []);
  });

  it('where a token is fetched, and where a topic is, no more than where events go', async () => {
    const endpoint = { subscription, name: 'token', url: elsewhere };
    const token = await control.refused('BAD_REQUEST', 'POST', '/endpoints', { body: { ...endpoint, ...tokenAt(within) } });
    assert.deepEqual(token.json.problems[0].path, '/authentication/tokenUrl');
    const source = { subscription: inbound, name: 'feed' };
    const topic = await control.refused('BAD_REQUEST', 'POST', '/sources', { body: { ...source, ...feedAt(within) } });
    assert.deepEqual(topic.json.problems[0].path, '/topic/url');
    const config = configWith({ token: { url: elsewhere, ...tokenAt(within) } }, { feed: feedAt(within) });
    const { problems } = (await control.refused('INVALID_CONFIGURATION', 'POST', '/apply', { body: { config } })).json;
    const under = '/applications/dashboard/subscriptions';
    assert.deepEqual(
      problems.map(({ path }: any) => path),
      [`${under}/0/endpoints/token/authentication/tokenUrl`, `${under}/1/sources/feed/topic/url`],
    );
  });

  it('while the name of a host, which may lead elsewhere tomorrow, is looked up by nobody', async () => {
    const { id } = (await control.expect(201, 'POST', '/endpoints', { body: { subscription, name: 'named', url: elsewhere } })).json;
    await control.refused('BAD_REQUEST', 'PUT', `/endpoints/${id}`, { body: { url: within }, ifMatch: '*' });
    assert.equal(control.store.byId('endpoint', id)?.spec.url, elsewhere);
    await control.expect(204, 'DELETE', `/endpoints/${id}`, { ifMatch: '*' });
  });

  it('but stays where it is stored, since operators close ranges that they have opened', async () => {
    rules.guard = new AddressGuard(['127.0.0.0/8']);
    const { id } = (await control.expect(201, 'POST', '/endpoints', { body: { subscription, name: 'inner', url: within } })).json;
    const feed = { subscription: inbound, name: 'feed', ...feedAt(within) };
    const source = (await control.expect(201, 'POST', '/sources', { body: feed })).json.id;
    rules.guard = new AddressGuard();
    const put = { body: { url: within, timeout: '5s' }, ifMatch: '*' };
    assert.equal((await control.expect(200, 'PUT', `/endpoints/${id}`, put)).json.timeout, 5000);
    await control.expect(200, 'PUT', `/sources/${source}`, { body: { ...feedAt(within), tolerance: '10m' }, ifMatch: '*' });
    const config = configWith({ inner: { url: within } }, { feed: feedAt(within) });
    await control.expect(200, 'POST', '/apply', { body: { config } });
    await control.refused('BAD_REQUEST', 'PUT', `/sources/${source}`, { body: feedAt('http://10.0.0.1/feed'), ifMatch: '*' });
    await control.refused('BAD_REQUEST', 'PUT', `/endpoints/${id}`, { body: { url: 'http://127.0.0.1:9/other' }, ifMatch: '*' });
  });
});
