import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { parseConfig } from '../../control/config/parse-config.ts';
import { readTextFile } from '../../control/config/read-config-file.ts';
import { readerKey, serviceKey, worldFiles } from '../../testing/gateway-world.ts';
import { steadyPort } from '../../testing/steady-port.ts';
import type { HubFailpoint } from '../../testing/hub-to-kill.ts';
import { TestSubscriber, websubConfig } from '../../testing/websub-world.ts';

const program = join(import.meta.dirname, '..', '..', 'testing', 'hub-to-kill.ts');
const adminToken = 'an-admin-token-for-this-test';
/** Kills at each place in each test; 100 for the whole of it. */
const kills = Number(process.env['KILLS'] ?? 1);
const limit = { timeout: 180_000 + kills * 20_000 };
/** Milliseconds after which a process that does not die where it should is killed all the same. */
const longestLife = 30_000;
const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-api-key': readerKey };

/** One process after the other on one data folder. */
class Lives {
  readonly folder: string;
  gateway = '';
  #control = '';
  #ports = { port: 0, controlPort: 0 };
  #config: Readonly<Record<string, unknown>> | undefined;
  #end: (() => Promise<string>) | undefined;

  constructor(folder: string) {
    this.folder = folder;
  }

  async configure(yaml: string): Promise<void> {
    await writeFile(join(this.folder, 'world.yaml'), worldFiles()['world.yaml']!);
    this.#ports = { port: await steadyPort(), controlPort: await steadyPort() };
    this.#config = (await parseConfig(yaml, { name: 'sluice.yaml', env: {}, readFile: readTextFile, baseFolder: this.folder })).config;
  }

  async begin(failpoint?: HubFailpoint): Promise<void> {
    const orders = { data: join(this.folder, 'data'), ...this.#ports, adminToken, config: this.#config };
    const env = { ...process.env, HUB_FAILPOINT: failpoint };
    const child = spawn(process.execPath, [program, JSON.stringify(orders)], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const exited = once(child, 'exit');
    const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), exited])) as [string];
    assert.ok(typeof line === 'string' && line.startsWith('{'), `it does not serve: ${log}`);
    ({ gateway: this.gateway, control: this.#control } = JSON.parse(line) as { gateway: string; control: string });
    this.#end = async () => {
      const dead = setTimeout(() => child.kill('SIGKILL'), failpoint === undefined ? 0 : longestLife);
      await exited;
      clearTimeout(dead);
      return log;
    };
  }

  /** Kills it, or waits until it dies where it should. */
  async end(failpoint?: HubFailpoint): Promise<void> {
    const log = (await this.#end?.()) ?? '';
    this.#end = undefined;
    if (failpoint !== undefined) assert.match(log, new RegExp(`killed at ${failpoint}`), 'the failpoint was never reached');
  }

  /** Undefined: it died before it had answered. */
  async ask(fields: Readonly<Record<string, string>>): Promise<number | undefined> {
    const body = new URLSearchParams(fields).toString();
    return await fetch(`${this.gateway}/world/-/websub`, { method: 'POST', headers, body }).then(
      ({ status }) => status,
      () => undefined,
    );
  }

  async publish(room: string, body: string): Promise<void> {
    const ce = { 'ce-specversion': '1.0', 'ce-id': crypto.randomUUID(), 'ce-source': '/test', 'ce-type': 'test.event' };
    const response = await fetch(`${this.gateway}/world/${room}/events`, {
      method: 'POST',
      headers: { ...ce, 'x-api-key': serviceKey, 'content-type': 'application/json' },
      body,
    });
    assert.equal(response.status, 202);
  }

  async held(callback: string): Promise<number> {
    const response = await fetch(`${this.#control}/api/v1/endpoints`, { headers: { authorization: `Bearer ${adminToken}` } });
    const { items } = (await response.json()) as { items: { url: string }[] };
    return items.filter(({ url }) => url === callback).length;
  }
}

describe('a hub that is killed', () => {
  let subscriber: TestSubscriber;
  let lives: Lives;
  let room = 0;
  let content = '{"first":1}';
  const topicServer = createServer((_, response) => response.writeHead(200, { 'content-type': 'application/json; v=1' }).end(content));

  before(async () => {
    subscriber = await TestSubscriber.open();
    topicServer.listen(0, '127.0.0.1');
    await once(topicServer, 'listening');
    lives = new Lives(await mkdtemp(join(tmpdir(), 'sluice-')));
    await lives.configure(websubConfig(`{ topics: { '${feed()}': ext/events } }`));
  });
  after(async () => {
    await lives.end();
    subscriber.close();
    topicServer.close();
    await rm(lives.folder, { recursive: true, force: true });
  });

  const feed = (): string => `http://127.0.0.1:${(topicServer.address() as AddressInfo).port}/feed`;
  const topic = (): string => `${lives.gateway}/world/r${room}/events?latest`;
  const callback = (): string => subscriber.callback(`/r${room}`);
  const wish = (mode: string, secret: string): Record<string, string> => ({
    'hub.mode': mode,
    'hub.callback': callback(),
    'hub.topic': topic(),
    'hub.secret': secret,
  });
  const got = (): string[] => subscriber.deliveries.filter(({ url }) => url === `/r${room}`).map(({ body }) => body.toString());
  const isSigned = (index: number, secret: string): boolean => {
    const { body, headers: sent } = subscriber.deliveries.filter(({ url }) => url === `/r${room}`)[index]!;
    return sent['x-hub-signature'] === `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  };
  /** Each time in a room of its own. */
  async function eachTime(dies: () => Promise<void>): Promise<void> {
    for (let kill = 0; kill < kills; kill += 1) {
      subscriber.forget();
      room += 1;
      await dies();
    }
  }
  async function until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  const places = ['request-committed', 'request-answered', 'question-answered', 'effect-committed', 'request-forgotten'] as const;
  for (const place of places) {
    test(`E8: at ${place} keeps what it has promised: a subscription comes to hold, once`, limit, async () => {
      await eachTime(async () => {
        await lives.begin(place);
        const status = await lives.ask(wish('subscribe', 'new'));
        await lives.end(place);
        if (place !== 'request-committed') assert.equal(status, 202);
        await lives.begin();
        await until(async () => (await lives.held(callback())) > 0);
        assert.ok(subscriber.questions.length > 0, 'nothing holds that nobody has confirmed');
        await lives.publish(`r${room}`, '1');
        await subscriber.until(() => got().length > 0);
        assert.equal(await lives.held(callback()), 1);
        assert.ok(isSigned(0, 'new'));
        await lives.end();
      });
    });
  }

  for (const place of ['request-answered', 'question-answered'] as const) {
    test(`E8, WS-S5: at ${place} changes nothing that is not confirmed afterwards`, limit, async () => {
      await eachTime(async () => {
        await lives.begin();
        await lives.ask(wish('subscribe', 'old'));
        await until(async () => (await lives.held(callback())) > 0);
        await lives.end();
        await lives.begin(place);
        await lives.ask(wish('subscribe', 'new'));
        await lives.end(place);
        const asked = subscriber.questions.length;
        subscriber.answer = (_, response) => response.writeHead(404).end();
        await lives.begin();
        await subscriber.until(() => subscriber.questions.length > asked);
        await lives.publish(`r${room}`, '1');
        await subscriber.until(() => got().length > 0);
        assert.ok(isSigned(0, 'old'));
        await lives.end();
      });
    });
  }

  for (const place of places) {
    test(`E8: at ${place} an end that was asked for comes, and nothing is delivered after it`, limit, async () => {
      await eachTime(async () => {
        await lives.begin();
        await lives.ask(wish('subscribe', 's'));
        await until(async () => (await lives.held(callback())) > 0);
        await lives.end();
        await lives.begin(place);
        await lives.ask(wish('unsubscribe', 's'));
        await lives.end(place);
        await lives.begin();
        await until(async () => (await lives.held(callback())) === 0);
        await lives.publish(`r${room}`, '1');
        const after = subscriber.callback('/after');
        await lives.ask({ ...wish('subscribe', 's'), 'hub.callback': after });
        await until(async () => (await lives.held(after)) > 0);
        await lives.publish(`r${room}`, '2');
        await subscriber.until(() => subscriber.deliveries.some(({ body, url }) => url === '/after' && body.toString() === '2'));
        assert.deepEqual(got(), []);
        await lives.ask({ ...wish('unsubscribe', 's'), 'hub.callback': after });
        await until(async () => (await lives.held(after)) === 0);
        await lives.end();
      });
    });
  }

  test('E8, WS-C3: after a 410 that is on disk nothing more is sent', limit, async () => {
    await eachTime(async () => {
      await lives.begin('end-due');
      await lives.ask(wish('subscribe', 's'));
      await until(async () => (await lives.held(callback())) > 0);
      subscriber.status = 410;
      await lives.publish(`r${room}`, '1');
      await lives.end('end-due');
      assert.deepEqual(got(), ['1']);
      subscriber.status = 200;
      await lives.begin();
      assert.equal(await lives.held(callback()), 0);
      await lives.publish(`r${room}`, '2');
      const after = subscriber.callback(`/after${room}`);
      await lives.ask({ ...wish('subscribe', 's'), 'hub.callback': after });
      await until(async () => (await lives.held(after)) > 0);
      await lives.publish(`r${room}`, '3');
      await subscriber.until(() => subscriber.deliveries.some(({ url }) => url === `/after${room}`));
      assert.deepEqual(got(), ['1']);
      await lives.end();
    });
  });

  test('E8: a subscription whose lease ended while nobody was there is not delivered to', limit, async () => {
    await eachTime(async () => {
      await lives.begin();
      let seconds = 1;
      let mayBeOver = -Infinity;
      await until(async () => {
        // A longer one where so much time has passed that the last has ended unseen.
        if (Date.now() > mayBeOver) {
          seconds *= 2;
          await lives.ask({ ...wish('subscribe', 's'), 'hub.lease_seconds': String(seconds) });
          mayBeOver = Date.now() + seconds * 1000;
        }
        return (await lives.held(callback())) > 0;
      });
      // A lease counts from the question, which is over by now.
      const over = Date.now() + seconds * 1000;
      await lives.end();
      await until(async () => Date.now() > over);
      await lives.begin();
      assert.equal(await lives.held(callback()), 0);
      await lives.end();
    });
  });

  for (const place of ['ping-answered', 'content-fetched', 'content-published'] as const) {
    test(`E8: at ${place} the content of a topic is distributed all the same, once`, limit, async () => {
      await eachTime(async () => {
        content = JSON.stringify({ place, room });
        await lives.begin();
        await lives.ask({ ...wish('subscribe', 's'), 'hub.topic': feed() });
        await until(async () => (await lives.held(callback())) > 0);
        await lives.end();
        await lives.begin(place);
        await lives.ask({ 'hub.mode': 'publish', 'hub.url': feed() });
        await lives.end(place);
        await lives.begin();
        await subscriber.until(() => got().includes(content));
        content = JSON.stringify({ after: place, room });
        await lives.ask({ 'hub.mode': 'publish', 'hub.topic': feed() });
        await subscriber.until(() => got().includes(content));
        // What was under way when it was killed may come again, but is the same event, and so published once.
        const events = await fetch(`${lives.gateway}/world/ext/events?from=earliest&limit=1000`, { headers: { 'x-api-key': readerKey } });
        const published = ((await events.json()) as { data: { place?: string; room: number } }[]).filter(
          ({ data }) => data.place === place && data.room === room,
        );
        assert.equal(published.length, 1);
        await lives.ask({ ...wish('unsubscribe', 's'), 'hub.topic': feed() });
        await until(async () => (await lives.held(callback())) === 0);
        await lives.end();
      });
    });
  }
});
