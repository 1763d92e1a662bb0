import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { newEvents, openWorld, publish, readerKey } from '../testing/gateway-world.ts';
import { openSse, openWebSocket, type StreamClient } from '../testing/stream-client.ts';
import { until } from '../testing/until.ts';

const readers = 16;
const deaths = 6;
const batches = 200;
const batch = 20;
const padding = 'x'.repeat(2000);

/** A client that comes back by itself, after the last event it has. */
class Follower {
  readonly ids: string[] = [];
  returns = 0;
  /** Reads nothing until the first death: what waits for it dies with the worker. */
  isSlow = false;
  #last: string | undefined;
  #client: StreamClient | undefined;

  async follow(open: (after: string | undefined) => Promise<StreamClient>, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const client = await open(this.#last).catch(() => undefined);
      if (client === undefined) {
        await pause(10);
        continue;
      }
      this.#client = client;
      if (this.isSlow) client.pause();
      await client
        .until(() => {
          for (const { id, position } of client.received.splice(0)) {
            this.ids.push(id);
            this.#last = position;
          }
          return isOver();
        }, 600_000)
        .catch(() => undefined);
      client.close();
      this.returns += 1;
    }
  }

  hurry(): void {
    if (this.isSlow) this.#client?.resume();
    this.isSlow = false;
  }

  close(): void {
    this.#client?.close();
  }
}

test(
  `a worker that dies under load, ${deaths} times: its clients go on without a gap, and nothing is billed twice`,
  { timeout: 300_000 },
  async () => {
    const lines: string[] = [];
    const world = await openWorld({}, { workers: 2, onLog: (line) => lines.push(line) });
    let isOver = false;
    const url = `${world.gateway}/world/a/events?from=earliest`;
    const followers = Array.from({ length: readers }, () => new Follower());
    for (const [index, follower] of followers.entries()) follower.isSlow = index % 2 === 0;
    const following = followers.map((follower, index) =>
      follower.follow(
        (after) => (index % 2 === 0 ? openSse(url, { key: readerKey, after }) : openWebSocket(url, { key: readerKey, after })),
        () => isOver,
      ),
    );
    try {
      const sent: string[] = [];
      const publishing = (async () => {
        for (let n = 0; n < batches; n += 1) {
          const events = newEvents(batch).map((event): Record<string, unknown> => ({ ...event, data: padding }));
          // The publisher's own connection may be among those that are cut: what was taken already is not taken twice.
          while ((await publish(world.gateway, events).catch(() => undefined))?.status !== 202) await pause(10);
          for (const event of events) sent.push(event['id'] as string);
        }
      })();
      for (let death = 1; death <= deaths; death += 1) {
        // More than the sockets of those that do not read can hold, before the first one dies.
        const least = Math.floor(((deaths + death) * batches * batch) / (2 * deaths + 2));
        await until(
          async () => sent.length >= least,
          () => `${sent.length} events were published`,
        );
        const { status } = world.workers;
        const busiest = status.findIndex(({ connections }) => connections === Math.max(...status.map((worker) => worker.connections)));
        await world.workers.terminate(busiest);
        for (const follower of followers) follower.hurry();
        await until(
          async () =>
            (await world.connections()) === readers && world.workers.status[busiest]?.restarts === (status[busiest]?.restarts ?? 0) + 1,
          () => `the workers have ${JSON.stringify(world.workers.status)}`,
        );
      }
      await publishing;
      await until(
        async () => followers.every(({ ids }) => ids.length >= sent.length),
        () => `of ${sent.length} events came ${followers.map(({ ids }) => ids.length).join(', ')}`,
      );
      for (const { ids } of followers) assert.deepEqual(ids, sent);
      assert.ok(
        followers.every(({ returns }) => returns > 0),
        'a reader was never cut',
      );
      assert.equal(
        world.workers.status.reduce((sum, { restarts }) => sum + restarts, 0),
        deaths,
      );
      assert.equal(lines.filter((line) => line.includes('a worker has ended')).length, deaths);
      isOver = true;
      for (const follower of followers) follower.close();
      await until(
        async () => (await world.connections()) === 0,
        () => 'connections are left',
      );
      const verdict = await world.client().get(['usage', 'verify']);
      assert.equal(verdict['ok'], true, JSON.stringify(verdict));
      const usage = await world.client().get(['usage'], { by: 'subscription' });
      const delivered = (usage['items'] as { subscription?: string; events: number }[]).reduce((sum, { events }) => sum + events, 0);
      assert.equal(delivered, readers * sent.length);
      assert.ok((usage['total'] as { redelivered: number }).redelivered > 0, 'nothing was on its way when a worker died');
    } finally {
      isOver = true;
      for (const follower of followers) follower.close();
      await Promise.all(following);
      await world.stop();
    }
  },
);
