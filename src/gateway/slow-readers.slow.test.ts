import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { newEvents, openWorld, publish, readerKey } from '../testing/gateway-world.ts';
import { openSse, openWebSocket, type StreamClient } from '../testing/stream-client.ts';

const protocols: Readonly<Record<string, (url: string) => Promise<StreamClient>>> = {
  sse: (url) => openSse(url, { key: readerKey }),
  websocket: (url) => openWebSocket(url, { key: readerKey }),
};

/** 60,000 characters that compression makes little smaller. */
const padding = randomBytes(45_000).toString('base64');
/** More than what the kernel takes for a socket that nobody reads, and in many flushes. */
const count = 300;

const gapsOf = ({ said }: StreamClient): readonly Readonly<Record<string, any>>[] =>
  said.filter((one) => one['said'] === 'sluice.gap' || one['said'] === 'gap');

const placeOf = (position: string): number => Number(position.split('-')[1]);

for (const [protocol, open] of Object.entries(protocols)) {
  describe(`A client by ${protocol} that stops reading`, () => {
    /** Lets a client fall behind by all events but the first, and read again. */
    async function fallBehind(
      overflow: string,
      run: (client: StreamClient, events: readonly Record<string, unknown>[]) => Promise<void>,
    ): Promise<void> {
      const world = await openWorld({ limits: `{ backpressure: { maxBuffered: 256KiB, overflow: ${overflow} } }` });
      try {
        const url = `${world.gateway}/world/a/events`;
        const [client, healthy] = await Promise.all([open(url), openSse(url, { key: readerKey })]);
        const events = newEvents(count).map((event, n) => ({ ...event, subject: `s${n % 3}`, data: { n, padding } }));
        await publish(world.gateway, events.slice(0, 1));
        await client.atLeast(1);
        client.pause();
        let published = 1;
        // One that is disconnected has seconds to take its last words.
        while (published < count && (overflow !== 'disconnect' || (await world.connections()) === 2)) {
          await publish(world.gateway, events.slice(published, published + 1));
          published += 1;
        }
        if (overflow === 'disconnect') client.resume();
        await healthy.atLeast(published);
        assert.equal(healthy.said.length, 0, 'who reads is not concerned');
        client.resume();
        await run(client, events);
        client.close();
        healthy.close();
        const verified = await world.client().get(['usage', 'verify']);
        assert.equal(verified['ok'], true, JSON.stringify(verified));
      } finally {
        await world.stop();
      }
    }

    it('pauses: it gets everything when it reads again', async () => {
      await fallBehind('pause', async (client, events) => {
        await client.atLeast(count);
        assert.deepEqual(
          client.received.map(({ id }) => id),
          events.map(({ id }) => id),
        );
        assert.deepEqual(gapsOf(client), []);
      });
    });

    it('drops the oldest: it is told how many it missed, and where', async () => {
      await fallBehind('drop-oldest', async (client, events) => {
        const last = events.at(-1)!['id'];
        await client.until(() => client.received.at(-1)?.id === last);
        const missed = gapsOf(client).reduce((sum, gap) => sum + gap['events'], 0);
        assert.ok(missed > 0);
        assert.equal(client.received.length + missed, count);
        assert.ok(gapsOf(client).every(({ reason, after, upTo }) => reason === 'dropped' && placeOf(after) < placeOf(upTo)));
        const order = client.received.map(({ data }) => (data as { n: number }).n);
        assert.deepEqual(
          order,
          order.toSorted((a, b) => a - b),
        );
      });
    });

    it('conflates: of each subject it gets the newest', async () => {
      await fallBehind('conflate', async (client, events) => {
        const last = events.at(-1)!['id'];
        await client.until(() => client.received.at(-1)?.id === last);
        const tail = client.received.slice(-3).map(({ subject }) => String(subject));
        assert.deepEqual(tail.toSorted(), ['s0', 's1', 's2']);
        const missed = gapsOf(client).reduce((sum, gap) => sum + gap['events'], 0);
        assert.equal(client.received.length + missed, count);
      });
    });

    it('is disconnected where the plan says so, and told', async () => {
      await fallBehind('disconnect', async (client) => {
        const ending = await client.ended;
        assert.ok(client.received.length < count);
        if (protocol === 'websocket') assert.equal(ending.close, 4430);
        assert.equal(ending.problem?.['code'], 'TOO_SLOW');
      });
    });
  });
}
