import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readerKey, worldFiles } from '../testing/gateway-world.ts';
import { MetricsPage } from '../testing/metrics-page.ts';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { WebhookReceiver } from '../testing/webhook-receiver.ts';
import { endpointNamed, publishNew, webhookConfig } from '../testing/webhook-world.ts';

const minute = 60_000;

/** Until when dead letters are kept, in a whole Sluice whose store is made older. */
describe('dead letters', { timeout: 180_000 }, () => {
  const receiver = new WebhookReceiver();
  let sluice: SluiceFixture;
  const ids: Record<string, string> = {};
  const logged: string[] = [];

  before(async () => {
    await receiver.listen();
    receiver.status = 500;
    const hook = `{ url: 'http://127.0.0.1:${receiver.port}/hook', address: '*/events', retry: none }`;
    const [long, short] = ['2h', '2m'].map((time) => hook.replace('{', `{ keepDeadLetters: ${time},`));
    const config = webhookConfig(`long: ${long}\nshort: ${short}`);
    sluice = await openSluice(config, {
      files: worldFiles(),
      openOutgoing: ['127.0.0.0/8'],
      keepDeadLetters: 60 * minute,
      onLog: (line) => logged.push(line),
    });
    for (const name of ['long', 'short']) ids[name] = await endpointNamed(sluice, name);
  });
  after(async () => {
    await sluice.stop();
    receiver.close();
  });

  /** As the application that owns the endpoint. */
  async function status(name: string): Promise<any> {
    const headers = { authorization: `Bearer ${readerKey}` };
    const response = await fetch(`${sluice.control}/api/v1/endpoints/${ids[name]}/status`, { headers });
    return await response.json();
  }

  async function until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) await pause(100);
  }

  /** The oldest dead letter of an endpoint died so many minutes ago, the next ten minutes later. */
  function age(name: string, minutes: number): void {
    const database = new DatabaseSync(join(sluice.data, 'sluice.db'), { timeout: 10_000 });
    try {
      const rows = database.prepare(`SELECT rowid FROM push_delivery WHERE endpoint = ? AND state = 'dead' ORDER BY rowid`).all(ids[name]!);
      const change = database.prepare('UPDATE push_delivery SET changed_at = ? WHERE rowid = ?');
      for (const [index, row] of rows.entries()) change.run(Date.now() - (minutes - 10 * index) * minute, row['rowid']!);
    } finally {
      database.close();
    }
  }

  test('are dropped after the time of the operator, or the shorter one of the endpoint, and both are told', async () => {
    await publishNew(sluice, 2);
    for (const name of ['long', 'short']) await until(async () => (await status(name)).dead === 2);
    assert.equal((await status('long')).dropped, null);
    assert.deepEqual([(await status('long')).keepDeadLetters, (await status('short')).keepDeadLetters], ['1h', '2m']);
    age('long', 61);
    age('short', 30);
    // Paused, so that nothing but their being there makes a series of what is dropped.
    for (const name of ['long', 'short']) await sluice.client().post(['endpoints', ids[name]!, 'pause'], {});
    await sluice.restart({ grace: 100 });
    const dropped = async (): Promise<number | undefined> =>
      (await MetricsPage.of(sluice)).value('sluice_push_dead_letters_dropped_total', { api: 'world', protocol: 'webhook' });
    assert.notEqual(await dropped(), undefined, 'without a 0 the first ones are no increase');
    await until(async () => (await status('short')).dropped?.letters === 2);
    await until(async () => (await status('long')).dropped?.letters === 1);
    // Counted and said once the store has answered, which others may see before.
    await until(async () => (await dropped()) === 3);
    assert.deepEqual([(await status('short')).dead, (await status('long')).dead], [0, 1]);
    const told = () => logged.map((line) => JSON.parse(line)).filter(({ letters }) => letters !== undefined);
    await until(async () => told().length >= 2);
    const said = told();
    assert.deepEqual(
      said.map(({ endpoint, application, name, letters }) => [endpoint, application, name, letters]).toSorted((a, b) => a[3] - b[3]),
      [
        [ids['long'], 'reader', 'long', 1],
        [ids['short'], 'reader', 'short', 2],
      ],
    );
  });
});
