import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { runCli, serve, type Outcome } from '../test-world.ts';

const contract = `asyncapi: 3.0.0
info: {title: Orders, version: "1"}
defaultContentType: application/json
channels:
  created:
    address: '{region}/{id}/created'
    parameters: {region: {enum: [eu, us]}, id: {}}
    messages:
      created:
        name: com.example.order.created
        payload:
          type: object
          required: [id, total]
          properties: {id: {type: string, pattern: "^[a-z]{8}$"}, total: {type: number}, items: {type: array, items: {type: object}}}
        examples: [{payload: {id: abcdefgh, total: 1, items: [{sku: A}]}}, {payload: {id: zzzzzzzz, total: 2}}]
  changed:
    address: changes
    messages: {changed: {name: com.example.order.changed, payload: {type: object, required: [at], properties: {at: {type: string, format: date-time}}}}}
  copied:
    address: copies
    messages: {changed: {name: com.example.order.changed, payload: {type: object}}}
  notes: {address: notes, messages: {note: {contentType: text/plain, payload: {type: string}}}}
  odd: {address: odd, messages: {odd: {name: "com.example.odd\\x9b2J", examples: [{payload: "\\x9b31m"}]}}}
  packed: {address: packed, messages: {packed: {payload: {schemaFormat: "application/vnd.apache.avro;version=1.9.0", schema: {type: int}}}}}
operations: {take: {action: receive, channel: {$ref: "#/channels/created"}}}
`;
const created = 'com.example.order.created';

describe('trigger', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-trigger-'));
    await writeFile(join(folder, 'orders.yaml'), contract);
    await writeFile(join(folder, 'sluice.yaml'), 'apis: {orders: {contract: ./orders.yaml, path: /shop/orders}}\n');
    await writeFile(join(folder, 'data.json'), '{"id":"qqqqqqqq","total":12345678901234567890}');
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  const call = async (argv: readonly string[]): Promise<Outcome> =>
    runCli(['trigger', ...argv, '--config', 'sluice.yaml'], { cwd: folder });

  async function dry(argv: readonly string[]): Promise<Record<string, unknown>[]> {
    const { exit, stdout, stderr } = await call([...argv, '--dry-run', '--json']);
    assert.equal(exit, 0, stderr);
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  const dataOf = (row: Record<string, unknown> | undefined): unknown => (row?.['event'] as { readonly data?: unknown } | undefined)?.data;

  test('takes the examples in turn, and fills the address from the data and the contract', async () => {
    const rows = await dry([created, '--count', '3']);
    assert.deepEqual(
      rows.map(({ address }) => address),
      ['eu/abcdefgh/created', 'eu/zzzzzzzz/created', 'eu/abcdefgh/created'],
    );
    assert.deepEqual(dataOf(rows[1]), { id: 'zzzzzzzz', total: 2 });
    const ids = new Set(rows.map(({ id }) => id));
    assert.equal(ids.size, 3);
    assert.equal((await dry([created, '--param', 'region=us', '--param', 'id=x y']))[0]?.['address'], 'us/x y/created');
    assert.equal((await dry([created, '--address', 'us/7/created']))[0]?.['address'], 'us/7/created');
  });

  test('makes data from the schema, the same for the same seed', async () => {
    const [first] = await dry(['com.example.order.changed', '--address', 'changes', '--seed', '5']);
    const [again] = await dry(['com.example.order.changed', '--address', 'changes', '--seed', '5']);
    assert.equal(first?.['from'], 'schema');
    assert.deepEqual(dataOf(first), dataOf(again));
    assert.match((dataOf(first) as { at: string }).at, /^\d{4}-/);
  });

  test('takes data and members from the command line, and refuses what breaks the contract', async () => {
    const [set] = await dry([created, '--set', 'total=9.5', '--set', 'items.0.sku=B', '--set', 'customer.name=Ada']);
    assert.deepEqual(dataOf(set), { id: 'abcdefgh', total: 9.5, items: [{ sku: 'B' }], customer: { name: 'Ada' } });
    const { stdout } = await call([created, '--data', '@data.json', '--dry-run', '--json']);
    assert.match(stdout, /"total":12345678901234567890/, 'numbers stay as they are written');
    const broken = await call([created, '--set', 'total=much', '--dry-run']);
    assert.equal(broken.exit, 7);
    assert.match(broken.stderr, /total.*number/);
    assert.equal((await call([created, '--set', 'items.7.sku=B', '--dry-run'])).exit, 2);
    assert.equal((await call([created, '--data', '{', '--dry-run'])).exit, 7);
    assert.equal((await call([created, '--data', '@nothing.json', '--dry-run'])).exit, 5);
    assert.equal(dataOf((await dry(['note', '--data', 'hello']))[0]), 'hello');
  });

  test('says what there is when it cannot tell what is meant', async () => {
    const list = await call([]);
    assert.match(list.stdout, /^com\.example\.order\.created +orders +\{region\}\/\{id\}\/created$/m);
    const unknown = await call(['com.example.order.craeted']);
    assert.deepEqual([unknown.exit, /Did you mean com\.example\.order\.created\?/.test(unknown.stderr)], [5, true]);
    const several = await call(['com.example.order.changed']);
    assert.equal(several.exit, 2);
    assert.match(several.stderr, /orders changes, orders copies.*--address/);
    assert.equal((await call([created, '--address', 'nowhere'])).exit, 5);
    assert.equal((await call([created, '--param', 'colour=red'])).exit, 2);
    assert.equal((await call([created, '--param', 'region=mars'])).exit, 7);
    assert.equal((await call([created, '--api', 'users'])).exit, 5);
    const avro = await call(['packed']);
    assert.equal(avro.exit, 7);
    assert.match(avro.stderr, /avro.*JSON Schema only.*--data/);
  });

  test('publishes under the path of the API with the key, and prints the positions', async () => {
    const requests: { readonly url: string; readonly key: string; readonly body: string }[] = [];
    const { url, close } = await serve(
      createServer((request, response) => {
        void buffer(request).then((body) => {
          requests.push({ url: request.url ?? '', key: request.headers.authorization ?? '', body: body.toString('utf8') });
          response.writeHead(202).end(JSON.stringify({ accepted: 1, positions: [`p-${requests.length}`] }));
        });
      }),
    );
    const outcome = await call([created, '--gateway', url, '--key', 'k', '--count', '2', '--subject', 's']);
    await close();
    assert.deepEqual([outcome.exit, outcome.stdout], [0, 'p-1\np-2\n'], outcome.stderr);
    assert.deepEqual(
      requests.map((request) => [request.url, request.key]),
      [
        ['/shop/orders/eu/abcdefgh/created', 'Bearer k'],
        ['/shop/orders/eu/zzzzzzzz/created', 'Bearer k'],
      ],
    );
    const event = JSON.parse(requests[0]?.body ?? '') as Record<string, unknown>;
    assert.deepEqual([event['type'], event['subject'], event['datacontenttype']], [created, 's', 'application/json']);
  });

  test('prints what a contract and a server say so that it cannot steer the terminal', async () => {
    const { url, close } = await serve(
      createServer((request, response) => {
        request.resume().once('end', () => response.writeHead(202).end(JSON.stringify({ accepted: 1, positions: ['p-1\u001b[2J'] })));
      }),
    );
    const odd = ['com.example.odd\u009b2J', '--gateway', url];
    const outcomes = [await call(odd), await call([...odd, '--dry-run']), await call([])];
    await close();
    assert.match(outcomes[0]!.stdout, /^p-1 /);
    assert.match(outcomes[0]!.stderr, /com\.example\.odd 2J published to/);
    assert.match(outcomes[1]!.stdout, /"data": " 31m"/);
    for (const { exit, stdout, stderr } of outcomes) {
      assert.equal(exit, 0, stderr);
      assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }
  });
});
