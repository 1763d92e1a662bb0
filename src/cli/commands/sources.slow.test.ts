import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { adminToken, ControlFixture } from '../../control/control-fixture.ts';
import { exitCodes } from '../exit-code.ts';
import { runCli, type Outcome } from '../test-world.ts';

describe('sluice sources', () => {
  let control: ControlFixture;
  let subscription: string;
  let key: string;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
    const body = { api: 'orders', application: 'dashboard', as: 'provider' };
    subscription = (await control.expect(201, 'POST', '/subscriptions', { body })).json.id;
    key = (await control.expect(201, 'POST', '/applications/dashboard/credentials', { body: {} })).json.value;
  });
  after(() => control.stop());

  const sluice = (...argv: string[]): Promise<Outcome> =>
    runCli(['sources', ...argv], { env: { SLUICE_CONTROL: control.url, SLUICE_ADMIN_TOKEN: adminToken } });

  async function objects(...argv: string[]): Promise<any[]> {
    const { exit, stdout, stderr } = await sluice(...argv, '--json');
    assert.equal(exit, 0, stderr);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  }

  const where = (name: string, preset: string): string[] =>
    ['--subscription', subscription, '--name', name, '--preset', preset].concat('--address', 'created');

  test('adds one, prints the secret that was made with the id, and says where webhooks come in', async () => {
    const { stdout, stderr } = await sluice('add', ...where('builds', 'github'), '--rename', 'com.github.*=code.*');
    const [id = '', secret = ''] = stdout.trim().split(' ');
    assert.match(id, /^src_/);
    assert.match(secret, /^[A-Za-z0-9_-]{43}$/);
    assert.match(stderr, /\/-\/in\/dashboard\/builds\./);
    const [row] = await objects('list');
    assert.deepEqual([row.name, row.preset, row.types], ['builds', 'github', { 'com.github.*': 'code.*' }]);
    assert.equal((await sluice('pause', id)).stdout, `${id} paused\n`);
    assert.equal((await sluice('status', id)).stdout, 'paused\n');
    assert.equal((await objects('start', id))[0].state, 'started');
    assert.match((await objects('rotate', id, '--overlap', '1h'))[0].secret, /^[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(await objects('remove', id), [{ id, removed: true }]);
    assert.equal((await sluice('remove', id)).exit, exitCodes.notFound);
  });

  test('adds any provider that signs with an HMAC, and a topic of a hub', async () => {
    const style = ['--header', 'X-Sig', '--timestamp-header', 'X-Time', '--template', '{timestamp}.{body}', '--type', 'com.example'];
    const [ci] = await objects('add', ...where('ci', 'hmac'), '--secret', 's3cret', ...style);
    assert.deepEqual([ci.hmac.template, ci.hmac.algorithm, ci.secret], ['{timestamp}.{body}', 'sha256', undefined]);
    const more = [
      '--secret-encoding',
      'hex',
      '--timestamp-unit',
      'ms',
      '--type-header',
      'X-Event',
      '--encoding',
      'base64',
      '--algorithm',
      'sha512',
    ];
    const [odd] = await objects('add', ...where('odd', 'hmac'), '--secret', '00ff', ...style, ...more);
    const { secretEncoding, timestampUnit, typeHeader, encoding, algorithm } = odd.hmac;
    assert.deepEqual([secretEncoding, timestampUnit, typeHeader, encoding, algorithm], ['hex', 'ms', 'X-Event', 'base64', 'sha512']);
    const plain = (await objects('set', odd.id, '--clear', 'timestamp-unit', '--clear', 'type-header'))[0].hmac;
    assert.deepEqual([plain.timestampUnit, plain.typeHeader, plain.secretEncoding], ['s', undefined, 'hex']);
    const [feed] = await objects('add', ...where('feed', 'websub'), '--topic', 'https://blog.example/feed', '--lease', '1d', '--paused');
    assert.deepEqual([feed.topic, feed.state], [{ url: 'https://blog.example/feed', lease: 86_400_000 }, 'paused']);
  });

  test('changes what is named of one, and leaves all else as it was', async () => {
    const style = ['--header', 'X-Sig', '--id-header', 'X-Id', '--prefix', 'sha256=', '--type', 'com.example', '--description', 'CI.'];
    const [{ id }] = await objects(
      'add',
      ...where('whole', 'hmac'),
      '--secret',
      's3cret',
      '--rename',
      'a=b',
      '--rename',
      'c.*=d.*',
      ...style,
    );
    const spec = () => control.store.byId('source', id)!.spec;
    const { tolerance: _, ...before } = spec();
    assert.equal((await objects('set', id, '--tolerance', '10m'))[0].tolerance, 600_000);
    const { tolerance, ...after } = spec();
    assert.deepEqual([tolerance, after], [600_000, before]);
    await sluice('pause', id);
    const more = [
      '--rename',
      'a=',
      '--rename',
      'e=f',
      '--header',
      'X-Signature',
      '--clear',
      'prefix',
      '--clear',
      'description',
      '--replay',
      'id',
    ];
    assert.equal((await sluice('set', id, ...more)).stdout, `${id} changed\n`);
    const { types, hmac, description, replay, state } = spec();
    assert.deepEqual([types, description, replay, state], [{ 'c.*': 'd.*', e: 'f' }, undefined, 'id', 'paused']);
    assert.deepEqual([hmac?.header, hmac?.idHeader, hmac?.prefix, hmac?.type], ['X-Signature', 'X-Id', undefined, 'com.example']);
    const own = await runCli(['sources', 'set', id, '--replay', 'id', '--key', key], { env: { SLUICE_CONTROL: control.url }, cwd: '/' });
    assert.equal(own.stdout, `${id} is so already\n`, own.stderr);
    const [feed] = await objects('add', ...where('blog', 'websub'), '--topic', 'https://blog.example/feed', '--paused');
    assert.deepEqual((await objects('set', feed.id, '--lease', '1d'))[0].topic, { url: 'https://blog.example/feed', lease: 86_400_000 });
    assert.equal((await objects('set', feed.id, '--clear', 'lease'))[0].topic.lease, 864_000_000);
    for (const [wrong, exit, message] of [
      [[], exitCodes.usage, /needs something to change/],
      [['--clear', 'address'], exitCodes.usage, /--clear must be one of tolerance/],
      [['--preset', 'github'], exitCodes.usage, /Unknown option --preset/],
      [['--topic', 'https://blog.example/feed'], exitCodes.invalid, /preset: websub/],
      [['--address', '*'], exitCodes.invalid, /pattern/],
    ] as const) {
      const outcome = await sluice('set', id, ...wrong);
      assert.equal(outcome.exit, exit, outcome.stderr);
      assert.match(outcome.stderr, message);
    }
    await objects('remove', id);
    await objects('remove', feed.id);
  });

  test('lists those of an application with its own key', async () => {
    const own = await runCli(['sources', 'list', '--key', key], { env: { SLUICE_CONTROL: control.url } });
    assert.match(own.stdout, /^ID +APPLICATION +NAME +PRESET/);
  });

  test('says what is missing or wrong before anything is asked', async () => {
    for (const [argv, message] of [
      [['add', '--name', 'x'], /needs --subscription, --name, --preset and --address/],
      [['add', ...where('x', 'hmac')], /--preset hmac needs --header and --type/],
      [['add', ...where('x', 'github'), '--rename', 'a'], /two event types with =/],
      [['add', ...where('x', 'hmac'), '--header', 'X', '--type', 't', '--encoding', 'octal'], /--encoding must be one of hex/],
      [['rotate'], /needs ID/],
    ] as const) {
      const { exit, stderr } = await sluice(...argv);
      assert.equal(exit, 2, stderr);
      assert.match(stderr, message);
    }
  });
});
