import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { adminToken, ControlFixture } from '../../control/control-fixture.ts';
import { exitCodes } from '../exit-code.ts';
import { runCli, type Outcome } from '../test-world.ts';

describe('sluice endpoints set', () => {
  let control: ControlFixture;
  let subscription: string;
  let key: string;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
    await control.expect(201, 'POST', '/apis/orders/plans', { body: { name: 'push', mode: 'push' } });
    const body = { api: 'orders', application: 'dashboard', plan: 'push' };
    subscription = (await control.expect(201, 'POST', '/subscriptions', { body })).json.id;
    key = (await control.expect(201, 'POST', '/applications/dashboard/credentials', { body: {} })).json.value;
  });
  after(() => control.stop());

  const sluice = (argv: readonly string[], as: Record<string, string> = { SLUICE_ADMIN_TOKEN: adminToken }): Promise<Outcome> =>
    runCli(['endpoints', ...argv], { env: { SLUICE_CONTROL: control.url, ...as }, cwd: '/' });

  async function make(name: string, more: object = {}): Promise<string> {
    const body = { subscription, name, url: 'https://example.com/hook', ...more };
    return (await control.expect(201, 'POST', '/endpoints', { body })).json.id;
  }

  async function set(id: string, ...argv: string[]): Promise<any> {
    const { exit, stdout, stderr } = await sluice(['set', id, ...argv, '--json']);
    assert.equal(exit, 0, stderr);
    return JSON.parse(stdout);
  }

  const spec = (id: string) => control.store.byId('endpoint', id)!.spec;

  const whole = {
    events: ['com.example.*'],
    filter: 'data.n > 1',
    headers: { Authorization: 'Basic c2VjcmV0', 'X-Env': 'test' },
    authentication: { kind: 'key', header: 'X-Api-Key', value: 'hunter2' },
    signature: { style: 'stripe', header: 'X-Shop-Signature' },
    timeout: '5s',
    retry: ['5s'],
    rateLimit: { limit: 10, per: 'second' },
    batch: { events: 100, bytes: '64KiB', wait: '5s' },
    metadata: { team: 'billing', ticket: 'a' },
    description: 'For invoices.',
    state: 'paused',
  };

  test('changes what is named and leaves all else as it was, what is secret and its state too', async () => {
    const id = await make('whole', whole);
    const { timeout: _, ...before } = spec(id);
    const changed = await set(id, '--timeout', '7s');
    const { timeout, ...after } = spec(id);
    assert.deepEqual([timeout, changed.timeout], [7000, 7000]);
    assert.deepEqual(after, before);
    assert.equal(after.headers['Authorization'], 'Basic c2VjcmV0');
  });

  test('headers and metadata go by their names, and events and retries are those that are named', async () => {
    const id = await make('named', whole);
    const names = ['--header', 'x-env: prod', '--header', 'X-Team: a', '--metadata', 'ticket=', '--metadata', 'level=1'];
    await set(id, ...names, '--event', 'other', '--retry', '1m', '--retry', '2m');
    const { headers, metadata, types, retry } = spec(id);
    assert.deepEqual(headers, { Authorization: 'Basic c2VjcmV0', 'x-env': 'prod', 'X-Team': 'a' });
    assert.deepEqual([metadata, types, retry], [{ team: 'billing', level: '1' }, ['other'], [60_000, 120_000]]);
    await set(id, '--header', 'authorization:', '--header', 'X-Team:');
    assert.deepEqual(spec(id).headers, { 'x-env': 'prod' });
  });

  test('of batches and signatures a part can be changed', async () => {
    const id = await make('parts', whole);
    await set(id, '--batch-wait', '2s', '--signature-header', 'X-Other');
    assert.deepEqual(spec(id).batch, { events: 100, bytes: 65_536, wait: 2000 });
    assert.deepEqual(spec(id).signature, { style: 'stripe', header: 'X-Other' });
    await set(id, '--batch', '7', '--signature', 'standard');
    assert.deepEqual(spec(id).batch, { events: 7, bytes: 65_536, wait: 2000 });
    assert.equal(spec(id).signature, undefined);
  });

  test('takes defaults again, and what is named beside counts', async () => {
    const id = await make('cleared', whole);
    const clear = ['filter', 'event', 'header', 'authentication', 'rate', 'batch', 'metadata', 'description', 'timeout', 'retry'];
    await set(id, ...clear.flatMap((word) => ['--clear', word]), '--header', 'X-New: 1');
    const { filter, types, headers, authentication, rateLimit, batch, metadata, description, timeout, retry, state } = spec(id);
    assert.deepEqual([filter, authentication, rateLimit, batch, description], Array(5).fill(undefined));
    assert.deepEqual([types, headers, metadata, timeout, retry.length, state], [[], { 'X-New': '1' }, {}, 15_000, 9, 'paused']);
  });

  test('is worked out again when somebody else changed it in between', async () => {
    const id = await make('raced');
    const both = await Promise.all([set(id, '--order', 'strict'), set(id, '--concurrency', '3'), set(id, '--description', 'Mine.')]);
    assert.equal(both.length, 3);
    const { order, concurrency, description } = spec(id);
    assert.deepEqual([order, concurrency, description], ['strict', 3, 'Mine.']);
  });

  test('says so when nothing is different, and works with the key of the application', async () => {
    const id = await make('same', { order: 'strict' });
    assert.equal((await sluice(['set', id, '--order', 'strict'])).stdout, `${id} is so already\n`);
    assert.equal((await sluice(['set', id, '--order', 'none', '--key', key], {})).stdout, `${id} changed\n`);
    assert.equal(spec(id).order, 'none');
  });

  test('says what is wrong, and then changes nothing', async () => {
    const id = await make('kept');
    const before = control.store.byId('endpoint', id);
    for (const [argv, exit, message] of [
      [[], exitCodes.usage, /needs something to change/],
      [['--clear', 'url'], exitCodes.usage, /--clear must be one of address, event/],
      [['--order', 'sorted'], exitCodes.usage, /--order must be one of/],
      [['--batch-wait', '2s'], exitCodes.usage, /which this endpoint has none of/],
      [['--header', 'X-Env'], exitCodes.usage, /a colon and a value/],
      [['--url', 'nowhere'], exitCodes.invalid, /url/],
      [['--content', 'data', '--batch', '5'], exitCodes.invalid, /needs `content: structured`/],
      [['--signature-header', 'X-Mine'], exitCodes.invalid, /signature/],
      [['--timout', '5s'], exitCodes.usage, /Did you mean --timeout/],
    ] as const) {
      const outcome = await sluice(['set', id, ...argv]);
      assert.equal(outcome.exit, exit, `${argv.join(' ')}: ${outcome.stderr}`);
      assert.match(outcome.stderr, message);
    }
    assert.equal(control.store.byId('endpoint', id), before);
    assert.equal((await sluice(['set', 'ep_none', '--order', 'none'])).exit, exitCodes.notFound);
    assert.equal((await sluice(['set'])).exit, exitCodes.usage);
  });
});
