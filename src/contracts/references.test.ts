import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computingTime } from '../testing/computing-time.ts';
import { lintContract } from './lint.ts';
import { loadContract } from './load-contract.ts';
import { ContractError } from './problem.ts';

/** A document whose payload is one reference, in line 9. */
function referring(reference: string): string {
  return `asyncapi: 3.0.0
info: {title: T, version: "1"}
channels:
  c:
    address: c
    messages:
      m:
        name: m
        payload: {$ref: ${JSON.stringify(reference)}}
operations:
  o: {action: receive, channel: {$ref: "#/channels/c"}}
components: {schemas: {Order: {type: object, required: [id]}}}
`;
}

const refused: readonly (readonly [reference: string, says: RegExp])[] = [
  ['#/components/schemas/Ordr', /names nothing: `\/components\/schemas` has `Order`/],
  ['#/channels/c/messages/m/payload', /leads back to itself/],
  ['#/__proto__', /names nothing/],
  ['#/constructor/prototype', /names nothing/],
  ['#/components/schemas/Order/length', /names nothing/],
  ['#components', /must be a JSON pointer/],
  ['#/%zz', /must be a JSON pointer/],
  ['', /reference is empty/],
  ['../secret.yaml#/a', /`\.\.\/secret\.yaml` was not named with the contract/],
  ['../../../../etc/passwd', /was not named with the contract/],
  ['a/../../etc/passwd', /was not named with the contract/],
  ['%2e%2e%2f%2e%2e%2fetc%2fpasswd', /was not named with the contract/],
  ['/etc/passwd', /only relative paths/],
  ['file:///etc/passwd', /only relative paths/],
  ['FILE:/etc/passwd', /only relative paths/],
  ['C:\\secret.yaml', /only relative paths/],
  ['\\\\host\\share\\a.yaml', /only relative paths/],
  ['..\\secret.yaml', /only relative paths/],
  ['~/secret.yaml', /only relative paths/],
  ['data:application/json,{}', /only relative paths/],
  ['javascript:alert(1)', /only relative paths/],
  ['%zz', /only relative paths/],
  ['http://169.254.169.254/latest/meta-data', /is a URL, and URLs are not followed/],
  ['https://example.com/order.json#/a', /is a URL/],
  ['HTTPS://EXAMPLE.COM/order.json', /is a URL/],
  ['ftp://example.com/a', /is a URL/],
  ['//example.com/a', /is a URL/],
  ['__proto__', /was not named with the contract/],
  ['constructor', /was not named with the contract/],
];

for (const [reference, says] of refused) {
  test(`a reference to ${JSON.stringify(reference)} is refused`, async () => {
    const problems = await lintContract({ name: 'orders.yaml', text: referring(reference), files: {} });
    assert.equal(problems.length, 1, JSON.stringify(problems));
    assert.match(problems[0]?.sentence ?? '', says);
    assert.equal(problems[0]?.line, 9);
  });
}

const schemas = 'Order: {type: object, properties: {next: {$ref: "./more/items.yaml#/Item"}, self: {$ref: "#/Order"}}}\n';
const items =
  'Item: {type: object, properties: {order: {$ref: "../schemas.yaml#/Order"}, back: {$ref: "../orders.yaml#/components/schemas/Order"}}}\n';

test('files named with the contract may refer to each other and back, cycles included', async () => {
  const files = { 'schemas.yaml': schemas, './more/items.yaml': items };
  const contract = await loadContract({ name: 'orders.yaml', text: referring('./schemas.yaml#/Order'), files });
  const payload = contract.channels[0]?.messages[0]?.payload;
  assert.deepEqual(
    Object.values(payload?.origins ?? {}).map((origin) => `${origin.file}${origin.path}`),
    ['orders.yaml/channels/c/messages/m/payload', 'schemas.yaml/Order', 'more/items.yaml/Item', 'orders.yaml/components/schemas/Order'],
  );
});

test('a file above the document may be used when it was named so', async () => {
  const contract = await loadContract({
    name: 'a/orders.yaml',
    text: referring('../common/../common/s.yaml#/S'),
    files: { '../common/s.yaml': 'S: {type: string}' },
  });
  assert.equal(contract.channels[0]?.messages[0]?.payload?.origins.s1?.file, '../common/s.yaml');
});

test('a problem in another file names that file and its line', async () => {
  const files = { 'schemas.yaml': '# ours\nOrder:\n  type: object\n  properties:\n    a: {$ref: "#/Nothing"}\n' };
  const problems = await lintContract({ name: 'orders.yaml', text: referring('schemas.yaml#/Order'), files });
  assert.deepEqual(
    problems.map(({ file, line, path }) => [file, line, path]),
    [['schemas.yaml', 5, '/Order/properties/a/$ref']],
  );
});

test('a file that is not well-formed is told with its own name', async () => {
  const problems = await lintContract({ name: 'orders.yaml', text: referring('schemas.yaml#/Order'), files: { 'schemas.yaml': 'a: [' } });
  assert.equal(problems[0]?.file, 'schemas.yaml');
});

test('a message in another file is checked like one in the document', async () => {
  const text = referring('#/components/schemas/Order').replace(/m:\n.*\n.*\n/, 'm: {$ref: "messages.yaml#/placed"}\n');
  const problems = await lintContract({ name: 'orders.yaml', text, files: { 'messages.yaml': 'placed:\n  name: placed\n  paylod: {}\n' } });
  assert.deepEqual(
    problems.map(({ file, line }) => [file, line]),
    [['messages.yaml', 3]],
  );
  assert.match(problems[0]?.sentence ?? '', /did you mean `payload`\?/);
});

test('a message that refers to a schema is told so', async () => {
  const text = referring('#/components/schemas/Order').replace(/m:\n.*\n.*\n/, 'm: {$ref: "#/components/schemas/Order"}\n');
  const problems = await lintContract({ name: 'orders.yaml', text, files: {} });
  assert.match(problems[0]?.sentence ?? '', /`components\.schemas\.Order` must not have the member/);
});

test('a URL is asked for once and only what the operator gives is used', async () => {
  const asked: string[] = [];
  const allowUrl = async (url: string): Promise<string | undefined> => {
    asked.push(url);
    return url === 'https://example.com/a/order.yaml' ? 'Order: {properties: {x: {$ref: "item.yaml#/Item"}}}' : undefined;
  };
  const loading = loadContract(
    { name: 'orders.yaml', text: referring('https://example.com/a/order.yaml#/Order'), files: {} },
    { allowUrl },
  );
  await assert.rejects(loading, (error) => error instanceof ContractError && /item\.yaml/.test(error.message));
  assert.deepEqual(asked, ['https://example.com/a/order.yaml']);
});

test('a chain of fifty references is refused, one of ten is not', async () => {
  const chained = (length: number): string => {
    const links = Array.from({ length }, (_, index) => `    m${index}: {$ref: "#/components/messages/m${index + 1}"}\n`);
    const text =
      'asyncapi: 3.0.0\ninfo: {title: T, version: "1"}\nchannels: {c: {address: c, messages: {m: {$ref: "#/components/messages/m0"}}}}\n';
    return `${text}components:\n  messages:\n${links.join('')}    m${length}: {name: m}\n`;
  };
  const errors = async (length: number): Promise<number> => {
    const problems = await lintContract({ name: 'orders.yaml', text: chained(length), files: {} });
    return problems.filter((problem) => problem.severity === 'error').length;
  };
  assert.equal(await errors(10), 0);
  assert.equal(await errors(50), 1);
});

test('three thousand schemas in one chain are refused in time', async () => {
  const links = Array.from({ length: 3000 }, (_, index) => `    s${index}: {$ref: "#/components/schemas/s${index + 1}"}\n`);
  const text = `${referring('#/components/schemas/s0').replace(/components:.*\n/, '')}components:\n  schemas:\n${links.join('')}    s3000: {}\n`;
  const computed = computingTime();
  const problems = await lintContract({ name: 'orders.yaml', text, files: {} });
  assert.ok(problems.some((problem) => problem.code === 'limit'));
  assert.ok(computed() < 4000);
});
