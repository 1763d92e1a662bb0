import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { adminToken, ControlFixture } from '../../control/control-fixture.ts';
import { exitCodes } from '../exit-code.ts';
import { runCli, type Outcome } from '../test-world.ts';

describe('sluice endpoints', () => {
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

  const sluice = (...argv: string[]): Promise<Outcome> =>
    runCli(['endpoints', ...argv], { env: { SLUICE_CONTROL: control.url, SLUICE_ADMIN_TOKEN: adminToken } });

  async function objects(...argv: string[]): Promise<any[]> {
    const { exit, stdout, stderr } = await sluice(...argv, '--json');
    assert.equal(exit, 0, stderr);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  }

  const add = (name: string, ...more: string[]) =>
    objects('add', '--subscription', subscription, '--name', name, '--url', 'https://example.com/hook', ...more);

  test('adds one with all it was told, pauses, starts and removes it', async () => {
    const more = ['--event', 'com.example.*', '--event', 'other', '--header', 'X-Env: prod', '--header', 'X-Time: 12:30', '--paused'];
    const [made] = await add('whole', ...more, '--retry', '5s', '--retry', '1m', '--order', 'per-key', '--filter', 'data.n > 1');
    assert.deepEqual(
      [made.state, made.events, made.headers, made.retry, made.order, made.filter, made.concurrency],
      ['paused', ['com.example.*', 'other'], { 'X-Env': 'prod', 'X-Time': '12:30' }, [5000, 60_000], 'per-key', 'data.n > 1', 8],
    );
    assert.equal((await sluice('start', made.id)).stdout, `${made.id} started\n`);
    assert.equal((await objects('pause', made.id))[0].state, 'paused');
    assert.equal((await objects('start', made.id, '--from', 'now'))[0].state, 'started');
    assert.deepEqual(await objects('remove', made.id), [{ id: made.id, removed: true }]);
    assert.equal((await sluice('remove', made.id)).exit, exitCodes.notFound);
  });

  test('adds one that is shown who calls, asked first, signed for as elsewhere, and given several events at once', async () => {
    const env = { SLUICE_CONTROL: control.url, SLUICE_ADMIN_TOKEN: adminToken, PASSWORD: 'hunter2' };
    const where = ['--subscription', subscription, '--name', 'called', '--url', 'https://example.com/hook', '--json'];
    const authentication = '{ kind: basic, user: shop, password: "${env:PASSWORD}" }';
    const more = [
      '--verification',
      'signed-ping',
      '--signature',
      'stripe',
      '--signature-header',
      'X-Shop-Signature',
      '--rate',
      '10/second',
    ];
    const batch = ['--batch', '100', '--batch-wait', '5s', '--keep-dead-letters', '7d'];
    const { stdout, stderr } = await runCli(['endpoints', 'add', ...where, '--authentication', authentication, ...more, ...batch], { env });
    const made = JSON.parse(stdout);
    assert.deepEqual(
      [made.authentication.user, made.verification, made.signature, made.rateLimit, made.batch, made.keepDeadLetters],
      [
        'shop',
        'signed-ping',
        { style: 'stripe', header: 'X-Shop-Signature' },
        { limit: 10, per: 'second' },
        { events: 100, bytes: 256 * 1024, wait: 5000 },
        7 * 86_400_000,
      ],
      stderr,
    );
    const stored = control.store.byId('endpoint', made.id)!.spec.authentication;
    assert.ok(stored?.kind === 'basic');
    assert.equal(control.administration.sealer.open(stored.password.sealed), 'hunter2');
    assert.deepEqual(await objects('keys', made.id), []);
    assert.equal((await sluice('verify', made.id)).exit, exitCodes.conflict);
  });

  test('refuses what cannot be read, and quotes no secret', async () => {
    for (const wrong of [
      ['--authentication', '{ kind: basic, password: "${env:NOT_SET}" }'],
      ['--authentication', '{ kind: basic, password: hunter2'],
      ['--authentication', '@nowhere.yaml'],
      ['--rate', 'fast'],
      ['--metadata', 'team'],
      ['--batch', '0'],
      ['--batch-wait', '1s'],
      ['--signature', 'slack'],
      ['--verification', 'maybe'],
    ]) {
      const { exit, stderr } = await sluice('add', '--subscription', subscription, '--name', 'w', '--url', 'https://example.com', ...wrong);
      assert.equal(exit, exitCodes.usage, wrong.join(' '));
      assert.ok(!stderr.includes('hunter2'), stderr);
    }
  });

  test('keeps what its owner wants to know of it', async () => {
    const [made] = await add('labelled', '--metadata', 'team=billing', '--metadata', 'ticket=a=1', '--description', 'For invoices.');
    assert.deepEqual([made.metadata, made.description], [{ team: 'billing', ticket: 'a=1' }, 'For invoices.']);
  });

  test('exits as for anything else that is not there where there is no such subscription', async () => {
    const { exit, stderr } = await sluice('add', '--subscription', 'sub_nope', '--name', 'x', '--url', 'https://example.com/hook');
    assert.deepEqual([exit, stderr], [exitCodes.notFound, 'sluice: There is no subscription sub_nope.\n']);
  });

  test('takes the name of a retry schedule', async () => {
    assert.deepEqual((await add('preset', '--retry', 'none'))[0].retry, []);
    assert.equal((await add('standard'))[0].retry.length, 9);
  });

  test('prints a new secret with the id, and shows which ones sign', async () => {
    const [{ id, secret }] = await add('signed');
    const rotated = await sluice('rotate', id, '--overlap', '1h');
    const [printed, fresh] = rotated.stdout.trimEnd().split(' ');
    assert.equal(printed, id);
    const shown = await objects('secret', id);
    assert.deepEqual(
      shown.map((one) => [one.secret, one.expiresAt]),
      [
        [fresh, undefined],
        [secret, control.clock.time + 3_600_000],
      ],
    );
  });

  test('shows public keys, and says what there is where a shared secret signs', async () => {
    const [{ id }] = await add('shared');
    const asAdmin = await sluice('keys', id);
    assert.deepEqual([asAdmin.exit, asAdmin.stdout], [0, '']);
    assert.match(asAdmin.stderr, new RegExp(`shared secret; sluice endpoints secret ${id} shows it, sluice endpoints rotate ${id} makes`));
    const own = await runCli(['endpoints', 'keys', id, '--key', key], { env: { SLUICE_CONTROL: control.url } });
    assert.match(own.stderr, /shared secret; an administrator can look it up, sluice endpoints rotate/);
    const json = await sluice('keys', id, '--json');
    assert.deepEqual([json.exit, json.stdout], [0, '']);
    const [{ id: keyed }] = await add('keyed', '--secret', `whsk_${Buffer.alloc(32, 7).toString('base64')}`);
    assert.match((await sluice('keys', keyed)).stdout, /^KID +CRV +X\n\S+ +Ed25519 +\S+\n$/);
  });

  test('lists them, also with the key of the application, and never a secret', async () => {
    const all = await objects('list', '--subscription', subscription);
    assert.ok(all.length > 0 && all.every(({ application, secrets }) => application === 'dashboard' && secrets[0].fingerprint));
    assert.deepEqual(await objects('list', '--application', 'nobody'), []);
    const own = await runCli(['endpoints', 'list', '--key', key], { env: { SLUICE_CONTROL: control.url } });
    assert.match(own.stdout, /^ID +APPLICATION +NAME +URL .* KIND\n.* webhook\n/);
    assert.ok(!own.stdout.includes('whsec_') && !JSON.stringify(all).includes('whsec_'));
  });

  test('says what is missing or wrong before anything is asked', async () => {
    for (const [argv, message] of [
      [['add', '--name', 'x'], /needs --subscription, --name and --url/],
      [['add', '--subscription', 's', '--name', 'x', '--url', 'u', '--header', 'X-Env'], /a name, a colon and a value/],
      [['add', '--subscription', 's', '--name', 'x', '--url', 'u', '--order', 'sorted'], /--order must be one of none/],
      [['add', '--subscription', 's', '--name', 'x', '--url', 'u', '--concurrency', '33'], /--concurrency must be/],
      [['rotate'], /needs ID/],
    ] as const) {
      const { exit, stderr } = await sluice(...argv);
      assert.equal(exit, 2, stderr);
      assert.match(stderr, message);
    }
  });
});
