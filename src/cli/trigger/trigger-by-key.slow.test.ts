import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openDeskWorld, platformKey, providerKey } from '../../testing/desk-world.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';
import { exitCodes } from '../exit-code.ts';
import { runCli, type Outcome } from '../test-world.ts';

/** Whoever develops an application has its key and the gateway's URL, and nothing of the management API. */
describe('trigger with the key of an application', { timeout: 120_000 }, () => {
  let sluice: SluiceFixture;
  before(async () => {
    sluice = await openDeskWorld();
  });
  after(() => sluice.stop());

  const trigger = (key: string | undefined, ...argv: string[]): Promise<Outcome> => {
    const env = { SLUICE_GATEWAY: sluice.gateway, SLUICE_CONTROL: 'http://127.0.0.1:9', ...(key !== undefined && { SLUICE_KEY: key }) };
    return runCli(['trigger', ...argv], { env, cwd: '/' });
  };

  test('lists what the application may publish, and no more', async () => {
    const client = await trigger(platformKey);
    assert.match(client.stdout, /^TYPE +API +ADDRESS\nshop\.ship +shop +commands\n$/, client.stderr);
    assert.match(client.stderr, /^3 more are not for this application/);
    const provider = await trigger(providerKey, '--json');
    const types = provider.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    assert.deepEqual(types, ['shop.order.placed', 'shop.order.gone', 'shop.order.gone']);
  });

  test('a key that is found serves where no management API takes the token that is found', async () => {
    const env = { SLUICE_GATEWAY: sluice.gateway, SLUICE_KEY: platformKey, SLUICE_ADMIN_TOKEN: 'of-another-sluice-0123456789' };
    const expected = (await trigger(platformKey)).stdout;
    for (const control of ['http://127.0.0.1:9', sluice.control]) {
      const outcome = await runCli(['trigger'], { env: { ...env, SLUICE_CONTROL: control }, cwd: '/' });
      assert.deepEqual([outcome.exit, outcome.stdout], [0, expected], outcome.stderr);
    }
    const asAdmin = await runCli(['trigger'], {
      env: { ...env, SLUICE_CONTROL: sluice.control, SLUICE_ADMIN_TOKEN: sluice.admin },
      cwd: '/',
    });
    assert.match(asAdmin.stdout, /shop\.order\.placed/, 'a token that is taken counts more than a key that is found');
  });

  test('leaves notices to Sluice, which alone publishes them, and says so where one is named', async () => {
    const env = { SLUICE_GATEWAY: sluice.gateway, SLUICE_CONTROL: sluice.control, SLUICE_ADMIN_TOKEN: sluice.admin };
    const asAdmin = (...argv: string[]): Promise<Outcome> => runCli(['trigger', ...argv], { env, cwd: '/' });
    const { stdout } = await asAdmin();
    assert.match(stdout, /^shop\.ship /m);
    assert.doesNotMatch(stdout, /io\.sluice/);
    const named = await asAdmin('io.sluice.endpoint.stopped');
    assert.equal(named.exit, exitCodes.refused);
    assert.match(named.stderr, /io\.sluice\.endpoint\.stopped is a notice, which Sluice alone publishes/);
    assert.equal((await trigger(platformKey, 'io.sluice.endpoint.stopped')).stderr, named.stderr);
    assert.match((await asAdmin('--api', 'sluice')).stderr, /^There are notices only/);
  });

  test('publishes what a client may, and what the provider may', async () => {
    const asClient = await trigger(platformKey, 'shop.ship');
    assert.equal(asClient.exit, 0, asClient.stderr);
    const asProvider = await trigger(undefined, 'shop.order.placed', '--param', 'shop=north', '--set', 'id=t1', '--key', providerKey);
    assert.equal(asProvider.exit, 0, asProvider.stderr);
    const read = await fetch(`${sluice.gateway}/shop/north/orders?from=earliest`, { headers: { 'x-api-key': platformKey } });
    const [event] = (await read.json()) as { type: string; data: { id: string } }[];
    assert.deepEqual([event?.type, event?.data.id], ['shop.order.placed', 't1']);
  });

  test('says what is missing where it may not', async () => {
    const rows: readonly (readonly [string | undefined, readonly string[], number, RegExp])[] = [
      [
        platformKey,
        ['shop.order.placed'],
        exitCodes.refused,
        /^.*platform may not publish shop\.order\.placed, which only the provider .* as provider/,
      ],
      [providerKey, ['shop.ship'], exitCodes.refused, /provider may not publish shop\.ship, which only its clients publish/],
      [platformKey, ['shop.shipp'], exitCodes.notFound, /Did you mean shop\.ship\?/],
      [platformKey, ['shop.ship', '--api', 'other'], exitCodes.refused, /no accepted subscription to an API named "other"/],
      ['stranger-key-0123456789', [], exitCodes.refused, /no accepted subscription to any API/],
      ['wrong-key-0123456789', [], exitCodes.unauthenticated, /not known/],
      [undefined, [], exitCodes.unauthenticated, /an application's key with --key or SLUICE_KEY/],
    ];
    for (const [key, argv, exit, message] of rows) {
      const outcome = await trigger(key, ...argv);
      assert.equal(outcome.exit, exit, outcome.stderr);
      assert.match(outcome.stderr, message);
    }
  });
});
