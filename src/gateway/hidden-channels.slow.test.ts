import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { openWebSocket } from '../testing/stream-client.ts';

const key = 'narrow-key-0123456789';
const contract = `
asyncapi: 3.0.0
info: { title: Firm, version: '1' }
defaultContentType: application/json
channels:
  news: { address: news, messages: { said: { payload: { type: object } } } }
  payroll: { address: payroll, messages: { paid: { payload: { type: object, required: [iban] } } } }
  ideas: { address: ideas, messages: { idea: { payload: { type: object } } } }
  complaints: { address: complaints, messages: { complaint: { payload: { type: object, required: [iban] } } } }
operations:
  news: { action: send, channel: { $ref: '#/channels/news' } }
  payroll: { action: send, channel: { $ref: '#/channels/payroll' } }
  ideas: { action: receive, channel: { $ref: '#/channels/ideas' } }
  complaints: { action: receive, channel: { $ref: '#/channels/complaints' } }
`;
const config = `
apis:
  firm: { contract: ./firm.yaml, path: /firm, plans: { basic: {}, push: { mode: push } } }
applications:
  narrow:
    credentials: [{ kind: api-key, value: ${key} }]
    subscriptions: [{ api: firm, plan: push, allow: { read: [news], publish: [ideas] } }]
`;

describe('A channel outside the scope of a subscription', { timeout: 60_000 }, () => {
  let sluice: SluiceFixture;
  before(async () => {
    sluice = await openSluice(config, { files: { 'firm.yaml': contract }, openOutgoing: ['127.0.0.0/8'] });
  });
  after(() => sluice.stop());

  async function said(address: string, method: string, headers: Record<string, string>, body?: string): Promise<string> {
    const response = await fetch(`${sluice.gateway}/firm/${address}`, {
      method,
      headers: { 'x-api-key': key, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    return `${response.status} ${await response.text()}`;
  }

  const event = JSON.stringify({ specversion: '1.0', id: '1', source: '/t', type: 'complaint', data: {} });
  const form = (topic: string): string =>
    String(new URLSearchParams({ 'hub.mode': 'subscribe', 'hub.topic': topic, 'hub.callback': 'http://127.0.0.1:9/' }));
  for (const [what, ask] of [
    ['is streamed', (address: string) => said(address, 'GET', { accept: 'text/event-stream' })],
    ['is read in pages', (address: string) => said(address, 'GET', { accept: 'application/json' })],
    ['is looked at for its newest event', (address: string) => said(`${address}?latest`, 'GET', {})],
    ['is asked for its hub', (address: string) => said(address, 'HEAD', {})],
    ['is published to', (address: string) => said(address, 'POST', { 'content-type': 'application/cloudevents+json' }, event)],
    ['is published to without an envelope', (address: string) => said(address, 'POST', { 'content-type': 'application/json' }, '{}')],
    [
      'is the topic of a WebSub subscription',
      (address: string) =>
        said('-/websub', 'POST', { 'content-type': 'application/x-www-form-urlencoded' }, form(`${sluice.gateway}/firm/${address}?latest`)),
    ],
    [
      'is opened as a WebSocket',
      async (address: string) => JSON.stringify(await (await openWebSocket(`${sluice.gateway}/firm/${address}`, { key })).ended),
    ],
  ] as const)
    test(`is refused in the words for one that is not there, when it ${what}`, async () => {
      const missing = await ask('nowhere');
      assert.match(missing, /403/);
      for (const hidden of ['payroll', 'complaints']) assert.equal((await ask(hidden)).replaceAll(hidden, 'nowhere'), missing);
    });

  test('is in no document: channels, OpenAPI, events for hooks', async () => {
    for (const name of ['channels.json', 'openapi.json', 'hooks/events']) {
      const text = await said(`-/${name}`, 'GET', {});
      assert.match(text, /^200 .*news/s, name);
      assert.doesNotMatch(text, /payroll|paid|complaint|iban/, name);
    }
  });
});
