import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computingTime } from '../testing/computing-time.ts';
import type { Contract } from './contract.ts';
import { findChannel, findChannels } from './find-channel.ts';
import { loadContract } from './load-contract.ts';

async function contractOf(addresses: Readonly<Record<string, string>>, parameters = ''): Promise<Contract> {
  const channels = Object.entries(addresses).map(([id, address]) => `  ${id}: {address: ${JSON.stringify(address)}${parameters}}`);
  return loadContract({
    name: 'a.yaml',
    text: `asyncapi: 3.0.0\ninfo: {title: T, version: "1"}\nchannels:\n${channels.join('\n')}\n`,
    files: {},
  });
}

const contract = await contractOf({
  created: '/orders/created',
  order: 'orders/{id}',
  item: 'orders/{id}/items/{item}',
  urgent: 'orders/urgent/items/{item}',
  dotted: 'light.{lamp}.on',
  versioned: 'v{version}/{name}.json',
  range: 'from-{a}-to-{b}',
  root: '/',
  other: '{anything}',
  trailing: 'trailing/',
});

const found: readonly (readonly [address: string, channel: string | undefined])[] = [
  ['orders/created', 'created'],
  ['/orders/created', 'created'],
  ['orders/42', 'order'],
  ['orders/', undefined],
  ['orders/42/items/7', 'item'],
  ['orders/urgent/items/7', 'urgent'],
  ['orders/42/items', undefined],
  ['orders//items/7', undefined],
  ['light.kitchen.on', 'dotted'],
  ['light.a.b.on', 'dotted'],
  ['light..on', 'other'],
  ['v1/a.json', 'versioned'],
  ['v/a.json', undefined],
  ['from-1-to-2', 'range'],
  ['from--to-2', 'other'],
  ['from-1-to-', 'other'],
  ['', 'root'],
  ['/', 'root'],
  ['hello', 'other'],
  ['*', undefined],
  ['orders/*', undefined],
  ['orders/a*b', undefined],
  ['trailing/', 'trailing'],
  ['__proto__', 'other'],
  ['orders/constructor', 'order'],
  ['a'.repeat(5000), undefined],
  ['/'.repeat(4000), undefined],
];

for (const [address, channel] of found) {
  test(`the address ${JSON.stringify(address.slice(0, 30))} is ${channel ?? 'nothing'}`, () => {
    assert.equal(findChannel(contract, address)?.id, channel);
  });
}

const matched: readonly (readonly [pattern: string, channels: readonly string[]])[] = [
  ['orders/*', ['created', 'order']],
  ['orders/*/items/*', ['item', 'urgent']],
  ['orders/urgent/items/*', ['item', 'urgent']],
  ['orders/42/items/*', ['item']],
  ['*/created', ['created', 'order']],
  ['*/a.json', ['order', 'versioned']],
  ['nothing/*', []],
  ['*/*/*/*/*', []],
  ['orders/42', ['order']],
];

for (const [pattern, channels] of matched) {
  test(`the pattern ${pattern} can match ${channels.join(', ') || 'nothing'}`, () => {
    assert.deepEqual(
      findChannels(contract, pattern).map((channel) => channel.id),
      channels,
    );
  });
}

test('a star alone stands for every channel', () => {
  assert.equal(findChannels(contract, '*').length, contract.channels.length);
});

test('values that a parameter does not allow are not its channel', async () => {
  const limited = await contractOf({ order: 'orders/{kind}' }, ', parameters: {kind: {enum: [small, large]}}');
  assert.equal(findChannel(limited, 'orders/small')?.id, 'order');
  assert.equal(findChannel(limited, 'orders/huge'), undefined);
  assert.deepEqual(findChannels(limited, 'orders/huge'), []);
  assert.equal(findChannels(limited, 'orders/*').length, 1);
});

test('the schema of a parameter in version 2 is obeyed', async () => {
  const text = `asyncapi: 2.6.0
info: {title: T, version: "1"}
channels:
  rooms/{number}/{kind}:
    parameters:
      number: {schema: {type: integer, minimum: 1, maximum: 99}}
      kind: {schema: {type: string, pattern: "^[a-z]+$", maxLength: 5}}
`;
  const rooms = await loadContract({ name: 'a.yaml', text, files: {} });
  const is = (address: string): boolean => findChannel(rooms, address) !== undefined;
  assert.ok(is('rooms/12/blue'));
  for (const address of ['rooms/0/blue', 'rooms/100/blue', 'rooms/x/blue', 'rooms/1e1/blue', 'rooms/12/Blue', 'rooms/12/bluest'])
    assert.ok(!is(address), address);
});

test('ten thousand lookups among a thousand channels take moments', async () => {
  const many = await contractOf(Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`c${index}`, `a/${index}/{x}/{y}`])));
  findChannel(many, 'a/1/b/c');
  const computed = computingTime();
  for (let index = 0; index < 10_000; index += 1) assert.equal(findChannel(many, `a/${index % 1000}/b/${index}`)?.id, `c${index % 1000}`);
  assert.ok(computed() < 500);
});

for (const address of ['-', '-/hooks', '/-/hooks']) {
  test(`the address ${address} cannot be a channel's: the gateway keeps it`, async () => {
    await assert.rejects(contractOf({ kept: address }), /must not begin with the segment `-`/);
  });
}
