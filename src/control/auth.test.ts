import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadAdminToken } from './admin-token.ts';
import { adminToken, ControlFixture } from './control-fixture.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { checkListenAddress } from './listen-address.ts';

describe('The admin token', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('is made at first start, kept, and readable by its owner alone', async () => {
    const data = join(folder, 'data');
    const [first, second] = await Promise.all([loadAdminToken(data, {}), loadAdminToken(data, {})]);
    assert.match(first.token, /^sla_[\w-]{32}$/);
    assert.equal(first.explicit, false);
    const file = join(data, 'admin-token');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(data)).mode & 0o777, 0o700);
    assert.ok([first.token, second.token].includes((await readFile(file, 'utf8')).trim()));
    assert.equal((await loadAdminToken(data, {})).token, (await readFile(file, 'utf8')).trim());
  });

  it('is the one of the environment where there is one', async () => {
    assert.deepEqual(await loadAdminToken(folder, { SLUICE_ADMIN_TOKEN: 'a-token-of-my-own-1' }), {
      token: 'a-token-of-my-own-1',
      explicit: true,
    });
    await assert.rejects(loadAdminToken(folder, { SLUICE_ADMIN_TOKEN: 'short' }), /16 to 512/);
    await writeFile(join(folder, 'admin-token'), 'short\n');
    await assert.rejects(loadAdminToken(folder, {}), /does not hold an admin token/);
  });
});

describe('Who may listen where', () => {
  for (const host of ['127.0.0.1', '127.8.8.8', '::1', '[::1]', 'localhost', 'LOCALHOST', '::ffff:127.0.0.1']) {
    it(`${host} is this machine`, () => assert.deepEqual(checkListenAddress(host, false), {}));
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.evil.example', '127.0.0.1.evil.example', '192.168.1.1', '']) {
    it(`${JSON.stringify(host)} is elsewhere`, () => {
      assert.match(checkListenAddress(host, false).refusal ?? '', /SLUICE_ADMIN_TOKEN/);
      assert.match(checkListenAddress(host, true).warning ?? '', /TLS/);
      assert.equal(checkListenAddress(host, true).refusal, undefined);
    });
  }
});

describe('Authentication', () => {
  let control: ControlFixture;
  before(async () => {
    control = await ControlFixture.start();
  });
  after(() => control.stop());

  it('takes the token and nothing near it', async () => {
    await control.expect(200, 'GET', '/status');
    await control.expect(200, 'GET', '/status', { token: undefined, headers: { authorization: `bearer   ${adminToken}` } });
    for (const token of [undefined, '', adminToken.slice(0, -1), `${adminToken}x`, adminToken.toUpperCase()]) {
      const reply = await control.refused('UNAUTHENTICATED', 'GET', '/status', { token });
      assert.match(reply.headers.get('www-authenticate') ?? '', /^Bearer/);
    }
  });

  it('does not ask probes and scrapers', async () => {
    const at = async (path: string): Promise<[number, string]> => {
      const response = await fetch(`${control.url}${path}`);
      await response.arrayBuffer();
      return [response.status, response.headers.get('content-type') ?? ''];
    };
    assert.deepEqual(await at('/healthz'), [200, 'application/json']);
    assert.deepEqual(await at('/readyz'), [200, 'application/json']);
    assert.deepEqual(await at('/metrics'), [200, 'application/openmetrics-text; version=1.0.0; charset=utf-8']);
    const time = control.clock.time;
    control.clock.time = 0;
    assert.deepEqual(await at('/readyz'), [503, 'application/json']);
    control.clock.time = 1;
    assert.deepEqual(await at('/healthz'), [503, 'application/json']);
    control.clock.time = time;
    assert.deepEqual(await at('/nothing'), [404, 'application/problem+json']);
  });

  it('makes those who guess wait, but nobody who is right, at the same address', async () => {
    await control.seed();
    const { value: key } = (await control.expect(201, 'POST', '/applications/dashboard/credentials', { body: { kind: 'api-key' } })).json;
    control.clock.time += 60_000;
    let waited = 0;
    for (let guess = 0; guess < 40; guess++)
      if ((await control.call('GET', '/status', { token: `wrong-${guess}` })).status === 429) waited++;
    assert.ok(waited >= 8 && waited <= 10, String(waited));
    const refused = await control.refused('LIMIT_REACHED', 'GET', '/status', { token: 'wrong' });
    assert.equal(refused.headers.get('retry-after'), '10');
    await control.refused('LIMIT_REACHED', 'POST', '/tickets', { token: 'wrong' });
    await control.refused('LIMIT_REACHED', 'GET', '/usage', { token: undefined, headers: { 'x-api-key': 'wrong' } });
    await control.refused('UNAUTHENTICATED', 'GET', '/status', { token: undefined });
    await control.expect(200, 'GET', '/status');
    await control.expect(201, 'POST', '/tickets', { token: key, body: {} });
    await control.expect(200, 'GET', '/usage', { token: key });
    control.clock.time += 10_000;
    await control.refused('UNAUTHENTICATED', 'GET', '/status', { token: 'wrong' });
  });
});

describe('Failed attempts', () => {
  it('are remembered of a bounded number of addresses', () => {
    let now = 1000;
    const attempts = new FailedAttempts({ now: () => now });
    for (let failure = 0; failure < 30; failure++) attempts.failed('first');
    assert.equal(attempts.wait('first'), 10_000);
    assert.equal(attempts.wait('second'), 0);
    for (let remote = 0; remote < 10_000; remote++) attempts.failed(`remote-${remote}`);
    assert.equal(attempts.wait('first'), 0);
    for (let failure = 0; failure < 30; failure++) attempts.failed('late');
    now -= 3_600_000;
    assert.equal(attempts.wait('late'), 0, 'a clock that goes back must not lock anybody out');
  });
});
