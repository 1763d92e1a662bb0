import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CommandWalk, end, firstLine, type Running } from '../testing/command-walk.ts';
import { walkDeliveries } from '../testing/delivery-walk.ts';
import { steadyPort } from '../testing/steady-port.ts';
import { commandLoaders } from './commands.ts';

const opened = ['--open-outgoing', '127.0.0.0/8'];

/** Every command as a process of its own against one Sluice, in the order a person would use them. */
describe('the command line', { timeout: 600_000 }, () => {
  let folder: string;
  let drafts: string;
  let server: Running;
  let greeter: string;
  let listener: string;
  const walk = new CommandWalk();
  const start: CommandWalk['start'] = (...call) => walk.start(...call);
  const call: CommandWalk['call'] = (...given) => walk.call(...given);
  const objects: CommandWalk['objects'] = (...given) => walk.objects(...given);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    walk.folder = folder;
    drafts = join(folder, 'drafts');
  });
  after(async () => {
    if (server?.child.exitCode === null) server.child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  test('starts a project, and lints what it wrote', async () => {
    const [made] = await objects(['init']);
    assert.equal((made?.['files'] as string[] | undefined)?.length, 4);
    assert.equal((await call(['init'])).exit, 6);
    [greeter, listener] = (await Promise.all(
      ['greeter', 'listener'].map(async (name) => (await readFile(join(folder, '.keys', name), 'utf8')).trim()),
    )) as [string, string];
    assert.deepEqual(await call(['lint', 'greetings.asyncapi.yaml']), {
      exit: 0,
      stdout: '',
      stderr: 'greetings.asyncapi.yaml: nothing to complain about\n',
    });
    await writeFile(join(folder, 'broken.yaml'), 'asyncapi: 3.0.0\ninfo:\n  title: x\n');
    const broken = await call(['lint', 'broken.yaml']);
    assert.equal(broken.exit, 7);
    assert.match(broken.stdout, /^broken\.yaml:\d+:\d+: error: .*version/m);
    // Changes are drafted in a folder of their own: the server watches the one of its configuration.
    await mkdir(drafts);
    for (const name of ['greetings.asyncapi.yaml', 'broken.yaml', '.keys'])
      await cp(join(folder, name), join(drafts, name), { recursive: true });
  });

  test('has nothing to talk to yet, and says so', async () => {
    assert.equal((await call(['status'])).exit, 4);
    assert.equal((await call(['status', '--token', 'x'])).exit, 8);
    assert.equal((await call(['publish', 'greetings/world', '--data', '{}'])).exit, 8);
    const doctor = await call(['doctor']);
    assert.equal(doctor.exit, 0, doctor.stdout);
    assert.match(doctor.stdout, /^ok {4}configuration: sluice\.yaml reads well$/m);
    assert.match(doctor.stdout, /^warn {2}control: Nothing listens/m);
  });

  test('serves', async () => {
    // It comes back where it was.
    const ports = ['--port', `${await steadyPort()}`, '--control-port', `${await steadyPort()}`];
    server = start(['up', ...ports, ...opened, '--json']);
    const ready = await firstLine(server);
    assert.equal(ready['event'], 'ready');
    walk.urls = { gateway: String(ready['gateway']), control: String(ready['control']) };
    const [view] = await objects(['status']);
    assert.equal((view?.['gateway'] as Record<string, unknown> | undefined)?.['url'], walk.urls.gateway);
    assert.match((await call(['status'])).stdout, /^api greetings at \/greetings: published, 0 connections$/m);
  });

  test('publishes: data, CloudEvents, lines', async () => {
    const [first] = await objects(['publish', 'greetings/world', '--data', '{"text":"one"}'], { key: greeter });
    assert.deepEqual([first?.['accepted'], (first?.['positions'] as string[] | undefined)?.length], [1, 1]);
    const event = '{"specversion":"1.0","id":"2","source":"/walk","type":"com.example.greeted","data":{"text":"two"}}';
    const [second] = await objects(['publish', 'greetings/world'], { key: greeter, input: `${event}\n` });
    const [again] = await objects(['publish', 'greetings/world'], { key: greeter, input: `${event}\n` });
    assert.deepEqual([again?.['accepted'], again?.['positions']], [0, second?.['positions']], 'a repeated id is accepted once');
    await writeFile(join(folder, 'lines.ndjson'), '{"text":"three"}\n{"text":"four"}\n');
    assert.equal(
      (await objects(['publish', 'greetings/world', 'lines.ndjson', '--type', 'com.example.greeted'], { key: greeter })).length,
      1,
    );
  });

  test('triggers a sample event, and verifies signatures', async () => {
    const argv = ['--style', 'github', '--secret', 'hush', '--header', 'X-Hub-Signature-256: sha256=00'];
    assert.match((await call(['verify', ...argv], { input: 'x' })).stdout, /^The signature does not fit/);
    assert.match((await call(['verify', '--snippet', 'go'])).stdout, /^package webhooks/);
    const [told] = await objects(['trigger', 'com.example.greeted', '--param', 'name=sample', '--seed', '1'], { key: greeter });
    assert.deepEqual([told?.['address'], told?.['from'], told?.['accepted']], ['sample', 'schema', 1]);
    assert.equal((await call(['trigger', 'com.example.greted'])).exit, 5);
    assert.equal((await objects(['trigger', 'com.example.greeted', '--key', greeter, '--dry-run']))[0]?.['from'], 'schema');
    assert.equal((await call(['trigger', 'com.example.greeted', '--key', listener])).exit, 9);
  });

  test('is refused with the exit code that says why', async () => {
    const data = ['--data', '{"text":"x"}'];
    assert.equal((await call(['publish', 'greetings/world', ...data])).exit, 4);
    assert.equal((await call(['publish', 'greetings/world', ...data], { key: listener })).exit, 9);
    assert.equal((await call(['publish', 'nowhere/at/all', ...data], { key: greeter })).exit, 5);
    const broken = await call(['publish', 'greetings/world', '--data', '{"text":1}'], { key: greeter });
    assert.equal(broken.exit, 7);
    assert.match(broken.stderr, /\/text/);
    assert.equal((await call(['status', '--token', 'wrong'])).exit, 4);
    assert.equal((await call(['listen', 'greetings/world', '--from', 'abc123-9'], { key: listener })).exit, 5);
  });

  for (const protocol of ['sse', 'websocket', 'poll']) {
    test(`listens over ${protocol}`, async () => {
      const events = await objects(['listen', 'greetings/*', '--protocol', protocol, '--from', 'earliest', '--count', '4'], {
        key: listener,
      });
      assert.deepEqual(
        events.map((event) => (event['data'] as { text: string }).text),
        ['one', 'two', 'three', 'four'],
      );
      const some = await objects(
        ['listen', 'greetings/world', '--protocol', protocol, '--from', 'earliest', '--count', '1', '--filter', 'data.text == "three"'],
        { key: listener },
      );
      assert.deepEqual(
        some.map((event) => (event['data'] as { text: string }).text),
        ['three'],
      );
    });
  }

  test('goes on where a durable reader was, in another protocol', async () => {
    const read = async (protocol: string, count: number) => {
      const events = await objects(
        ['listen', 'greetings/world', '--reader', 'walker', '--from', 'earliest', '--protocol', protocol, '--count', String(count)],
        { key: listener },
      );
      return events.map((event) => (event['data'] as { text: string }).text);
    };
    assert.deepEqual(await read('sse', 1), ['one']);
    assert.deepEqual(await read('websocket', 2), ['two', 'three']);
    assert.deepEqual(await read('poll', 1), ['four']);
  });

  test('stops listening on Ctrl-C with 0, and when nobody reads its output', async () => {
    const where = { SLUICE_GATEWAY: walk.urls.gateway, SLUICE_KEY: listener };
    const listening = start(['listen', 'greetings/world', '--from', 'earliest', '--json'], where);
    assert.deepEqual((await firstLine(listening))['data'], { text: 'one' });
    await end(listening, 'SIGINT');
    const cut = start(['listen', 'greetings/world', '--from', 'earliest', '--json'], where);
    await firstLine(cut);
    const exit = once(cut.child, 'exit');
    cut.child.stdout?.destroy();
    await objects(['publish', 'greetings/world', '--data', '{"text":"five"}'], { key: greeter });
    assert.deepEqual((await exit).slice(0, 2), [0, null]);
  });

  test('manages keys', async () => {
    const [made] = await objects(['keys', 'create', 'listener']);
    const key = String(made?.['value']);
    await objects(['listen', 'greetings/world', '--from', 'earliest', '--count', '1'], { key });
    const [rotated] = await objects(['keys', 'rotate', 'listener', String(made?.['id']), '--overlap', '1h']);
    assert.notEqual(rotated?.['value'], key);
    await objects(['listen', 'greetings/world', '--from', 'earliest', '--count', '1'], { key });
    assert.deepEqual(await objects(['keys', 'revoke', 'listener', String(made?.['id'])]), [{ id: made?.['id'], revoked: true }]);
    assert.equal((await call(['listen', 'greetings/world'], { key })).exit, 4);
    const states = (await objects(['keys', 'list', 'listener'])).map(({ state }) => state);
    assert.equal(states.filter((state) => state === 'active').length, 2);
    assert.ok(!JSON.stringify(await objects(['keys', 'list', 'listener'])).includes(key));
    assert.equal((await call(['keys', 'list', 'nobody'])).exit, 5);
  });

  test('manages subscriptions', async () => {
    const id = String((await objects(['subscriptions', 'list', '--application', 'listener']))[0]?.['id']);
    assert.equal((await objects(['subscriptions', 'pause', id, '--reason', 'walking']))[0]?.['state'], 'paused');
    assert.equal((await call(['listen', 'greetings/world'], { key: listener })).exit, 9);
    assert.equal((await objects(['subscriptions', 'resume', id]))[0]?.['state'], 'accepted');
    assert.equal((await call(['subscriptions', 'accept', id])).exit, 6);
    assert.equal((await call(['subscriptions', 'create', '--api', 'greetings', '--application', 'listener', '--plan', 'free'])).exit, 6);
    const provider = [
      'subscriptions',
      'create',
      '--api',
      'greetings',
      '--application',
      'listener',
      '--as',
      'provider',
      '--allow-publish',
      'nobody',
    ];
    const [made] = await objects(provider);
    assert.deepEqual(made?.['allow'], { publish: ['nobody'], read: ['*'] });
    assert.equal((await objects(['subscriptions', 'close', String(made?.['id'])]))[0]?.['state'], 'closed');
    assert.deepEqual(
      (await objects(['subscriptions', 'list', '--state', 'closed'])).map((row) => row['id']),
      [made?.['id']],
    );
    assert.equal((await call(['subscriptions', 'reject', 'sub_none'])).exit, 5);
  });

  test('shows the difference, applies it, and then there is none', async () => {
    assert.equal((await call(['plan'])).exit, 0);
    const text = await readFile(join(folder, 'sluice.yaml'), 'utf8');
    await writeFile(
      join(drafts, 'other.yaml'),
      text.replace('limit: 10000', 'limit: 20000').replace('  listener:', '  visitor: {}\n  listener:'),
    );
    const planned = await call(['plan', '--config', 'drafts/other.yaml']);
    assert.equal(planned.exit, 3);
    assert.deepEqual(planned.stdout.trim().split('\n').toSorted(), ['+ application visitor', '~ plan greetings/free: limits']);
    assert.equal((await objects(['apply', '--config', 'drafts/other.yaml'])).length, 2);
    assert.deepEqual(await objects(['apply', '--config', 'drafts/other.yaml']), []);
    assert.equal((await call(['plan', '--config', 'drafts/other.yaml'])).exit, 0);
    await writeFile(join(drafts, 'wrong.yaml'), text.replace('approval: auto', 'aproval: auto'));
    const wrong = await call(['plan', '--config', 'drafts/wrong.yaml']);
    assert.equal(wrong.exit, 7);
    assert.match(wrong.stderr, /drafts\/wrong\.yaml:\d+:\d+: .*approval/);
    await writeFile(join(drafts, 'contract.yaml'), text.replace('./greetings.asyncapi.yaml', './broken.yaml'));
    assert.equal((await call(['apply', '--config', 'drafts/contract.yaml'])).exit, 7);
    await writeFile(join(drafts, 'plan.yaml'), text.replace('plan: free', 'plan: fre'));
    const unknown = await call(['apply', '--config', 'drafts/plan.yaml']);
    assert.equal(unknown.exit, 7);
    assert.match(unknown.stderr, /drafts\/plan\.yaml:\d{2}:\d+: applications\.listener\.subscriptions\.0\.plan: .*fre/);
  });

  test('exports what apply takes', async () => {
    const { exit, stdout } = await call(['export']);
    assert.equal(exit, 0);
    assert.ok(!stdout.includes(greeter), 'no key is given away');
    await writeFile(join(drafts, 'exported.yaml'), stdout);
    const again = await call(['plan', '--config', 'drafts/exported.yaml', '--prune']);
    assert.equal(again.exit, 0, again.stdout + again.stderr);
    assert.equal((await objects(['export'])).length, 1);
  });

  test('tells the usage, which adds up', async () => {
    const rows = await objects(['usage']);
    const mine = rows.find(({ application, as }) => application === 'listener' && as === 'client');
    assert.ok(Number(mine?.['events']) >= 4, JSON.stringify(rows));
    assert.match((await call(['usage', '--by', 'type'])).stdout, /^com\.example\.greeted /m);
    assert.equal((await objects(['usage', '--from', '2020-01-01T00:00:00Z', '--to', '2020-01-02T00:00:00Z'])).length, 0);
    const [verdict] = await objects(['usage', 'verify']);
    assert.equal(verdict?.['ok'], true);
  });

  test('finds nothing wrong with a Sluice that works', async () => {
    const findings = await objects(['doctor']);
    assert.deepEqual(
      findings.filter(({ state }) => state !== 'ok'),
      [],
    );
    assert.ok(findings.some(({ check }) => check === 'backbone main'));
  });

  test('listens on while the server restarts, and misses nothing', async () => {
    const { port } = new URL(walk.urls.gateway);
    const listening = start(['listen', 'greetings/world', '--json'], { SLUICE_GATEWAY: walk.urls.gateway, SLUICE_KEY: listener });
    // Whether it is connected shows in the first event it gets.
    const got: string[] = [];
    const wanted = new Map<string, () => void>();
    listening.lines.on('line', (line: string) => {
      const { text: said } = (JSON.parse(line) as { data: { text: string } }).data;
      got.push(said);
      wanted.get(said)?.();
    });
    const arrival = async (said: string) => new Promise<void>((resolve) => (got.includes(said) ? resolve() : wanted.set(said, resolve)));
    let n = 0;
    while (got.length === 0) await objects(['publish', 'greetings/world', '--data', `{"text":"hello ${(n += 1)}"}`], { key: greeter });
    await end(server, 'SIGTERM');
    server = start(['up', '--port', port, '--control-port', new URL(walk.urls.control).port, ...opened, '--json']);
    await firstLine(server);
    await objects(['publish', 'greetings/world', '--data', '{"text":"after"}'], { key: greeter });
    await arrival('after');
    const numbers = got.slice(0, -1).map((said) => Number(said.slice(6)));
    assert.deepEqual(
      numbers,
      Array.from({ length: n - (numbers[0] ?? 0) + 1 }, (_, index) => (numbers[0] ?? 0) + index),
    );
    await end(listening, 'SIGINT');
  });

  test('delivers to an endpoint, and shows what became of it', async () => {
    const text = await readFile(join(folder, 'sluice.yaml'), 'utf8');
    const pushing = text
      .replace('    plans:\n', '    plans:\n      push: { mode: push }\n')
      .replace('  listener:', '  hooks: { subscriptions: [{ api: greetings, plan: push }] }\n  listener:');
    await writeFile(join(drafts, 'push.yaml'), pushing);
    await objects(['apply', '--config', 'drafts/push.yaml']);
    const [subscription] = await objects(['subscriptions', 'list', '--application', 'hooks']);
    await walkDeliveries(walk, String(subscription?.['id']), () =>
      objects(['publish', 'greetings/world', '--data', '{"text":"pushed"}'], { key: greeter }),
    );
  });

  test('is a WebSub hub that is found by the links of a channel, and asks nobody inside', async () => {
    const text = await readFile(join(drafts, 'push.yaml'), 'utf8');
    const settings = '    websub: { lease: { default: 1d }, signature: sha512 }\n';
    await writeFile(join(drafts, 'websub.yaml'), text.replace('    plans:\n', `${settings}    plans:\n`));
    await objects(['apply', '--config', 'drafts/websub.yaml']);
    assert.match((await call(['export'])).stdout, /signature: sha512/);
    const channel = `${walk.urls.gateway}/greetings/world`;
    const { status, headers } = await fetch(channel);
    assert.equal(status, 401);
    assert.equal(headers.get('link'), `<${walk.urls.gateway}/greetings/-/websub>; rel="hub", <${channel}?latest>; rel="self"`);
    const [own] = await objects(['keys', 'create', 'hooks']);
    const body = new URLSearchParams({ 'hub.mode': 'subscribe', 'hub.topic': `${channel}?latest`, 'hub.callback': 'http://10.1.2.3/' });
    const asked = await fetch(`${walk.urls.gateway}/greetings/-/websub`, {
      method: 'POST',
      body,
      headers: { 'x-api-key': String(own?.['value']) },
    });
    assert.deepEqual([asked.status, /not on the public internet/.test(await asked.text())], [400, true]);
    assert.deepEqual(await objects(['endpoints', 'list']), []);
  });

  test('takes the webhooks of a provider', async () => {
    const provider = ['--api', 'greetings', '--application', 'hooks', '--as', 'provider'];
    const [subscription] = await objects(['subscriptions', 'create', ...provider]);
    const where = ['--subscription', String(subscription?.['id']), '--address', 'world'];
    const [made] = await objects(['sources', 'add', '--name', 'stories', '--preset', 'cloudevents', ...where]);
    const [id, token] = [String(made?.['id']), String(made?.['secret'])];
    const send = async (shown: string): Promise<number> => {
      const body = '{"specversion":"1.0","id":"w1","source":"/there","type":"com.example.greeted","data":{"text":"sent"}}';
      const headers = { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${shown}` };
      return (await fetch(`${walk.urls.gateway}/greetings/-/in/hooks/stories`, { method: 'POST', headers, body })).status;
    };
    assert.deepEqual([await send(token), await send('guessed')], [204, 401]);
    const [rotated] = await objects(['sources', 'rotate', id, '--overlap', '0s']);
    assert.deepEqual([await send(token), await send(String(rotated?.['secret']))], [401, 204]);
    assert.equal((await objects(['sources', 'set', id, '--description', 'Stories.']))[0]?.['description'], 'Stories.');
    assert.equal((await objects(['sources', 'pause', id]))[0]?.['state'], 'paused');
    assert.equal((await objects(['sources', 'start', id]))[0]?.['state'], 'started');
    assert.deepEqual((await objects(['sources', 'status', id]))[0], { source: id, state: 'started', subscription: null });
    assert.deepEqual(
      (await objects(['sources', 'list'])).map((row) => row['name']),
      ['stories'],
    );
    await objects(['sources', 'remove', id]);
    assert.equal((await call(['sources', 'remove', id])).exit, 5);
  });

  test('plays the demo', async () => {
    const demo = start(['demo', '--port', '0', '--control-port', '0', '--rate', '50', '--json']);
    const ready = await firstLine(demo);
    const keys = ready['keys'] as Record<string, string>;
    const { exit, stdout } = await call([
      'listen',
      'github/*',
      '--gateway',
      String(ready['gateway']),
      '--key',
      keys['analytics'] ?? '',
      '--count',
      '10',
      '--from',
      'earliest',
      '--json',
    ]);
    assert.equal(exit, 0);
    for (const line of stdout.trim().split('\n')) assert.match(String((JSON.parse(line) as { type: string }).type), /^com\.github\./);
    const [line] = (await once(demo.lines, 'line')) as [string];
    const { event, published } = JSON.parse(line) as { event: string; published: number };
    assert.equal(event, 'published');
    assert.ok(published > 0);
    await end(demo, 'SIGTERM');
    await assert.rejects(readFile(join(String(ready['data']), 'sluice.db')), /ENOENT/);
    assert.equal(await demo.stderr, '');
  });

  test('ends when told to', async () => end(server, 'SIGTERM'));

  test('has been walked from end to end', () => assert.deepEqual([...walk.walked].toSorted(), Object.keys(commandLoaders).toSorted()));
});
