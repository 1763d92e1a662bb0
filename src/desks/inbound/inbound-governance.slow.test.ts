import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { openSluice, type SluiceFixture } from '../../testing/sluice-fixture.ts';

const key = 'reader-key-0123456789';
const secret = 'a secret of many characters';
const contract = `
asyncapi: 3.0.0
info: { title: Inbox, version: 1.0.0 }
channels:
  open: { address: open }
  other: { address: other }
  said: { address: said }
operations:
  receiveOpen: { action: receive, channel: { $ref: '#/channels/open' } }
  receiveOther: { action: receive, channel: { $ref: '#/channels/other' } }
  sendSaid: { action: send, channel: { $ref: '#/channels/said' } }
`;

function config(entrypoints: string): string {
  const source = (address: string): string => `{ preset: github, address: ${address}, secret: ${secret} }`;
  return `
apis:
  inbox:
    contract: ./inbox.yaml
    path: /inbox
    maxEventBytes: 1KiB
    ${entrypoints}
    plans:
      small: { limits: { eventCount: { limit: 2, per: month, counts: publish } } }
      over: { limits: { duration: { until: '2020-01-01T00:00:00Z' } } }
applications:
  reader:
    credentials: [{ kind: api-key, value: ${key} }]
    subscriptions: [{ api: inbox, as: provider }]
  intake:
    subscriptions:
      - api: inbox
        plan: small
        allow: { publish: [open, said, nowhere] }
        sources: { open: ${source('open')}, other: ${source('other')}, said: ${source('said')}, nowhere: ${source('nowhere')} }
  late:
    subscriptions: [{ api: inbox, plan: over, sources: { open: ${source('open')} } }]
`;
}

/** A source publishes as its subscription may: nothing that holds for clients is passed by. */
describe('what comes in is governed as what is published', { timeout: 180_000 }, () => {
  let sluice: SluiceFixture;
  before(async () => {
    sluice = await openSluice(config(''), { files: { 'inbox.yaml': contract } });
  });
  after(() => sluice.stop());

  async function send(
    path: string,
    data: object = {},
  ): Promise<{ readonly status: number; readonly code: string; readonly headers: Headers }> {
    const body = JSON.stringify({ ...data, n: randomUUID() });
    const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    const response = await fetch(`${sluice.gateway}/inbox/-/in/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'ping',
        'x-github-delivery': randomUUID(),
        'x-hub-signature-256': signature,
      },
      body,
    });
    const { code = '' } = (await response.json()) as { code?: string };
    return { status: response.status, code, headers: response.headers };
  }

  test('by the direction of the contract', async () => {
    assert.deepEqual([(await send('intake/said')).code, (await send('intake/nowhere')).code], ['FORBIDDEN', 'CHANNEL_NOT_FOUND']);
  });

  test('by the addresses of its subscription', async () => {
    assert.equal((await send('intake/other')).code, 'FORBIDDEN');
  });

  test('by the largest event of the API', async () => {
    assert.equal((await send('intake/open', { text: 'x'.repeat(1100) })).status, 413);
  });

  test('by the limits of the plan, which count it, and by its end', async () => {
    assert.deepEqual([(await send('intake/open')).status, (await send('intake/open')).status], [200, 200]);
    const over = await send('intake/open');
    assert.deepEqual([over.status, over.code], [429, 'LIMIT_REACHED']);
    assert.ok(Number(over.headers.get('retry-after')) > 0);
    assert.equal((await send('late/open')).code, 'SUBSCRIPTION_INACTIVE');
  });

  test('by the meter: what was accepted and what was refused', async () => {
    const metrics = await (await fetch(`${sluice.control}/metrics`, { headers: { authorization: `Bearer ${sluice.admin}` } })).text();
    const count = (name: string): number =>
      metrics
        .split('\n')
        .filter((line) => line.startsWith(name) && line.includes('protocol="webhook"'))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    assert.equal(
      count('sluice_publish_accepted_messages_total'),
      2,
      metrics
        .split('\n')
        .filter((line) => line.includes('webhook'))
        .join('\n'),
    );
  });

  test('by what the API offers', async () => {
    const { items } = (await sluice.client().get(['sources'])) as { items: { id: string }[] };
    for (const { id } of items) await sluice.client().remove(['sources', id]);
    await assert.rejects(sluice.apply(config('entrypoints: [publish]')), /sources need `webhook` among the entrypoints/);
  });
});
