import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Contract, ContractChannel } from './contract.ts';
import { compileChecker, defaultsFor } from './event-checker.ts';
import type { CheckedEvent, EventChecker } from './event-checker.ts';
import { loadContract } from './load-contract.ts';

const orders = `asyncapi: 3.0.0
info: {title: Orders, version: "1"}
defaultContentType: application/json
channels:
  orders:
    address: orders/{id}
    parameters: {id: {}}
    messages:
      placed:
        name: order.placed
        payload:
          type: object
          required: [id, total]
          additionalProperties: false
          properties:
            id: {type: string, format: uuid}
            total: {type: number, minimum: 0}
            items: {type: array, uniqueItems: true, items: {$ref: "#/components/schemas/Item"}}
            size: {enum: [small, large, {odd: true}]}
      cancelled: {$ref: "#/components/messages/Cancelled"}
      note: {contentType: text/plain, payload: {type: string, maxLength: 5}}
  free: {address: free}
operations:
  take: {action: receive, channel: {$ref: "#/channels/orders"}, messages: [{$ref: "#/channels/orders/messages/placed"}]}
  tell: {action: send, channel: {$ref: "#/channels/orders"}}
components:
  messages: {Cancelled: {payload: {schemaFormat: "application/schema+json;version=2020-12", schema: {type: array, prefixItems: [{type: string}], items: false}}}}
  schemas: {Item: {type: object, required: [sku], properties: {sku: {type: string, pattern: "^[A-Z]{2}[0-9]+$"}, parts: {type: array, items: {$ref: "#/components/schemas/Item"}}}}}
`;

async function checkerOf(text: string): Promise<{ contract: Contract; checker: EventChecker; channel: ContractChannel }> {
  const contract = await loadContract({ name: 'orders.yaml', text, files: {} });
  return { contract, checker: await compileChecker(contract), channel: contract.channels[0] as ContractChannel };
}

function json(type: string, value: unknown): CheckedEvent {
  return { type, data: Buffer.from(JSON.stringify(value)), dataKind: 'json' };
}

const { contract, checker, channel } = await checkerOf(orders);
const id = '6f1c7f0e-3b2a-4c55-9d3e-0a1b2c3d4e5f';

test('an event that keeps the contract has no violations', () => {
  assert.equal(
    checker.check(
      channel,
      json('order.placed', { id, total: 3, items: [{ sku: 'AB1' }, { sku: 'AB2', parts: [{ sku: 'CD3' }] }], size: { odd: true } }),
    ),
    undefined,
  );
});

test('every violation has its path and a sentence', () => {
  const violations = checker.check(
    channel,
    json('order.placed', { id: 'x', totl: 1, items: [{ sku: 'AB1' }, { sku: 1 }, { sku: 'ab' }], size: 'huge' }),
  );
  assert.deepEqual(violations?.map(({ path, keyword }) => `${path} ${keyword}`).toSorted(), [
    '/data additionalProperties',
    '/data/id format',
    '/data/items/1/sku type',
    '/data/items/2/sku pattern',
    '/data/size enum',
  ]);
  assert.ok(violations?.some(({ sentence }) => sentence === 'The data must not have the member `totl`; did you mean `total`?'));
  assert.ok(violations?.some(({ sentence }) => sentence === '`items.1.sku` must be a string, not the number `1`.'));
});

test('equal items are found whatever the order of their members', () => {
  const twice = [
    { sku: 'AB1', parts: [] },
    { parts: [], sku: 'AB1' },
  ];
  assert.equal(checker.check(channel, json('order.placed', { id, total: 1, items: twice }))?.[0]?.keyword, 'uniqueItems');
});

test('an unknown type is refused with the known ones', () => {
  const [violation] = checker.check(channel, json('order.lost', {})) ?? [];
  assert.equal(violation?.path, '/type');
  assert.match(violation?.sentence ?? '', /no message of the type `order\.lost`; known: `order\.placed`, `cancelled`, `note`/);
});

test('what only the provider sends may not be published as received', () => {
  assert.equal(checker.check(channel, json('cancelled', ['x']), 'send'), undefined);
  assert.equal(checker.check(channel, json('cancelled', ['x']), 'receive')?.[0]?.keyword, 'type-unknown');
  assert.equal(checker.check(channel, json('order.placed', { id, total: 1 }), 'receive'), undefined);
});

test('a message goes by its name, its key and the name of its component', () => {
  for (const type of ['cancelled', 'Cancelled']) assert.equal(checker.check(channel, json(type, ['x'])), undefined);
  assert.equal(checker.check(channel, json('placed', { id, total: 1 })), undefined);
  assert.equal(checker.check(channel, json('Cancelled', ['x', 'y']))?.length, 1);
});

test('data that is missing, not JSON or of another media type is a violation', () => {
  assert.equal(checker.check(channel, { type: 'order.placed', dataKind: 'json' })?.[0]?.keyword, 'required');
  assert.equal(checker.check(channel, { type: 'order.placed', data: Buffer.from('{"a":'), dataKind: 'json' })?.[0]?.keyword, 'not-json');
  const [violation] =
    checker.check(channel, { type: 'order.placed', data: Buffer.from('<a/>'), dataKind: 'text', datacontenttype: 'text/xml' }) ?? [];
  assert.match(violation?.sentence ?? '', /must be `application\/json`, not `text\/xml`/);
});

test('text is checked as a string', () => {
  assert.equal(checker.check(channel, { type: 'note', data: Buffer.from('hello'), dataKind: 'text' }), undefined);
  assert.equal(checker.check(channel, { type: 'note', data: Buffer.from('hello!'), dataKind: 'text' })?.[0]?.keyword, 'maxLength');
});

test('a channel without messages takes everything', () => {
  assert.equal(checker.check(contract.channels[1] as ContractChannel, json('anything', 1)), undefined);
});

test('a plain body gets the type of the only message that clients may publish', () => {
  assert.deepEqual(defaultsFor(channel), { type: 'order.placed' });
  assert.deepEqual(defaultsFor(contract.channels[1] as ContractChannel), { type: undefined });
});

test('members that every object inherits count only when they are there', async () => {
  const made = await checkerOf(orders.replace('required: [id, total]', 'required: [constructor, toString]'));
  assert.equal(made.checker.check(made.channel, json('order.placed', {}))?.length, 2);
  const data = Buffer.from('{"__proto__": {"id": 1}}');
  assert.equal(
    checker.check(channel, { type: 'order.placed', data, dataKind: 'json' })?.some(({ keyword }) => keyword === 'additionalProperties'),
    true,
  );
});

function single(schema: string, components = ''): string {
  return `asyncapi: 3.0.0\ninfo: {title: T, version: "1"}\nchannels: {c: {address: c, messages: {m: {payload: ${schema}}}}}\n${components}`;
}

test('messages in other schema languages are passed through and named', async () => {
  const avro = '{schemaFormat: "application/vnd.apache.avro;version=1.9.0", schema: {type: record, name: x, fields: []}}';
  const made = await checkerOf(single(avro));
  assert.deepEqual(made.checker.notChecked, [{ channel: 'c', message: 'm', format: 'application/vnd.apache.avro;version=1.9.0' }]);
  assert.equal(made.checker.check(made.channel, { type: 'm', data: Buffer.from([1, 2]), dataKind: 'binary' }), undefined);
});

for (const format of ['application/schema+json;version=draft-07', 'application/schema+yaml;version=2019-09']) {
  test(`${format} checks lists by place`, async () => {
    const made = await checkerOf(single(`{schemaFormat: "${format}", schema: {type: array, items: [{type: string}]}}`));
    assert.equal(made.checker.check(made.channel, json('m', ['a', 1])), undefined);
    assert.equal(made.checker.check(made.channel, json('m', [1]))?.[0]?.path, '/data/0');
  });
}
