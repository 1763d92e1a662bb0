import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { worldFiles } from '../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { endpointNamed, publishNew, webhookConfig } from '../testing/webhook-world.ts';

/** A job of dead letters for which there is no room among what is owed, in a whole Sluice. */
describe('a job of dead letters', { timeout: 300_000 }, () => {
  let receiver: Server;
  let sluice: SluiceFixture;
  let endpoint: string;
  let isWanted = false;
  const delivered = new Set<string>();

  before(async () => {
    receiver = createServer((request, response) => {
      void buffer(request).then((bytes) => {
        if (isWanted) delivered.add((JSON.parse(bytes.toString()) as { id: string }).id);
        response.writeHead(isWanted ? 200 : 400, isWanted ? {} : { 'webhook-delivery': 'abort-message' }).end();
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const { port } = receiver.address() as AddressInfo;
    const config = webhookConfig(`hook: { url: 'http://127.0.0.1:${port}/hook', address: '*/events', concurrency: 32 }`);
    sluice = await openSluice(config, { files: worldFiles(), openOutgoing: ['127.0.0.0/8'] });
    endpoint = await endpointNamed(sluice);
  });
  after(async () => {
    await sluice.stop();
    receiver.close();
  });

  async function until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) await pause(50);
  }

  /** Makes so many dead letters of the paused endpoint due, as jobs before would have. */
  function owe(count: number): void {
    const database = new DatabaseSync(join(sluice.data, 'sluice.db'), { timeout: 10_000 });
    try {
      const chosen = `SELECT rowid FROM push_delivery WHERE endpoint = ? AND state = 'dead' ORDER BY rowid LIMIT ?`;
      database.prepare(`UPDATE push_delivery SET state = 'waiting', due_at = 0 WHERE rowid IN (${chosen})`).run(endpoint, count);
    } finally {
      database.close();
    }
  }

  test('waits while its endpoint owes as many as it may, and goes on by itself when that is delivered to again', async () => {
    const client = sluice.client();
    const status = async () => (await client.get(['endpoints', endpoint, 'status'])) as { waiting: number; dead: number };
    const ids = (await Promise.all(Array.from({ length: 3 }, () => publishNew(sluice, 350)))).flat();
    await until(async () => (await status()).dead === ids.length);
    await client.post(['endpoints', endpoint, 'pause'], {});
    owe(1000);
    const job = (await client.post(['endpoints', endpoint, 'replays'], { state: 'dead' })) as { id: string; total: number };
    const progress = async () => (await client.get(['endpoints', endpoint, 'replays', job.id])) as { state: string; passed: number };
    await until(async () => (await progress()).state === 'running');
    isWanted = true;
    const { waiting, dead } = await status();
    assert.deepEqual([job.total, waiting, dead], [50, 1000, 50]);
    await client.post(['endpoints', endpoint, 'start'], {});
    await until(async () => (await progress()).state === 'done' && delivered.size === ids.length);
    assert.deepEqual([(await progress()).passed, (await status()).dead, delivered], [50, 0, new Set(ids)]);
  });
});
