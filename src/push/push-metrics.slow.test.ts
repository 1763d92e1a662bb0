import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { newEvents, publish, worldFiles } from '../testing/gateway-world.ts';
import { MetricsPage } from '../testing/metrics-page.ts';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { until } from '../testing/until.ts';
import { webhookConfig } from '../testing/webhook-world.ts';

/** What a platform engineer sees of webhooks: a whole Sluice, receivers of every kind, and its page of metrics. */
describe('the metrics of push', { timeout: 180_000 }, () => {
  const held: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume();
    const path = request.url ?? '';
    if (path === '/silent') held.push(response);
    else if (path === '/gives-up') response.writeHead(400, { 'webhook-delivery': 'abort-message' }).end();
    else response.writeHead(path === '/gone' ? 410 : path.startsWith('/broken') ? 500 : path === '/busy' ? 429 : 204).end();
  });
  let sluice: SluiceFixture;
  let page: MetricsPage;

  const endpoint = (name: string, more = ''): string => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}`;
    return `${name}: { url: '${url}', address: '*/events', secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=, ${more} }`;
  };
  const seen = async (isSeen: (page: MetricsPage) => boolean): Promise<void> => {
    await until(
      async () => isSeen((page = await MetricsPage.of(sluice))),
      () => page.lines('sluice_push').join('\n'),
    );
  };
  const attempts = (outcome: string): number =>
    page.value('sluice_push_attempts_total', { api: 'world', protocol: 'webhook', outcome }) ?? 0;
  const ended = (lane: string, result: string): number =>
    page.value('sluice_push_ended_messages_total', { api: 'world', protocol: 'webhook', lane, result }) ?? -1;
  const inState = (metric: string, state: string): number | undefined => page.value(metric, { api: 'world', protocol: 'webhook', state });

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const endpoints = [
      ...['works', 'gone', 'gives-up', 'busy'].map((name) => endpoint(name)),
      endpoint('broken', 'retry: [100ms, 10m]'),
      endpoint('broken-in-order', 'order: strict, retry: [10m]'),
      endpoint('silent', 'timeout: 30s'),
    ];
    sluice = await openSluice(webhookConfig(endpoints.join('\n')), { files: worldFiles(), openOutgoing: ['127.0.0.0/8'] });
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await sluice.stop();
  });

  test('show what became of attempts and deliveries, how long they took, and where endpoints stand', async () => {
    assert.equal((await publish(sluice.gateway, newEvents(1))).status, 202);
    const once = ['delivered', 'throttled', 'gone', 'abandoned'];
    await seen(() => attempts('server-error') === 3 && held.length === 1 && once.every((outcome) => attempts(outcome) === 1));
    assert.deepEqual([ended('first', 'delivered'), ended('first', 'dead'), ended('retry', 'delivered')], [1, 1, 0]);
    assert.equal(page.value('sluice_push_attempt_duration_seconds_count', { api: 'world', protocol: 'webhook' }), 7);
    assert.equal(page.value('sluice_push_attempt_duration_seconds_bucket', { le: '30' }), 7);
    const states = ['started', 'stopped', 'held', 'paused'].map((state) => inState('sluice_push_endpoints', state));
    assert.deepEqual(states, [5, 1, 1, undefined]);
    assert.deepEqual(
      [inState('sluice_push_retry_pending_messages', 'started'), inState('sluice_push_retry_pending_messages', 'held')],
      [2, 1],
    );
    assert.equal(page.value('sluice_push_attempts_active'), 1);
    assert.equal(page.value('sluice_push_attempts_active_limit'), 1024);
    const oldest = (): number => inState('sluice_push_oldest_untried_seconds', 'started') ?? 0;
    const before = oldest();
    await seen(() => oldest() > before);
    await seen(() => page.value('sluice_push_notices_total', { kind: 'gone' }) === 1);
  });

  test('go down when a receiver answers at last', async () => {
    held.splice(0).forEach((response) => response.writeHead(204).end());
    await seen(() => attempts('delivered') === 2 && page.value('sluice_push_attempts_active') === 0);
    assert.equal(inState('sluice_push_oldest_untried_seconds', 'started'), 0);
  });

  test('count breakers that open, and show who is paused', async () => {
    const { items } = (await sluice.client().get(['endpoints'])) as { items: { id: string; name: string }[] };
    for (const { id, name } of items) if (name === 'silent' || name === 'busy') await sluice.client().post(['endpoints', id, 'pause'], {});
    assert.equal(page.value('sluice_push_breakers_open', { kind: 'endpoint' }), 0);
    assert.equal((await publish(sluice.gateway, newEvents(8))).status, 202);
    await seen(() => page.value('sluice_push_breakers_open', { kind: 'endpoint' }) === 1);
    assert.deepEqual([inState('sluice_push_endpoints', 'paused'), page.value('sluice_push_breakers_open', { kind: 'origin' })], [2, 0]);
    assert.equal(inState('sluice_push_endpoints', 'held'), 1);
  });

  test('have what waits after a restart as well', async () => {
    await seen(() => attempts('delivered') === 10 && page.value('sluice_push_attempts_active') === 0);
    assert.equal(inState('sluice_push_oldest_untried_seconds', 'started'), 0, 'eight wait in their order for one that failed');
    const waiting = inState('sluice_push_retry_pending_messages', 'held');
    assert.ok(waiting !== undefined && waiting >= 1);
    await sluice.restart({ grace: 100 });
    await seen(() => inState('sluice_push_retry_pending_messages', 'held') === waiting);
    assert.deepEqual([inState('sluice_push_endpoints', 'stopped'), attempts('delivered')], [1, 0]);
    // All of what the receiver gave up.
    await seen(() => inState('sluice_push_dead_letters', 'started') === 9);
  });

  test('name nothing that tenants choose: no endpoint, URL, application or type of events', async () => {
    page = await MetricsPage.of(sluice);
    const lines = page.lines('sluice_push').join('\n');
    const { items } = (await sluice.client().get(['endpoints'])) as { items: { id: string; name: string }[] };
    for (const word of [...items.flatMap(({ id, name }) => [id, `"${name}"`]), '127.0.0.1', 'reader', 'test.event'])
      assert.ok(!lines.includes(word), word);
  });
});
