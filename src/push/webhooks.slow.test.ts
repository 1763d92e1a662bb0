import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { readerKey, worldFiles } from '../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { WebhookReceiver } from '../testing/webhook-receiver.ts';
import { endpointNamed, publishNew, webhookConfig } from '../testing/webhook-world.ts';

const secret = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=';

interface Delivered {
  readonly id: string;
  readonly data: unknown;
}

/** Webhooks as their users see them: a whole Sluice, a receiver, and the Standard Webhooks library. */
describe('webhooks', { timeout: 180_000 }, () => {
  const receiver = new WebhookReceiver<Delivered>();
  const { posts } = receiver;
  let sluice: SluiceFixture;

  before(() => receiver.listen());
  after(() => receiver.close());

  beforeEach(async () => {
    receiver.reset();
    sluice = await openSluice(config(), { files: worldFiles(), openOutgoing: ['127.0.0.0/8'] });
  });
  afterEach(() => sluice.stop());

  function config(more = ''): string {
    const url = `http://127.0.0.1:${receiver.port}/hook`;
    return webhookConfig(`hook: { url: '${url}', address: '*/events', secret: ${secret}, retry: [200ms, 200ms, 1m], ${more} }`);
  }

  const delivered = (): string[] => posts.map(({ event }) => event.id);

  const endpoint = (): Promise<string> => endpointNamed(sluice);

  test('are delivered as the library of Standard Webhooks takes them', async () => {
    const ids = await publishNew(sluice, 5);
    await receiver.arrived(5);
    assert.deepEqual(new Set(delivered()), new Set(ids));
    for (const { headers, body } of posts) new Webhook(secret).verify(body, headers as Record<string, string>);
  });

  test('that fail are tried again, also after a restart', async () => {
    receiver.status = 500;
    const ids = await publishNew(sluice, 1);
    await receiver.arrived(2);
    receiver.status = 200;
    await sluice.restart({ grace: 100 });
    await receiver.arrived(3);
    // One whose answer was on its way when it stopped comes a fourth time.
    assert.deepEqual([...new Set(delivered())], ids);
    assert.equal(new Set(posts.map(({ headers }) => headers['webhook-id'])).size, 1);
    // The second one may have been called off by the restart, and then does not count.
    assert.ok(Number(posts.at(-1)?.headers['webhook-attempt']) >= 2);
  });

  test('give way to a connection of the same reader and go on after it, without losing an event', async () => {
    const first = await publishNew(sluice, 2);
    await receiver.arrived(2);
    await sluice.client().post(['endpoints', await endpoint(), 'pause'], {});
    const missed = await publishNew(sluice, 3);
    const page = await fetch(`${sluice.gateway}/world/*/events?reader=hook&limit=2`, { headers: { authorization: `Bearer ${readerKey}` } });
    const read = (await page.json()) as { id: string; position: string }[];
    assert.deepEqual(
      read.map(({ id }) => id),
      missed.slice(0, 2),
    );
    const acknowledged = await fetch(`${sluice.gateway}/world/*/events?reader=hook`, {
      method: 'POST',
      headers: { authorization: `Bearer ${readerKey}`, ack: read[1]?.position ?? '' },
    });
    assert.equal(acknowledged.status, 200, await acknowledged.text());
    await sluice.client().post(['endpoints', await endpoint(), 'start'], {});
    await receiver.arrived(3);
    assert.deepEqual(delivered(), [...delivered().slice(0, 2), missed[2]]);
    assert.deepEqual(new Set(delivered().slice(0, 2)), new Set(first));
  });

  test('go where their filter and types say', async () => {
    await sluice.apply(config("filter: 'data.n % 2 == 0'"));
    const ids = await publishNew(sluice, 10);
    await receiver.arrived(5);
    assert.ok(posts.every(({ event }) => (event.data as { n: number }).n % 2 === 0));
    assert.equal(ids.length, 10);
  });

  test('begin with what is published once the endpoint is there, however soon that is', async () => {
    const client = sluice.client();
    const { items } = (await client.get(['subscriptions'], { application: 'reader' })) as { items: { id: string }[] };
    const { port } = receiver;
    await publishNew(sluice, 2);
    await receiver.arrived(2);
    await client.post(['endpoints'], {
      application: 'reader',
      name: 'second',
      subscription: items[0]?.id,
      address: 'one/events',
      url: `http://127.0.0.1:${port}/second`,
    });
    const ids = await publishNew(sluice, 3);
    await receiver.arrived(8);
    assert.deepEqual(delivered().slice(2).toSorted(), [...ids, ...ids].toSorted());
  });

  test('go on where a reader of the same name and address is', async () => {
    const client = sluice.client();
    await client.post(['endpoints', await endpoint(), 'pause'], {});
    const ids = await publishNew(sluice, 3);
    const page = await fetch(`${sluice.gateway}/world/one/events?reader=walker&from=earliest&limit=1`, {
      headers: { authorization: `Bearer ${readerKey}` },
    });
    const [first] = (await page.json()) as { id: string; position: string }[];
    assert.equal(first?.id, ids[0]);
    await fetch(`${sluice.gateway}/world/one/events?reader=walker`, {
      method: 'POST',
      headers: { authorization: `Bearer ${readerKey}`, ack: first?.position ?? '' },
    });
    const { items } = (await client.get(['subscriptions'], { application: 'reader' })) as { items: { id: string }[] };
    const { port } = receiver;
    await client.post(['endpoints'], {
      name: 'walker',
      subscription: items[0]?.id,
      address: 'one/events',
      url: `http://127.0.0.1:${port}/walker`,
    });
    await receiver.arrived(2);
    assert.deepEqual(delivered().toSorted(), ids.slice(1).toSorted());
  });

  test('end with their subscription, and what is under way for the others goes on', async () => {
    await publishNew(sluice, 1);
    await receiver.arrived(1);
    const client = sluice.client();
    const { items } = (await client.get(['subscriptions'], { application: 'reader' })) as { items: { id: string }[] };
    await client.post(['subscriptions', items[0]?.id ?? '', 'close'], {});
    await publishNew(sluice, 3);
    assert.equal(await endpoint(), '');
    await sluice.restart({ grace: 100 });
    await publishNew(sluice, 1);
    await sluice.client().get(['status']);
    assert.equal(posts.length, 1);
  });

  test('go to no address that the operator has not opened', async () => {
    await sluice.stop();
    sluice = await openSluice(config(), { files: worldFiles(), openOutgoing: ['127.0.0.0/8'] });
    // It was stored while the range was open.
    await sluice.restart({ openOutgoing: [] });
    await publishNew(sluice, 1);
    const database = new DatabaseSync(join(sluice.data, 'sluice.db'), { readOnly: true, timeout: 10_000 });
    try {
      const attempts = (): unknown[] => database.prepare('SELECT failure, sentence FROM push_attempt').all();
      while (attempts().length === 0) await setTimeout(20);
      const [attempt] = attempts() as { failure: string; sentence: string }[];
      assert.equal(attempt?.failure, 'blocked');
      assert.match(attempt.sentence, /may not|not be called|private|loopback|refuse|forbidden/i);
    } finally {
      database.close();
    }
    assert.equal(posts.length, 0);
  });
});
