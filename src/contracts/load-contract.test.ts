import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Contract, ContractChannel } from './contract.ts';
import { lintContract } from './lint.ts';
import { loadContract } from './load-contract.ts';

async function load(text: string): Promise<Contract> {
  return loadContract({ name: 'a.yaml', text, files: {} });
}

function channelOf(contract: Contract, id: string): ContractChannel {
  const channel = contract.channels.find((each) => each.id === id);
  assert.ok(channel !== undefined, `there is a channel ${id}`);
  return channel;
}

const version3 = `asyncapi: 3.1.0
info: {title: Orders, version: 1.2.3, description: All of them, tags: [{name: shop}]}
defaultContentType: application/json
servers:
  main: {host: "example.com:443", pathname: /v1, protocol: wss, security: [{$ref: "#/components/securitySchemes/key"}]}
channels:
  orders:
    address: /orders/{id}
    description: Life of an order
    servers: [{$ref: "#/servers/main"}]
    tags: [{name: order}]
    bindings: {ws: {method: GET}}
    parameters: {id: {description: Number, enum: [a, b], default: a}}
    messages:
      placed: {$ref: "#/components/messages/Placed"}
      changed: {name: order.changed, traits: [{$ref: "#/components/messageTraits/common"}]}
  questions:
    address: questions
    messages: {ask: {payload: {type: string}}}
  answers:
    address: null
    messages: {answer: {payload: {type: string}}}
  unused: {address: unused, messages: {m: {}}}
operations:
  tell:
    action: send
    channel: {$ref: "#/channels/orders"}
    messages: [{$ref: "#/channels/orders/messages/changed"}]
    security: [{$ref: "#/components/securitySchemes/key"}]
  take:
    action: receive
    summary: Takes orders
    channel: {$ref: "#/channels/orders"}
    messages: [{$ref: "#/components/messages/Placed"}]
  answer:
    action: receive
    channel: {$ref: "#/channels/questions"}
    reply:
      address: {location: "$message.header#/replyTo"}
      channel: {$ref: "#/channels/answers"}
components:
  securitySchemes: {key: {type: httpApiKey, name: X-API-Key, in: header}}
  schemas: {Order: {type: object}}
  messages:
    Placed:
      title: An order
      contentType: application/vnd.order+json
      headers: {type: object}
      payload: {$ref: "#/components/schemas/Order"}
      examples: [{name: one, payload: {id: 1}}]
  messageTraits: {common: {contentType: text/plain, name: ignored, tags: [{name: t}]}}
`;

test('version 3 is understood whole', async () => {
  const contract = await load(version3);
  assert.deepEqual([contract.specification, contract.title, contract.version, contract.tags], ['3.1.0', 'Orders', '1.2.3', ['shop']]);
  assert.deepEqual(
    contract.servers.map(({ id, url, protocol, security }) => ({ id, url, protocol, security })),
    [{ id: 'main', url: 'wss://example.com:443/v1', protocol: 'wss', security: ['key'] }],
  );
  const orders = channelOf(contract, 'orders');
  assert.deepEqual([orders.address, orders.servers, orders.tags, orders.security], ['orders/{id}', ['main'], ['order'], ['key']]);
  assert.deepEqual(orders.bindings, { ws: { method: 'GET' } });
  assert.deepEqual(
    orders.parameters.map(({ name, enum: allowed, default: usual }) => [name, allowed, usual]),
    [['id', ['a', 'b'], 'a']],
  );
  assert.deepEqual(
    orders.messages.map(({ id, types, contentType }) => [id, types, contentType]),
    [
      ['placed', ['placed', 'Placed'], 'application/vnd.order+json'],
      ['changed', ['order.changed', 'changed'], 'text/plain'],
    ],
  );
  assert.deepEqual(
    orders.messages[0]?.examples.map(({ name, payload, origin }) => [name, payload, origin.line]),
    [['one', { id: 1 }, 50]],
  );
  assert.deepEqual(Object.keys(contract.schemas), ['Order']);
});

test('operations are permissions, each for its own messages', async () => {
  const orders = channelOf(await load(version3), 'orders');
  assert.deepEqual([orders.send, orders.sends, orders.receive, orders.receives], [true, ['changed'], true, ['placed']]);
});

test('a reply goes the other way, and a channel without address is not routed', async () => {
  const contract = await load(version3);
  const [questions, answers] = [channelOf(contract, 'questions'), channelOf(contract, 'answers')];
  assert.deepEqual(
    [questions.send, questions.receive, answers.send, answers.receive, answers.address],
    [false, true, true, false, undefined],
  );
  const reply = contract.operations.find(({ id }) => id === 'answer')?.reply;
  assert.deepEqual(reply, { channel: 'answers', addressLocation: '$message.header#/replyTo', messages: ['answer'] });
});

test('a channel without operation permits nothing', async () => {
  const unused = channelOf(await load(version3), 'unused');
  assert.deepEqual([unused.send, unused.receive], [false, false]);
});

test('a contract is plain data', async () => {
  const contract = await load(version3);
  assert.deepEqual(structuredClone(contract), contract);
});

const version2 = `asyncapi: 2.6.0
info: {title: Orders, version: "1"}
tags: [{name: shop}]
servers: {main: {url: "mqtt://example.com", protocol: mqtt, security: [{key: []}]}}
channels:
  /orders/{id}:
    parameters: {id: {schema: {type: string, enum: [a, b]}}}
    subscribe:
      operationId: tell
      security: [{key: []}]
      message:
        oneOf:
          - {$ref: "#/components/messages/Changed"}
          - {name: order.lost, payload: {type: object}}
    publish:
      message:
        messageId: place
        traits: [{contentType: text/plain}]
        contentType: application/json
        schemaFormat: application/schema+json;version=draft-07
        payload: {type: object}
  both:
    subscribe: {message: {$ref: "#/components/messages/Changed"}}
    publish: {message: {$ref: "#/components/messages/Changed"}}
components:
  messages: {Changed: {payload: {type: string}}}
  securitySchemes: {key: {type: apiKey, in: user}}
`;

test('version 2 is turned round: subscribe is send, publish is receive', async () => {
  const contract = await load(version2);
  const orders = channelOf(contract, '/orders/{id}');
  assert.equal(orders.address, 'orders/{id}');
  assert.deepEqual([orders.sends, orders.receives, orders.security], [['Changed', 'order.lost'], ['place'], ['key']]);
  assert.deepEqual(
    contract.operations.map(({ id, action }) => [id, action]),
    [
      ['tell', 'send'],
      ['publish /orders/{id}', 'receive'],
      ['subscribe both', 'send'],
      ['publish both', 'receive'],
    ],
  );
  assert.equal(orders.messages.find(({ id }) => id === 'place')?.contentType, 'text/plain');
  assert.deepEqual([contract.tags, contract.servers[0]?.security], [['shop'], ['key']]);
});

test('a message used in both directions is one message', async () => {
  const both = channelOf(await load(version2), 'both');
  assert.deepEqual([both.messages.length, both.sends, both.receives], [1, ['Changed'], ['Changed']]);
});

test('JSON is read like YAML, with its lines', async () => {
  const text = JSON.stringify(
    { asyncapi: '3.0.0', info: { title: 'T', version: '1' }, channels: { c: { address: 'c' } } },
    undefined,
    '\t',
  );
  assert.equal((await load(text)).channels[0]?.origin.line, 8);
});

test('channels with one address are one channel', async () => {
  const text = `asyncapi: 3.0.0
info: {title: T, version: "1"}
channels:
  ping: {address: /, messages: {m: {name: ping}}}
  pong: {address: /, messages: {m: {name: pong}}}
operations:
  a: {action: receive, channel: {$ref: "#/channels/ping"}}
  b: {action: send, channel: {$ref: "#/channels/pong"}}
`;
  const contract = await load(text);
  assert.deepEqual(
    contract.channels.map(({ id, sends, receives }) => [id, sends, receives]),
    [['ping', ['m-2'], ['m']]],
  );
  assert.deepEqual(
    contract.operations.map(({ channel }) => channel),
    ['ping', 'ping'],
  );
  assert.deepEqual(
    contract.warnings.map(({ code, line }) => [code, line]),
    [['duplicate-address', 5]],
  );
});

test('a large document is read in a thread, with the same result', async () => {
  const channels = Array.from(
    { length: 1500 },
    (_, index) => `  c${index}: {address: "a/${index}", messages: {m: {name: m, payload: {type: string}}}}`,
  );
  const contract = await load(`asyncapi: 3.0.0\ninfo: {title: T, version: "1"}\nchannels:\n${channels.join('\n')}\n`);
  assert.equal(contract.channels.length, 1500);
  assert.equal(contract.channels[1499]?.origin.line, 1503);
});

test('what is odd is told as warnings with lines', async () => {
  const text = `asyncapi: 3.0.0
info: {title: T, version: "1"}
channels:
  a:
    address: a/{x}
    parameters: {y: {}}
    messages:
      m:
        payload: {type: string}
        examples:
          - {payload: 3}
          - {payload: fine}
  b: {address: "a/{z}", parameters: {z: {}}}
  c: {address: c, messages: {m: {name: m, payload: {schemaFormat: "application/raml+yaml;version=1.0", schema: a}}}}
operations:
  o: {action: send, channel: {$ref: "#/channels/a"}}
  p: {action: send, channel: {$ref: "#/channels/c"}}
`;
  const problems = await lintContract({ name: 'a.yaml', text, files: {} });
  assert.ok(problems.every((problem) => problem.severity === 'warning'));
  assert.deepEqual(problems.map(({ line, code }) => `${line} ${code}`).toSorted(), [
    '11 example',
    '13 ambiguous-address',
    '13 no-message',
    '13 no-operation',
    '14 not-checked',
    '4 undeclared-parameter',
    '4 unused-parameter',
    '8 no-name',
  ]);
});
