import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { applyPatch, type Operation } from 'rfc6902';
import { newEvents, openWorld, publish, readerKey } from '../testing/gateway-world.ts';
import { openSse, openWebSocket, type Received, type StreamClient } from '../testing/stream-client.ts';

const protocols: Readonly<Record<string, (url: string, after?: string) => Promise<StreamClient>>> = {
  sse: (url, after) => openSse(url, { key: readerKey, after }),
  websocket: (url, after) => openWebSocket(url, { key: readerKey, after }),
};
/** More than what the kernel takes for a socket that nobody reads, and in many flushes. */
const count = 300;
const same = 'the same in every event, so that a change is shorter '.repeat(40);

/** Checks that the value of each event, or what its change makes of the base, is the one published; how many were changes. */
function checkValues(received: readonly Received[], dataOf: ReadonlyMap<string, unknown>): number {
  const values = new Map<unknown, unknown>();
  let changes = 0;
  for (const { id, position, base, data } of received) {
    let value = data;
    if (base !== undefined) {
      changes += 1;
      value = structuredClone(values.get(base));
      assert.ok(value !== undefined, `${id} is a change of an event that did not come over this connection`);
      assert.ok(applyPatch(value, data as Operation[]).every((failure) => failure === null));
    }
    assert.deepEqual(value, dataOf.get(id));
    values.set(position, value);
  }
  return changes;
}

for (const [protocol, open] of Object.entries(protocols)) {
  describe(`A client by ${protocol} that gets changes and stops reading`, () => {
    for (const overflow of ['pause', 'drop-oldest', 'conflate']) {
      it(`can tell every value, where the plan says ${overflow}, and after a cut`, async () => {
        const world = await openWorld({ limits: `{ backpressure: { maxBuffered: 256KiB, overflow: ${overflow} } }` });
        try {
          const url = `${world.gateway}/world/a/events?delta=patch`;
          const events: readonly Record<string, unknown>[] = newEvents(count).map((event, n) => ({
            ...event,
            subject: `s${n % 3}`,
            data: { n, noise: randomBytes(45_000).toString('base64'), same },
          }));
          const dataOf = new Map(events.map(({ id, data }) => [id as string, data]));
          const client = await open(url);
          for (const event of events.slice(0, 10)) await publish(world.gateway, [event]);
          await client.atLeast(10);
          client.pause();
          for (const event of events.slice(10, -10)) await publish(world.gateway, [event]);
          client.resume();
          await client.until(() => client.received.at(-1)?.id === events.at(-11)?.['id']);
          if (overflow !== 'pause') assert.ok(client.said.length > 0, 'something was given up');
          for (const event of events.slice(-10)) await publish(world.gateway, [event]);
          await client.until(() => client.received.at(-1)?.id === events.at(-1)?.['id']);
          assert.ok(checkValues(client.received, dataOf) >= 14);
          assert.notEqual(client.received.at(-1)?.['base'], undefined, 'in the end changes come again');
          client.close();
          const back = await open(url, client.received.at(-20)?.position);
          await back.until(() => back.received.at(-1)?.id === events.at(-1)?.['id']);
          checkValues(back.received, dataOf);
          back.close();
          const verified = await world.client().get(['usage', 'verify']);
          assert.equal(verified['ok'], true, JSON.stringify(verified));
        } finally {
          await world.stop();
        }
      });
    }
  });
}
