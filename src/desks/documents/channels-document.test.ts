import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Contract } from '../../contracts/contract.ts';
import { findChannel, findChannels } from '../../contracts/find-channel.ts';
import { loadContract } from '../../contracts/load-contract.ts';
import { visibleChannels } from '../../gateway/visible-channels.ts';
import { ChannelsDocument } from './channels-document.ts';

const place = '/srv/operator/secret-project/shop.yaml';
const text = `
asyncapi: 3.0.0
info: { title: Shop, version: 2.0.0 }
servers: { inside: { host: 'db.internal:9092', protocol: kafka } }
channels:
  orders:
    address: '{shop}/orders'
    parameters: { shop: {} }
    bindings: { kafka: { topic: topic-of-orders } }
    messages:
      placed:
        payload: { $ref: './parts/order.yaml#/Order' }
        headers: { type: object }
        examples: [{ payload: { id: o-1 } }]
        bindings: { kafka: { key: { type: string, description: key-of-kafka } } }
  commands: { address: commands, messages: { ship: { payload: { type: object } } } }
operations:
  orders: { action: send, channel: { $ref: '#/channels/orders' } }
  commands: { action: receive, channel: { $ref: '#/channels/commands' } }
components: { schemas: { Unused: { type: object, description: draft-of-next-year } } }
`;
const files = { 'parts/order.yaml': 'Order: { type: object, properties: { id: { $ref: "#/Id" } } }\nId: { type: string }\n' };

function shop(): Promise<Contract> {
  return loadContract({ name: place, text, files });
}

function all(contract: Contract): string {
  const document = ChannelsDocument.of(contract);
  assert.ok(document !== undefined);
  return document.with(new Set(contract.channels)).text;
}

test('what only the provider knows is in no document: files, servers, bindings, schemas that no message has', async () => {
  const contract = await shop();
  const whole = JSON.stringify(contract);
  const written = all(contract);
  for (const own of ['secret-project', 'order.yaml', 'db.internal', 'topic-of-orders', 'key-of-kafka', 'draft-of-next-year']) {
    assert.ok(whole.includes(own), own);
    assert.ok(!written.includes(own), own);
  }
});

test('channels come in the order and form of the contract, with addresses, directions, schemas and examples', async () => {
  const contract = await shop();
  const { name, channels } = JSON.parse(all(contract)) as Contract;
  assert.equal(name, 'Shop');
  assert.deepEqual(
    channels.map(({ id, address, send, receive }) => [id, address, send, receive]),
    [
      ['orders', '{shop}/orders', true, false],
      ['commands', 'commands', false, true],
    ],
  );
  const { payload, examples } = channels[0]!.messages[0]!;
  assert.deepEqual(payload?.schema, contract.channels[0]?.messages[0]?.payload?.schema);
  assert.deepEqual(examples[0]?.payload, { id: 'o-1' });
});

test('some of the channels are another document than all of them, and one of them twice is the same', async () => {
  const contract = await shop();
  const document = ChannelsDocument.of(contract)!;
  const [orders, commands] = contract.channels;
  const [one, other] = [document.with(new Set([orders!])), document.with(new Set([commands!]))];
  const none = document.with(new Set());
  assert.deepEqual(JSON.parse(none.text), { ...JSON.parse(all(contract)), channels: [] });
  assert.equal(new Set([one.etag, other.etag, none.etag, document.with(new Set(contract.channels)).etag]).size, 4);
  assert.equal(one.etag, document.with(new Set([orders!])).etag);
  assert.notEqual(one.etag, ChannelsDocument.of({ ...contract, version: '3' })?.with(new Set([orders!])).etag);
});

test('a message that many channels share makes no document of any length', async () => {
  const contract = await shop();
  const [orders] = contract.channels;
  const [placed] = orders!.messages;
  const payload = { ...placed!.payload!, schema: { description: 'x'.repeat(100_000) } };
  const channels = (count: number): Contract => {
    const messages = Array.from({ length: 20 }, (_, at) => ({ ...placed!, id: `m${at}`, payload }));
    return { ...contract, channels: Array.from({ length: count }, (_, at) => ({ ...orders!, id: `c${at}`, messages })) };
  };
  assert.ok(ChannelsDocument.of(channels(4)) !== undefined);
  // Their JSON would be longer than any string there can be.
  assert.equal(ChannelsDocument.of(channels(300)), undefined);
});

test('a channel is seen by whoever may read it or publish to it, in the direction of the contract', async () => {
  const shops = await shop();
  const contract = {
    find: (address: string) => findChannel(shops, address),
    findAll: (pattern: string) => findChannels(shops, pattern),
  };
  const seen = (as: 'client' | 'provider', read: string[], publish: string[]): string[] =>
    [...visibleChannels(contract, [{ as, allow: { read, publish } }])].map(({ id }) => id);
  assert.deepEqual(seen('client', ['*'], ['*']), ['orders', 'commands']);
  assert.deepEqual(seen('client', ['south/*'], []), ['orders']);
  assert.deepEqual(seen('client', ['commands'], ['south/*']), [], 'neither may be read or published to there');
  assert.deepEqual(seen('client', [], ['commands']), ['commands']);
  assert.deepEqual(seen('provider', ['commands'], ['south/*']), ['orders', 'commands']);
  assert.deepEqual(seen('client', ['gone'], ['gone/*']), []);
});
