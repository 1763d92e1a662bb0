import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { readerKey, worldFiles } from '../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { endpointNamed, publishNew, webhookConfig } from '../testing/webhook-world.ts';

interface Item {
  readonly event: string;
  readonly position: string;
  readonly outcome: string;
  readonly status: number;
  readonly response: { readonly body: string };
}

/** Deliveries as the owner of an endpoint sees and repeats them, in a whole Sluice. */
describe('deliveries', { timeout: 180_000 }, () => {
  let receiver: Server;
  let sluice: SluiceFixture;
  let endpoint: string;
  const delivered = new Set<string>();
  let status = 500;

  before(async () => {
    receiver = createServer((request, response) => {
      void buffer(request).then((bytes) => {
        const { id } = JSON.parse(bytes.toString()) as { id: string };
        if (status === 200) delivered.add(id);
        response.writeHead(status).end(status === 200 ? '' : 'no room');
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const { port } = receiver.address() as AddressInfo;
    const config = webhookConfig(`hook: { url: 'http://127.0.0.1:${port}/hook', address: '*/events', retry: [100ms] }`);
    sluice = await openSluice(config, { files: worldFiles(), openOutgoing: ['127.0.0.0/8'] });
    endpoint = await endpointNamed(sluice);
  });
  after(async () => {
    await sluice.stop();
    receiver.close();
  });

  /** As the application that owns the endpoint. */
  async function ask(path: string, body?: object): Promise<any> {
    const response = await fetch(`${sluice.control}/api/v1/endpoints/${endpoint}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${readerKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: any = await response.json();
    assert.equal(response.status, 200, JSON.stringify(answer));
    return answer;
  }

  async function until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  const isDead = async (count: number): Promise<boolean> => (await ask('/status')).dead === count;

  async function billed(): Promise<number> {
    const { items } = (await sluice.client().get(['usage'], { by: 'reader', application: 'reader' })) as { items: { events: number }[] };
    return items.reduce((sum, { events }) => sum + events, 0);
  }

  test('SW-15: that are dead are listed, retried by their owner, delivered, and billed once', async () => {
    const ids = await publishNew(sluice, 4);
    await until(() => isDead(4));
    const { items: dead } = (await ask('/deliveries?state=dead')) as { items: Item[] };
    assert.deepEqual(new Set(dead.map(({ event }) => event)), new Set(ids));
    const { items: attempts } = (await ask(`/attempts?event=${ids[0]}`)) as { items: Item[] };
    assert.deepEqual(
      attempts.map(({ outcome, status: code, response }) => [outcome, code, response.body]),
      [
        ['dead', 500, 'no room'],
        ['retry', 500, 'no room'],
      ],
    );
    assert.equal(await billed(), 0);
    status = 200;
    await ask(`/deliveries/${dead[0]?.position}/retry`, {});
    const { before: until1, retried, left } = await ask('/deliveries/retry', { state: 'dead', limit: 2 });
    assert.deepEqual([retried, left], [2, 1]);
    assert.equal((await ask('/deliveries/retry', { state: 'dead', limit: 2, before: until1 })).left, 0);
    await until(async () => (await billed()) === 4);
    assert.deepEqual(delivered, new Set(ids));
    assert.equal((await sluice.client().get(['usage', 'verify']))['ok'], true);
    const { waiting, dead: none, reader } = await ask('/status');
    assert.deepEqual([waiting, none, reader.name, reader.lag.events], [0, 0, 'hook', 0]);
  });

  test('that are retried while their endpoint is paused go out when it is started, also after a restart', async () => {
    status = 500;
    delivered.clear();
    const client = sluice.client();
    // Forgets the failures so far: a few more would open the breaker.
    await client.post(['endpoints', endpoint, 'start'], {});
    const ids = await publishNew(sluice, 3);
    await until(() => isDead(3));
    await client.post(['endpoints', endpoint, 'pause'], {});
    assert.deepEqual([(await ask('/status')).state, (await ask('/status')).held.code], ['paused', 'PAUSED_BY_OPERATOR']);
    assert.equal((await ask('/deliveries/retry', { state: 'dead' })).retried, 3);
    status = 200;
    await sluice.restart({ grace: 100 });
    assert.equal(delivered.size, 0);
    await sluice.client().post(['endpoints', endpoint, 'start'], {});
    await until(async () => (await billed()) === 7);
    assert.deepEqual(delivered, new Set(ids));
    assert.equal((await sluice.client().get(['usage', 'verify']))['ok'], true);
  });

  test('SW-18: go on once their endpoint is started again, also when it was paused and Sluice restarted after it was stopped', async () => {
    status = 410;
    delivered.clear();
    const ids = await publishNew(sluice, 1);
    await until(async () => (await ask('/status')).state === 'stopped');
    await until(async () => (await ask('/deliveries')).items.length === 1);
    assert.equal((await ask('/status')).held.code, 'GONE');
    await sluice.client().post(['endpoints', endpoint, 'pause'], {});
    await sluice.restart({ grace: 100 });
    status = 200;
    await sluice.client().post(['endpoints', endpoint, 'start'], {});
    await until(async () => (await billed()) === 8);
    assert.deepEqual(delivered, new Set(ids));
  });

  test('that an owner does not want any more are passed over when the endpoint is started, and shown as skipped and as dead', async () => {
    status = 500;
    delivered.clear();
    const owed = await publishNew(sluice, 1);
    await until(async () => (await ask('/deliveries?state=waiting')).items.length === 1 || (await ask('/status')).dead > 0);
    await ask('/pause', {});
    const before = await billed();
    await publishNew(sluice, 5);
    status = 200;
    assert.equal((await ask('/start', { from: 'now' })).state, 'started');
    const wanted = await publishNew(sluice, 2);
    await until(async () => (await billed()) === before + 2);
    assert.deepEqual(delivered, new Set(wanted));
    await until(async () => (await ask('/status')).reader?.lag.events === 0);
    const { items: dead } = (await ask('/deliveries?state=dead')) as { items: Item[] };
    assert.deepEqual(
      dead.map(({ event }) => event),
      owed,
    );
    assert.equal((await sluice.client().get(['usage', 'verify']))['ok'], true);
    await ask('/pause', {});
    await publishNew(sluice, 1);
    const moment = new Date(Date.now() + 1).toISOString();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const [last] = await publishNew(sluice, 1);
    await ask('/start', { from: moment });
    await until(async () => delivered.has(last ?? ''));
    assert.equal(await billed(), before + 3);
    const { items: audit } = (await sluice.client().get(['audit'])) as unknown as { items: { action: string; actor: string }[] };
    assert.equal(audit.filter(({ action, actor }) => action === 'endpoint.skip' && actor === 'application:reader').length, 2);
  });
});
