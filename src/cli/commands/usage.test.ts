import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openSluice, type SluiceFixture } from '../../testing/sluice-fixture.ts';
import { runCli, type Outcome } from '../test-world.ts';

const keys = { maker: 'maker-key-0123456789abcdef', mine: 'mine-key-0123456789abcdef', theirs: 'theirs-key-0123456789abcdef' } as const;
const metrics = ['messages', 'rate', 'errors', 'latency', 'lag', 'limits', 'connections'];

const contract = [
  'asyncapi: 3.0.0',
  'info: { title: Orders, version: 1.0.0 }',
  'channels:',
  '  created: { address: created, messages: { OrderCreated: { payload: { type: object } } } }',
  'operations:',
  '  publishCreated: { action: send, channel: { $ref: "#/channels/created" } }',
].join('\n');

const config = [
  'backbones: { main: { kind: embedded } }',
  'apis:',
  '  orders: { contract: ./orders.asyncapi.yaml, path: /orders, backbone: main, entrypoints: [publish, poll], lifecycle: published, plans: { free: { security: [api-key] } } }',
  '  quiet: { contract: ./orders.asyncapi.yaml, path: /quiet, backbone: main, entrypoints: [publish, poll], lifecycle: published, plans: { free: { security: [api-key] } } }',
  'applications:',
  `  maker: { credentials: [{ kind: api-key, value: ${keys.maker} }], subscriptions: [{ api: orders, as: provider }] }`,
  `  mine: { credentials: [{ kind: api-key, value: ${keys.mine} }], subscriptions: [{ api: orders, plan: free }] }`,
  `  theirs: { credentials: [{ kind: api-key, value: ${keys.theirs} }], subscriptions: [{ api: orders, plan: free }, { api: quiet, plan: free }] }`,
].join('\n');

describe('what was used', () => {
  let sluice: SluiceFixture;
  let cwd: string;

  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'sluice-'));
    sluice = await openSluice(config, { files: { 'orders.asyncapi.yaml': contract } });
    for (let n = 0; n < 3; n++) {
      const answer = await fetch(`${sluice.gateway}/orders/created`, {
        method: 'POST',
        headers: { 'x-api-key': keys.maker, 'content-type': 'application/json' },
        body: JSON.stringify({ n }),
      });
      assert.equal(answer.status, 202, await answer.text());
    }
    await read('mine', 2);
    await read('theirs', 3);
    // Refused by the contract: clients may not publish here.
    for (const who of ['mine', 'theirs'] as const) {
      const answer = await fetch(`${sluice.gateway}/orders/created`, { method: 'POST', headers: { 'x-api-key': keys[who] }, body: '{}' });
      assert.equal(answer.status, 403, await answer.text());
    }
  });
  after(async () => {
    await sluice?.stop();
    await rm(cwd, { recursive: true, force: true });
  });

  async function read(who: keyof typeof keys, limit: number): Promise<void> {
    const url = `${sluice.gateway}/orders/created?from=earliest&reader=${who}-reader&limit=${limit}`;
    const answer = await fetch(url, { headers: { 'x-api-key': keys[who] } });
    assert.equal(((await answer.json()) as unknown[]).length, limit);
  }

  const call = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
    runCli([...argv, '--control', sluice.control, '--json'], { cwd, env });

  async function rows(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Record<string, unknown>[]> {
    const { exit, stdout, stderr } = await call(argv, env);
    assert.equal(exit, 0, `${argv.join(' ')}: ${stderr}`);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  const owners = (found: readonly Record<string, unknown>[]): string[] => found.map(({ application }) => String(application)).toSorted();

  const get = async (path: string, key: string): Promise<{ readonly status: number; readonly text: string }> => {
    const answer = await fetch(`${sluice.control}/api/v1${path}`, { headers: { 'x-api-key': key } });
    return { status: answer.status, text: await answer.text() };
  };

  test('is shown to administrators of everybody, and to an application of itself', async () => {
    assert.deepEqual(owners(await rows(['usage', '--token', sluice.admin])), ['maker', 'mine', 'theirs']);
    const [own, ...others] = await rows(['usage', '--key', keys.mine]);
    assert.deepEqual([own?.['application'], own?.['events'], others], ['mine', 2, []]);
    assert.equal((await rows(['usage', '--by', 'type', '--key', keys.theirs]))[0]?.['events'], 3);
    assert.equal((await rows(['usage', '--by', 'reader', '--api', 'orders', '--key', keys.mine])).length, 1);
    assert.deepEqual(owners(await rows(['subscriptions', 'list', '--key', keys.mine])), ['mine']);
    assert.deepEqual(owners(await rows(['subscriptions', 'list'], { SLUICE_KEY: keys.theirs })), ['theirs', 'theirs']);
    assert.equal((await rows(['usage'], { SLUICE_ADMIN_TOKEN: sluice.admin, SLUICE_KEY: keys.mine })).length, 3);
    assert.equal((await rows(['usage', '--key', keys.mine], { SLUICE_ADMIN_TOKEN: sluice.admin })).length, 1);
    assert.equal((await rows(['usage', '--key', keys.mine, '--token', sluice.admin])).length, 3);
  });

  test('of what does not exist, or not for this key, is not found; of what was never used there is nothing', async () => {
    for (const [argv, sentence] of [
      [['--api', 'nosuch', '--token', sluice.admin], /There is no API nosuch/],
      [['--application', 'nosuch', '--token', sluice.admin], /There is no application nosuch/],
      [['--subscription', 'sub_nosuch', '--token', sluice.admin], /There is no subscription sub_nosuch/],
      [['--api', 'nosuch', '--key', keys.mine], /no subscription of the API nosuch/],
      [['--api', 'quiet', '--key', keys.mine], /no subscription of the API quiet/],
      [['--application', 'theirs', '--key', keys.mine], /no subscription of the application theirs/],
      [['--key', 'wrong'], /API key|admin token/],
    ] as const) {
      const { exit, stdout, stderr } = await call(['usage', ...argv]);
      assert.deepEqual([exit, stdout], [argv.includes('wrong' as never) ? 4 : 5, ''], argv.join(' '));
      assert.match(stderr, sentence);
    }
    assert.deepEqual(await rows(['usage', '--api', 'quiet', '--token', sluice.admin]), []);
    assert.deepEqual(await rows(['usage', '--api', 'quiet', '--key', keys.theirs]), []);
    const { exit, stderr } = await call(['usage']);
    assert.equal(exit, 4, stderr);
  });

  test('by others is to the letter as if they did not exist, in every question', async () => {
    const subscriptions = await rows(['subscriptions', 'list', '--token', sluice.admin]);
    const idOf = (application: string): string => String(subscriptions.find((one) => one['application'] === application)?.['id']);
    const readers = (await sluice.client().get(['readers']))['items'] as { id: string; application: string }[];
    const theirReader = readers.find(({ application }) => application === 'theirs')!.id;
    const plain = (text: string): string => text.replace(/"(at|from|to|lastAt)":\d+/g, '"$1":0');
    for (const [path, theirs, absent] of [
      ['/subscriptions/{}', idOf('theirs'), 'sub_000000000000'],
      ['/subscriptions/{}/refusals', idOf('theirs'), 'sub_000000000000'],
      ['/subscriptions?application={}', 'theirs', 'nosuch'],
      ['/readers?application={}', 'theirs', 'nosuch'],
      ['/readers?subscription={}', idOf('theirs'), 'sub_000000000000'],
      ['/readers/{}', theirReader, `${theirReader}0`],
      ['/usage?application={}', 'theirs', 'nosuch'],
      ['/usage?by=reader&subscription={}', idOf('theirs'), 'sub_000000000000'],
      ['/usage?api={}', 'quiet', 'nosuch'],
      ...metrics.flatMap((metric) => [
        [`/analytics/${metric}?by=application&id={}`, 'theirs', 'nosuch'] as const,
        [`/analytics/${metric}?by=subscription&id={}`, idOf('theirs'), 'sub_000000000000'] as const,
        [`/analytics/${metric}?by=reader&id={}`, theirReader, `${theirReader}0`] as const,
      ]),
    ] as const) {
      const [one, other] = [await get(path.replace('{}', theirs), keys.mine), await get(path.replace('{}', absent), keys.mine)];
      assert.deepEqual(
        [one.status, plain(one.text.replaceAll(theirs, '{}'))],
        [other.status, plain(other.text.replaceAll(absent, '{}'))],
        path,
      );
    }
  });

  test('is in nothing that an application is shown when others used it', async () => {
    const paths = ['/subscriptions', '/readers', '/usage', '/usage?by=reader', ...metrics.map((metric) => `/analytics/${metric}`)];
    for (const path of paths) {
      const { status, text } = await get(path, keys.mine);
      assert.equal(status, 200, `${path}: ${text}`);
      assert.ok(!/theirs|maker|overflow/.test(text), `${path}: ${text}`);
    }
    const refusals = async (who: 'mine' | 'theirs'): Promise<unknown[]> => {
      const { items } = JSON.parse((await get('/subscriptions', keys[who])).text) as { items: { id: string; api: string }[] };
      const { id } = items.find(({ api }) => api === 'orders')!;
      return (JSON.parse((await get(`/subscriptions/${id}/refusals`, keys[who])).text) as { items: { code: string }[] }).items;
    };
    assert.deepEqual(
      (await refusals('mine')).map((row) => (row as { code: string }).code),
      ['FORBIDDEN'],
    );
    const mine = JSON.parse((await get('/analytics/messages', keys.mine)).text) as { items: { id: string; events: number }[] };
    assert.deepEqual(
      mine.items.map(({ id, events }) => [id, events]),
      [['mine', 2]],
    );
  });
});
