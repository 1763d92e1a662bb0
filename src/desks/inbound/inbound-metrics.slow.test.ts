import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { MetricsPage } from '../../testing/metrics-page.ts';
import { hmac, secondsNow, sendings, signingSecret } from '../../testing/provider-sendings.ts';
import { inboxContract } from '../../testing/inbox-contract.ts';
import { openSluice, type SluiceFixture } from '../../testing/sluice-fixture.ts';
import { until } from '../../testing/until.ts';

const config = `
apis:
  inbox: { contract: ./inbox.yaml, path: /inbox }
applications:
  intake:
    subscriptions:
      - api: inbox
        as: provider
        sources:
          github: { preset: github, address: from/github, secret: ${signingSecret} }
          slack: { preset: slack, address: from/slack, secret: ${signingSecret} }
          strict: { preset: github, address: strict, secret: ${signingSecret} }
          feed: { preset: websub, address: from/feed, secret: ${signingSecret}, topic: { url: 'http://127.0.0.1:9/feed' } }
`;

/** What a platform engineer sees of the webhooks of others. */
describe('the metrics of inbound webhooks', { timeout: 180_000 }, () => {
  let sluice: SluiceFixture;
  let page: MetricsPage;
  before(async () => {
    sluice = await openSluice(config, { files: { 'inbox.yaml': inboxContract }, openOutgoing: ['127.0.0.0/8'] });
  });
  after(() => sluice.stop());

  const urlOf = (name: string): string => `${sluice.gateway}/inbox/-/in/intake/${name}`;
  const post = async (name: string, sending: { body: string; headers: Record<string, string> }): Promise<number> =>
    (await fetch(urlOf(name), { method: 'POST', ...sending })).status;
  const came = (preset: string, result: string, code = ''): number =>
    page.value('sluice_inbound_requests_total', { api: 'inbox', preset, result, code }) ?? 0;

  test('count by preset what was accepted, came again, asked only, or was refused and why', async () => {
    const { github, slack } = sendings;
    const sent = await github!.send(urlOf('github'), randomUUID());
    assert.deepEqual([await post('github', sent), await post('github', sent)], [200, 200]);
    assert.equal(await post('github', { ...sent, body: `${sent.body} ` }), 401);
    assert.equal(await post('github', { body: '{}', headers: {} }), 401);
    assert.equal(await post('strict', await github!.send(urlOf('strict'), randomUUID())), 422);
    assert.equal(await post('nobody-knows-this', sent), 401);
    assert.equal(await post('slack', await slack!.send(urlOf('slack'), randomUUID())), 200);
    const [body, time] = ['{"type":"url_verification","challenge":"x"}', secondsNow()];
    const signature = `v0=${hmac('sha256', `v0:${time}:${body}`)}`;
    const headers = { 'content-type': 'application/json', 'x-slack-request-timestamp': time, 'x-slack-signature': signature };
    assert.equal(await post('slack', { body, headers }), 200);
    page = await MetricsPage.of(sluice);
    assert.deepEqual(
      [came('github', 'accepted'), came('github', 'repeated'), came('slack', 'accepted'), came('slack', 'challenge')],
      [1, 1, 1, 1],
      page.lines('sluice_inbound').join('\n'),
    );
    assert.deepEqual(
      [
        came('github', 'refused', 'SIGNATURE_MISMATCH'),
        came('github', 'refused', 'HEADER_MISSING'),
        came('unknown', 'refused', 'NO_SOURCE'),
      ],
      [1, 1, 1],
      page.lines('sluice_inbound').join('\n'),
    );
    assert.equal(page.lines('sluice_inbound_requests_total{').length, 8, 'one more is of the contract');
    assert.ok(!page.lines('sluice_inbound').join('\n').includes('nobody-knows-this'));
  });

  test('count what a source did not take because it is paused', async () => {
    const { items } = (await sluice.client().get(['sources'])) as { items: { id: string; name: string }[] };
    await sluice.client().post(['sources', items.find(({ name }) => name === 'github')?.id ?? '', 'pause'], {});
    assert.equal(await post('github', await sendings['github']!.send(urlOf('github'), randomUUID())), 503);
    page = await MetricsPage.of(sluice);
    assert.equal(came('github', 'paused'), 1);
  });

  test('show how subscriptions at the hubs of others stand', async () => {
    const inState = (state: string): number => page.value('sluice_inbound_topic_subscriptions', { state }) ?? NaN;
    // Nobody listens where its topic is.
    await until(
      async () => {
        page = await MetricsPage.of(sluice);
        return inState('asking') + inState('failing') === 1;
      },
      () => page.lines('sluice_inbound').join('\n'),
    );
    assert.equal(inState('subscribed'), 0);
  });
});
