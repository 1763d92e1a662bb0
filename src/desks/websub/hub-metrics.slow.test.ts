import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { worldFiles } from '../../testing/gateway-world.ts';
import { MetricsPage } from '../../testing/metrics-page.ts';
import { until } from '../../testing/until.ts';
import { TestSubscriber, WebSubWorld } from '../../testing/websub-world.ts';

/** What a platform engineer sees of the hub. */
describe('the metrics of the hub', { timeout: 180_000 }, () => {
  let answer = (response: ServerResponse): void => void response.end();
  const publisher = createServer((_request, response) => answer(response));
  let subscriber: TestSubscriber;
  let world: WebSubWorld;
  let page: MetricsPage;

  before(async () => {
    publisher.listen(0, '127.0.0.1');
    await once(publisher, 'listening');
    subscriber = await TestSubscriber.open();
    world = await WebSubWorld.open(subscriber, {
      websub: `{ topics: { '${topicUrl()}': feed/events }, lease: { default: 1h, min: 1s, max: 1d } }`,
      fixture: { files: worldFiles(), openOutgoing: ['127.0.0.0/8'] },
    });
  });
  after(async () => {
    publisher.closeAllConnections();
    publisher.close();
    await world.stop();
    subscriber.close();
  });

  const topicUrl = (): string => `http://127.0.0.1:${(publisher.address() as AddressInfo).port}/feed`;
  const seen = async (isSeen: () => boolean): Promise<void> => {
    await until(
      async () => {
        page = await MetricsPage.of(world.sluice);
        return isSeen();
      },
      () => [...page.lines('sluice_websub'), ...page.lines('sluice_push')].join('\n'),
    );
  };
  const settled = (mode: string, result: string): number =>
    page.value('sluice_websub_verifications_total', { api: 'world', mode, result }) ?? 0;
  const asked = (mode: string, status: string): number => page.value('sluice_websub_requests_total', { api: 'world', mode, status }) ?? 0;
  const looked = (result: string): number => page.value('sluice_websub_topic_fetches_total', { api: 'world', result }) ?? 0;

  test('count what is asked, what callbacks confirm and what they do not, and what waits for them', async () => {
    const topic = await world.topic('one');
    await world.subscribed(topic);
    subscriber.answer = (_question, response) => void response.writeHead(404).end();
    await world.ask({ 'hub.mode': 'unsubscribe', 'hub.callback': subscriber.callback(), 'hub.topic': topic });
    assert.equal((await world.ask({ 'hub.mode': 'subscribe', 'hub.topic': topic })).status, 400);
    assert.equal((await world.ask({ 'hub.mode': 'subscribe', 'hub.callback': subscriber.callback(), 'hub.topic': topic }, '')).status, 401);
    await seen(() => settled('subscribe', 'confirmed') === 1 && settled('unsubscribe', 'not-confirmed') === 1);
    assert.deepEqual(
      [asked('subscribe', '202'), asked('unsubscribe', '202'), asked('unknown', '400'), asked('subscribe', '401')],
      [1, 1, 1, 1],
    );
    assert.equal(page.value('sluice_push_endpoints', { protocol: 'websub', state: 'started' }), 1);
    let release = (): void => undefined;
    subscriber.answer = (_question, response) => (release = () => response.writeHead(404).end());
    await world.subscribe(topic);
    await subscriber.asked(3);
    await seen(() => page.value('sluice_websub_requests_pending') === 1);
    release();
    await seen(() => page.value('sluice_websub_requests_pending') === 0);
  });

  test('count distributions apart from webhooks, and leases that are over', async () => {
    subscriber.forget();
    await world.subscribed(await world.topic('two'), { 'hub.lease_seconds': '5', 'hub.callback': subscriber.callback('/two') });
    subscriber.status = 503;
    await world.publish('one', '1');
    await seen(() => (page.value('sluice_push_attempts_total', { protocol: 'websub', outcome: 'server-error' }) ?? 0) >= 1);
    assert.equal(page.value('sluice_push_attempts_total', { protocol: 'webhook' }), undefined);
    await seen(() => page.value('sluice_websub_leases_expired_total', { api: 'world' }) === 1);
  });

  test('count looks at topics of others', async () => {
    const ping = async (): Promise<void> =>
      assert.equal((await world.ask({ 'hub.mode': 'publish', 'hub.url': topicUrl() }, '')).status, 202);
    answer = (response) => void response.writeHead(200, { 'content-type': 'text/plain' }).end('news');
    await ping();
    await seen(() => looked('published') === 1);
    await ping();
    await seen(() => looked('unchanged') === 1);
    answer = (response) => void response.writeHead(302, { location: '/elsewhere' }).end();
    await ping();
    await seen(() => looked('given-up') === 1);
    answer = (response) => void response.writeHead(500).end();
    await ping();
    await seen(() => looked('failed') === 1);
    assert.equal(asked('publish', '202'), 4);
  });
});
