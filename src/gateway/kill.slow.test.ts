import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { newEvents, poll, publish, readerKey, worldConfig, worldFiles } from '../testing/gateway-world.ts';
import { startProcess, type SluiceProcess } from '../testing/sluice-process.ts';
import { openSse, openWebSocket, type Received, type StreamClient } from '../testing/stream-client.ts';
import { randomOf } from '../testing/seeded-random.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const kills = Number(process.env['KILLS'] ?? 20);
const adminToken = 'an-admin-token-for-this-test';
/** Commands the reader may publish; fewer than it would. */
const quota = 30 * kills;

/** What one lineage of connections has seen. */
class Follower {
  readonly name: string;
  readonly ids: string[] = [];
  readonly positions: string[] = [];
  onEvent: () => void = () => undefined;

  constructor(name: string) {
    this.name = name;
  }

  get last(): string | undefined {
    return this.positions.at(-1);
  }

  take(events: readonly Received[]): void {
    for (const { id, position } of events) {
      this.ids.push(id);
      this.positions.push(position);
    }
    if (events.length > 0) this.onEvent();
  }
}

test(`kill -9 at random points, ${kills} times: nothing acknowledged is lost, repeated or out of order`, async (t) => {
  t.diagnostic(`seed ${seed}`);
  const random = randomOf(seed);
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  await writeFile(join(folder, 'sluice.yaml'), worldConfig({ limits: `{ eventCount: { limit: ${quota}, per: month, counts: publish } }` }));
  await writeFile(join(folder, 'world.yaml'), worldFiles()['world.yaml']!);
  const env = { SLUICE_ADMIN_TOKEN: adminToken };
  const startedAt = performance.now();
  let running = await startProcess({ folder, env });
  const firstStart = performance.now() - startedAt;
  const { gateway, control } = running;
  const [port, controlPort] = [Number(new URL(gateway).port), Number(new URL(control).port)];
  let isOver = false;
  /** Nobody answers any more, so nobody is to wait for an answer. */
  let isAbandoned = false;
  const acknowledged: string[] = [];
  /** Milliseconds from each restart to the first event. */
  const waits: number[] = [];
  let commands = 0;

  /** Sends each batch again until it is acknowledged, as a careful client does. */
  const publisher = async (): Promise<void> => {
    while (!isOver) {
      const events = newEvents(1 + Math.floor(random() * 5));
      for (;;) {
        const answer = await publish(gateway, events).catch(() => undefined);
        if (answer?.status === 202) break;
        if (isAbandoned) return;
        await pause(20);
      }
      for (const { id } of events) acknowledged.push(id as string);
    }
  };
  const commander = async (): Promise<void> => {
    while (!isOver) {
      const answer = await publish(gateway, newEvents(2, 'test.command'), { key: readerKey, channel: 'a/commands' }).catch(() => undefined);
      if (answer?.status === 202) commands += 2;
      await pause(answer?.status === 429 ? 200 : 4);
    }
  };
  const streaming = async (follower: Follower, open: (after: string | undefined) => Promise<StreamClient>): Promise<void> => {
    while (!isOver) {
      const client = await open(follower.last).catch(() => undefined);
      if (client === undefined) {
        await pause(20);
        continue;
      }
      const look = (): boolean => {
        follower.take(client.received.splice(0));
        return isOver;
      };
      await client.until(look, 600_000).catch(() => undefined);
      look();
      client.close();
    }
  };
  const paging = async (follower: Follower, name: string): Promise<void> => {
    while (!isOver) {
      const from = follower.last === undefined ? 'from=earliest' : `after=${follower.last}`;
      const page = await poll(gateway, `?${from}&wait=1s&limit=500${name}`).catch(() => undefined);
      if (page?.status === 200) follower.take(page.json);
      else await pause(20);
    }
  };
  const url = `${gateway}/world/a/events?from=earliest`;
  const followers = ['sse', 'websocket', 'poll', 'durable poll'].map((name) => new Follower(name));
  const [sse, webSocket, pages, durable] = followers as [Follower, Follower, Follower, Follower];
  const clients = [
    publisher(),
    publisher(),
    publisher(),
    commander(),
    streaming(sse, (after) => openSse(url, { key: readerKey, after })),
    streaming(webSocket, (after) => openWebSocket(url, { key: readerKey, after })),
    paging(pages, ''),
    paging(durable, '&reader=one'),
  ];
  try {
    for (let round = 0; round < kills; round += 1) {
      await pause(100 + random() * 500);
      running.signal('SIGKILL');
      await running.exited;
      const first = firstDelivery(followers);
      const at = performance.now();
      running = await startProcess({ folder, env, port, controlPort });
      await first;
      waits.push(Math.round(performance.now() - at));
      await verify(running);
    }
    t.diagnostic(`first events after ${waits.join(', ')} ms`);
    // The quickest: a machine that is busy with something else makes them longer, a slow start makes all of them long.
    assert.ok(Math.min(...waits) < 2000 + 2 * firstStart);
    isOver = true;
    await Promise.all(clients.slice(0, 4));
    await catchUp(running, followers, acknowledged.length);
    check(followers, acknowledged);
    await checkCommands(running, commands);
    t.diagnostic(`${acknowledged.length} events acknowledged, ${commands} commands of ${quota}`);
    await verify(running);
  } finally {
    isOver = isAbandoned = true;
    running.signal('SIGKILL');
    await Promise.all(clients);
    await rm(folder, { recursive: true, force: true });
  }
});

function firstDelivery(followers: readonly Follower[]): Promise<void> {
  return new Promise((resolve) => {
    for (const follower of followers) follower.onEvent = resolve;
  });
}

async function verify({ control }: SluiceProcess): Promise<void> {
  const answer = await fetch(`${control}/api/v1/usage/verify`, { headers: { authorization: `Bearer ${adminToken}` } });
  const verdict = (await answer.json()) as { ok: boolean };
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
}

/** Reads what the followers had not yet seen when everybody stopped. */
async function catchUp({ gateway }: SluiceProcess, followers: readonly Follower[], least: number): Promise<void> {
  for (const follower of followers) {
    for (;;) {
      const page = await poll(gateway, `?limit=1000&${follower.last === undefined ? 'from=earliest' : `after=${follower.last}`}`);
      assert.equal(page.status, 200, JSON.stringify(page.json));
      follower.take(page.json);
      if (page.json.length === 0) break;
    }
    assert.ok(follower.ids.length >= least, `${follower.name} has ${follower.ids.length} of ${least}`);
  }
}

function check(followers: readonly Follower[], acknowledged: readonly string[]): void {
  const order = followers[0]!.ids;
  for (const { name, ids, positions } of followers) {
    const seen = new Set(ids);
    assert.equal(seen.size, ids.length, `${name} saw an event twice`);
    const lost = acknowledged.filter((id) => !seen.has(id));
    assert.deepEqual(lost.slice(0, 5), [], `${name} lost ${lost.length}`);
    const places = positions.map((position) => Number(position.split('-')[1]));
    assert.ok(
      places.every((place, index) => index === 0 || place > places[index - 1]!),
      `${name} saw positions out of order`,
    );
    assert.deepEqual(ids, order, `${name} saw another order`);
  }
}

/** Publishing is counted in the commit that takes the events: whatever was killed, the quota holds to the event. */
async function checkCommands({ gateway }: SluiceProcess, acknowledged: number): Promise<void> {
  let kept = 0;
  let next = '?from=earliest&limit=1000';
  for (;;) {
    const page = await poll(gateway, next, { key: 'service-key-0123456789', channel: 'a/commands' });
    kept += page.json.length;
    if (page.json.length === 0) break;
    next = `?limit=1000&after=${page.json.at(-1).position}`;
  }
  assert.ok(kept <= quota, `${kept} commands were taken, ${quota} are allowed`);
  assert.ok(kept >= acknowledged, `${kept} commands are kept, ${acknowledged} were acknowledged`);
  const more = await publish(gateway, newEvents(quota - kept + 1, 'test.command'), { key: readerKey, channel: 'a/commands' });
  assert.equal(more.status, 429);
}
