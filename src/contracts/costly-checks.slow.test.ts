import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computingTime } from '../testing/computing-time.ts';
import type { ContractChannel } from './contract.ts';
import { compileChecker } from './event-checker.ts';
import type { CheckedEvent, EventChecker } from './event-checker.ts';
import { loadContract } from './load-contract.ts';
import { ContractError } from './problem.ts';

async function checkerOf(text: string): Promise<{ checker: EventChecker; channel: ContractChannel }> {
  const contract = await loadContract({ name: 'costly.yaml', text, files: {} });
  return { checker: await compileChecker(contract), channel: contract.channels[0] as ContractChannel };
}

function json(type: string, value: unknown): CheckedEvent {
  return { type, data: Buffer.from(JSON.stringify(value)), dataKind: 'json' };
}

function single(schema: string, components = ''): string {
  return `asyncapi: 3.0.0\ninfo: {title: T, version: "1"}\nchannels: {c: {address: c, messages: {m: {payload: ${schema}}}}}\n${components}`;
}

async function timed(text: string, value: unknown): Promise<{ keyword: string | undefined; took: number; count: number }> {
  const made = await checkerOf(text);
  const event = json('m', value);
  const computed = computingTime();
  const violations = made.checker.check(made.channel, event);
  return { keyword: violations?.[0]?.keyword, took: computed(), count: violations?.length ?? 0 };
}

const doubling = `components:\n  schemas:\n${Array.from({ length: 40 }, (_, i) => `    s${i}: {anyOf: [{$ref: "#/components/schemas/s${i + 1}"}, {$ref: "#/components/schemas/s${i + 1}"}]}`).join('\n')}\n    s40: {type: string}\n`;
const branching =
  'components: {schemas: {T: {anyOf: [{properties: {a: {$ref: "#/components/schemas/T"}}, required: [x]}, {properties: {a: {$ref: "#/components/schemas/T"}}, required: [y]}, {type: string}]}}}\n';

function nested(depth: number): unknown {
  let value: unknown = 'x';
  for (let level = 0; level < depth; level += 1) value = { a: value };
  return value;
}

const costly: readonly (readonly [name: string, text: string, value: unknown, keyword: string | undefined])[] = [
  ['a schema that doubles forty times', single('{$ref: "#/components/schemas/s0"}', doubling), 1, 'too-expensive'],
  [
    'a schema that branches at each level of a deep event',
    single('{$ref: "#/components/schemas/T"}', branching),
    nested(60),
    'too-expensive',
  ],
  ['a pattern that backtracking engines run away with', single('{type: string, pattern: "^(a+)+$"}'), `${'a'.repeat(50_000)}!`, 'pattern'],
  [
    'a pattern of many states on a long text',
    single('{type: string, pattern: "^(a{0,900}b?)(a{0,900}b?)(a{0,900}b?)$"}'),
    `${'a'.repeat(200_000)}c`,
    'too-expensive',
  ],
  [
    '50,000 distinct items that must be unique',
    single('{type: array, uniqueItems: true}'),
    Array.from({ length: 50_000 }, (_, index) => [index]),
    undefined,
  ],
  [
    '50,000 items of an enum of 5,000',
    single(`{type: array, items: {enum: [${Array.from({ length: 5000 }, (_, index) => `v${index}`).join(', ')}]}}`),
    Array(50_000).fill('v4999'),
    undefined,
  ],
  ['50,000 items that are all wrong', single('{type: array, items: {type: string}}'), Array(50_000).fill(1), 'type'],
  ['a long text for an e-mail address', single('{type: string, format: email}'), `a@${'a'.repeat(500_000)}`, 'format'],
  ['a long text for a URI', single('{type: string, format: uri}'), `http://${'a'.repeat(500_000)}\u0000`, 'format'],
];

for (const [name, text, value, keyword] of costly) {
  test(`${name} costs less than two seconds`, async () => {
    const result = await timed(text, value);
    assert.equal(result.keyword, keyword);
    assert.ok(result.count <= 20);
    assert.ok(result.took < 2000, `it took ${Math.round(result.took)} ms`);
  });
}

test('an event nested 200,000 deep is refused', async () => {
  const made = await checkerOf(
    single('{$ref: "#/components/schemas/T"}', 'components: {schemas: {T: {properties: {a: {$ref: "#/components/schemas/T"}}}}}\n'),
  );
  const data = Buffer.from(`${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`);
  assert.equal(made.checker.check(made.channel, { type: 'm', data, dataKind: 'json' })?.[0]?.keyword, 'too-expensive');
});

test('after a check that was given up the next one is as good as before', async () => {
  const made = await checkerOf(single('{$ref: "#/components/schemas/s0"}', doubling));
  assert.equal(made.checker.check(made.channel, json('m', 1))?.[0]?.keyword, 'too-expensive');
  assert.equal(made.checker.check(made.channel, json('m', 'text')), undefined);
});

test('schemas that take too long to compile are a problem of the contract, and the process goes on meanwhile', async () => {
  const branches = Array.from(
    { length: 4000 },
    (_, index) => `{type: object, properties: {a${index}: {type: string, minLength: ${index}}}}`,
  );
  const slow = await loadContract({ name: 'slow.yaml', text: single(`{anyOf: [${branches.join(', ')}]}`), files: {} });
  let turns = 0;
  const turning = setInterval(() => (turns += 1), 5);
  const compiling = compileChecker(slow, { time: 400, memory: 128 });
  await assert.rejects(
    compiling,
    (error) => error instanceof ContractError && /took more than 400 ms/.test(error.message) && error.problems[0]?.line === 3,
  );
  clearInterval(turning);
  assert.ok(turns > 5);
});

test('schemas that take too much memory to compile are a problem of the contract', async () => {
  const branches = Array.from(
    { length: 4000 },
    (_, index) => `{type: object, properties: {a${index}: {type: string, minLength: ${index}}}}`,
  );
  const large = await loadContract({ name: 'large.yaml', text: single(`{anyOf: [${branches.join(', ')}]}`), files: {} });
  await assert.rejects(
    compileChecker(large, { time: 20_000, memory: 16 }),
    (error) => error instanceof ContractError && /more than 16 MiB/.test(error.message),
  );
});
