import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ConfigError } from './config-error.ts';
import { configShape } from './config-shape.ts';
import type { ConfigBundle } from './parse-config.ts';
import { parseConfig } from './parse-config.ts';
import { readConfigFile } from './read-config-file.ts';
import { decode } from './shape.ts';

const files: Readonly<Record<string, string>> = {
  '/base/orders.yaml': 'asyncapi: 3.0.0',
  '/base/secret.key': 'key-from-a-file-0123456789\n',
};
const env = { GOOD_KEY: 'key-from-the-environment', SHORT_KEY: 'tooshort', EMPTY: '', ODD: 'has spaces in it, unusable' };

async function read(text: string): Promise<ConfigBundle> {
  return await parseConfig(text, {
    name: 'sluice.yaml',
    env,
    baseFolder: '/base',
    readFile: async (path) => files[path] ?? Promise.reject(new Error(`there is no file ${path}`)),
  });
}

async function mistakes(text: string): Promise<ConfigError> {
  try {
    await read(text);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  return assert.fail('this configuration should be refused');
}

const design = `
backbones:
  main: { kind: embedded }
apis:
  orders:
    contract: ./orders.yaml
    path: /orders
    backbone: main
    entrypoints: [publish, sse, websocket, poll]
    lifecycle: published
    plans:
      free:
        security: [api-key]
        approval: auto
        limits:
          eventCount: { limit: 10000, per: day }
          connectionCount: { limit: 5 }
          duration: { limit: 1h, per: connection }
          backpressure: { maxBuffered: 1MiB, overflow: pause }
applications:
  dashboard:
    credentials: [{ kind: api-key, value: "\${env:GOOD_KEY}" }]
    subscriptions: [{ api: orders, plan: free, allow: { publish: ["*"], read: ["*"] } }]
  order-service:
    credentials: [{ kind: api-key, value: "\${file:./secret.key}" }]
    subscriptions: [{ api: orders, as: provider }]
`;

describe('A configuration', () => {
  it('is read with its secrets and contracts, into what the management API takes', async () => {
    const { config } = await read(design);
    const { value, problems } = decode(configShape, JSON.parse(JSON.stringify(config)), 'body');
    assert.deepEqual(problems, []);
    const orders = value.apis.get('orders')!;
    assert.deepEqual(orders.contract, { name: './orders.yaml', text: 'asyncapi: 3.0.0', files: {} });
    assert.equal(orders.dedup.window, 600_000);
    assert.equal(orders.maxEventBytes, 1_048_576);
    const limits = orders.plans.get('free')!.limits;
    assert.deepEqual(limits.duration, [{ limit: 3_600_000, per: 'connection' }]);
    assert.equal(limits.backpressure?.maxBuffered, 1_048_576);
    assert.equal(value.applications.get('dashboard')!.credentials[0]!.value, env.GOOD_KEY);
    assert.equal(value.applications.get('order-service')!.credentials[0]!.value, 'key-from-a-file-0123456789');
    assert.equal(value.applications.get('order-service')!.subscriptions[0]!.as, 'provider');
  });

  it('may be empty, or JSON', async () => {
    assert.deepEqual((await read('')).config, {});
    assert.deepEqual((await read('{"apis": {"orders": {"contract": "orders.yaml"}}}')).config['apis'], {
      orders: { contract: { name: 'orders.yaml', text: 'asyncapi: 3.0.0', files: {} } },
    });
  });

  it('knows where each part stands, also the nearest part of what is not there', async () => {
    const bundle = await read(design);
    assert.deepEqual(bundle.locate('/apis/orders/path'), { line: 7, column: 5 });
    assert.deepEqual(bundle.locate('/applications/dashboard/subscriptions/0/plan'), { line: 23, column: 36 });
    assert.deepEqual(bundle.locate('/apis/orders/nothing/here'), { line: 5, column: 3 });
  });

  it('names all its mistakes at once, each in its place', async () => {
    const error = await mistakes(`
apis:
  orders:
    contract: ./missing.yaml
    entrypoint: [sse]
    lifecycle: publshed
    dedup: { window: 10 }
applications:
  dashboard:
    credentials: [{ kind: api-key, value: "\${env:NOT_SET}" }]
`);
    assert.deepEqual(
      error.problems.map(({ line, column, path }) => [line, column, path]),
      [
        [4, 5, '/apis/orders/contract'],
        [5, 5, '/apis/orders/entrypoint'],
        [6, 5, '/apis/orders/lifecycle'],
        [7, 14, '/apis/orders/dedup/window'],
        [10, 36, '/applications/dashboard/credentials/0/value'],
      ],
    );
    assert.match(error.message, /^sluice\.yaml:4:5: apis\.orders\.contract: there is no file \/base\/missing\.yaml$/m);
    assert.match(error.message, /unknown key `entrypoint`; did you mean `entrypoints`\?/);
    assert.match(error.message, /did you mean `published`\?/);
  });

  it('never quotes a secret', async () => {
    for (const name of ['SHORT_KEY', 'ODD'] as const) {
      const { message } = await mistakes(`applications: { a: { credentials: [{ kind: api-key, value: "\${env:${name}}" }] } }`);
      assert.ok(!message.includes(env[name]), message);
    }
    const { message } = await mistakes(`apis: { a: { contract: orders.yaml, path: "\${env:ODD}" } }`);
    assert.match(message, /the value given is not a path/);
  });

  it('takes $${ for a plain ${, and leaves contracts written inside it alone', async () => {
    const { config } = await read('apis: { a: { description: "$${env:X} costs $5", contract: { name: a, text: "x: ${env:NOT_SET}" } } }');
    const api = (config['apis'] as any).a;
    assert.equal(api.description, '${env:X} costs $5');
    assert.equal(api.contract.text, 'x: ${env:NOT_SET}');
  });

  const refused: readonly (readonly [what: string, text: string, line: number, sentence: RegExp])[] = [
    ['broken YAML', 'apis: [', 1, /flow|end|expected/i],
    ['a tab as indentation', 'apis:\n\torders: {}', 2, /tab/i],
    ['a key that stands twice', 'apis: {}\napis: {}', 2, /unique/i],
    ['a key that is a list', '? [a]\n: 1', 1, /string/i],
    ['two documents', 'apis: {}\n---\napis: {}', 2, /more than one document/],
    ['a tag of a language', 'apis: !!js/function "x"', 1, /tag/i],
    ['an alias that is not there', 'apis: *nowhere', 1, /alias/i],
    [
      'a document that doubles itself',
      `a: &a [1,2]\n${Array.from({ length: 40 }, (_, i) => `b${i}: &b${i} [*${i === 0 ? 'a' : `b${i - 1}`}, *${i === 0 ? 'a' : `b${i - 1}`}]`).join('\n')}`,
      1,
      /alias/i,
    ],
    ['nesting without end', '['.repeat(200_000), 1, /nested|stack|flow/i],
    ['a list', '- apis', 1, /must be an object, not a list/],
    ['a text', 'just text', 1, /must be an object, not "just text"/],
    ['a prototype as key', 'apis: { __proto__: { contract: orders.yaml } }', 1, /not a name/],
    ['an unknown top-level key', 'api: {}', 1, /unknown key `api`; did you mean `apis`/],
    ['a merge key', 'x-base: &b { path: /a }\napis: { a: { <<: *b, contract: orders.yaml } }', 1, /unknown key `x-base`/],
    ['APIs as a list', 'apis: [orders]', 1, /must be an object of named entries, not a list/],
    ['an API that is nothing', 'apis:\n  orders:', 2, /`contract` is missing/],
    ['an API that is a text', 'apis:\n  orders: ./orders.yaml', 2, /must be an object/],
    ['a name with a slash', 'apis: { "../etc": { contract: orders.yaml } }', 1, /not a name/],
    ['a name that is too long', `apis: { ${'a'.repeat(64)}: { contract: orders.yaml } }`, 1, /at most 63/],
    ['a path without a slash', 'apis: { a: { contract: orders.yaml, path: orders } }', 1, /not a path/],
    ['a path upwards', 'apis: { a: { contract: orders.yaml, path: /a/../b } }', 1, /not a path/],
    ['a path with an escape', 'apis: { a: { contract: orders.yaml, path: /a%2fb } }', 1, /not a path/],
    ['a contract elsewhere that is not there', 'apis: { a: { contract: ../../etc/nothing } }', 1, /there is no file/],
    ['a contract that is a number', 'apis: { a: { contract: 5 } }', 1, /must be text, not 5/],
    ['an entrypoint twice', 'apis: { a: { contract: orders.yaml, entrypoints: [sse, sse] } }', 1, /twice/],
    ['entrypoints as text', 'apis: { a: { contract: orders.yaml, entrypoints: sse } }', 1, /must be a list/],
    ['an origin without a scheme', 'apis: { a: { contract: orders.yaml, cors: { origins: [example.com] } } }', 1, /not an origin/],
    ['retention without a unit', 'apis: { a: { contract: orders.yaml, retention: { age: 7 } } }', 1, /7 is not a duration/],
    ['a size that is negative', 'apis: { a: { contract: orders.yaml, maxEventBytes: -1 } }', 1, /not a size/],
    ['an unknown security', 'apis: { a: { contract: orders.yaml, plans: { p: { security: [api_key] } } } }', 1, /did you mean `api-key`/],
    ['no security', 'apis: { a: { contract: orders.yaml, plans: { p: { security: [] } } } }', 1, /at least 1/],
    ['an unknown preset', 'apis: { a: { contract: orders.yaml, plans: { p: { preset: god } } } }', 1, /did you mean `gold`/],
    ['a backbone without a kind', 'backbones: { main: { url: x } }', 1, /`kind` is missing/],
    ['an option that the embedded backbone does not have', 'backbones: { main: { kind: embedded, url: x } }', 1, /unknown key `url`/],
    ['a client without a plan', 'applications: { a: { subscriptions: [{ api: orders }] } }', 1, /needs a `plan`/],
    [
      'a pattern with half a segment',
      'applications: { a: { subscriptions: [{ api: o, as: provider, allow: { read: ["a*"] } }] } }',
      1,
      /not an address pattern/,
    ],
    [
      'a pattern that begins with a slash',
      'applications: { a: { subscriptions: [{ api: o, as: provider, allow: { read: ["/a"] } }] } }',
      1,
      /not an address pattern/,
    ],
    ['a credential without a value', 'applications: { a: { credentials: [{ kind: api-key }] } }', 1, /either `value` or `hash`/],
    ['a credential of another kind', 'applications: { a: { credentials: [{ kind: jwt }] } }', 1, /must be api-key/],
    ['a hash that is none', 'applications: { a: { credentials: [{ kind: api-key, hash: "sha256:abc" }] } }', 1, /not a hash/],
    ['an empty variable', 'applications: { a: { owner: "${env:EMPTY}" } }', 1, /EMPTY is empty/],
    ['a variable of every object', 'applications: { a: { owner: "${env:toString}" } }', 1, /toString is not set/],
    ['an unknown reference', 'applications: { a: { owner: "${vault:x}" } }', 1, /neither `\$\{env:NAME\}` nor/],
    ['an open reference', 'applications: { a: { owner: "${env:X" } }', 1, /neither/],
    ['a secret file that is not there', 'applications: { a: { owner: "${file:nothing}" } }', 1, /there is no file \/base\/nothing/],
    ['a control character', 'applications: { a: { owner: "a\\u0000b" } }', 1, /control characters/],
    ['half a surrogate', 'applications: { a: { owner: "\\ud800" } }', 1, /broken Unicode/],
    ['more than it may hold', 'x'.repeat(5 * 1024 * 1024), 1, /larger than 4 MiB/],
  ];
  for (const [what, text, line, sentence] of refused) {
    it(`is refused with ${what}`, async () => {
      const { problems, message } = await mistakes(text);
      assert.match(message, sentence);
      assert.ok(
        problems.some((problem) => problem.line === line && problem.column >= 1),
        message.slice(0, 500),
      );
      assert.ok(problems.length <= 100);
    });
  }

  it('answers a file full of mistakes with a bounded list', async () => {
    const { problems } = await mistakes(
      `apis: { a: { contract: orders.yaml, ${Array.from({ length: 5000 }, (_, i) => `k${i}: 1`).join(', ')} } }`,
    );
    assert.equal(problems.length, 100);
  });
});

describe('A configuration file', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    await mkdir(join(folder, 'config/schemas/deep'), { recursive: true });
    await writeFile(join(folder, 'outside.yaml'), 'secret: yes');
    await writeFile(
      join(folder, 'config/orders.yaml'),
      '{ a: { $ref: "schemas/order.json#/x" }, b: { $ref: "../outside.yaml" }, c: { $ref: "/etc/passwd" }, d: { $ref: "http://127.0.0.1/x" }, e: { $ref: "schemas/link.yaml" }, f: { $ref: "schemas/none.yaml" }, g: { $ref: "#/a" } }',
    );
    await writeFile(
      join(folder, 'config/schemas/order.json'),
      '{"x": {"$ref": "./deep/line.yaml#/y"}, "again": {"$ref": "../orders.yaml#/a"}}',
    );
    await writeFile(join(folder, 'config/schemas/deep/line.yaml'), 'y: { $ref: "../order.json#/x" }');
    await symlink('../../outside.yaml', join(folder, 'config/schemas/link.yaml'));
    await writeFile(join(folder, 'config/sluice.yaml'), 'apis: { orders: { contract: orders.yaml } }');
    await writeFile(join(folder, 'config/binary.yaml'), Buffer.from([0xff, 0xfe, 0x00]));
  });
  after(() => rm(folder, { recursive: true }));

  it('brings the files its contract refers to, and none from outside its folder', async () => {
    const { config } = await readConfigFile(join(folder, 'config/sluice.yaml'), {});
    const { contract } = (config['apis'] as any).orders;
    assert.deepEqual(Object.keys(contract.files).toSorted(), ['schemas/deep/line.yaml', 'schemas/order.json']);
    assert.match(contract.files['schemas/deep/line.yaml'], /order\.json/);
  });

  for (const [what, name, sentence] of [
    ['that is not there', 'none.yaml', /there is no file/],
    ['that is a folder', 'schemas', /folder|not a file/],
    ['that is not text', 'binary.yaml', /not UTF-8/],
  ] as const) {
    it(`${what} is a mistake like any other`, async () => {
      await assert.rejects(
        readConfigFile(join(folder, 'config', name), {}),
        (error) => error instanceof ConfigError && sentence.test(error.message),
      );
    });
  }
});
