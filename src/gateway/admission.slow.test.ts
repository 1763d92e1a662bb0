import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, it } from 'node:test';
import { newEvents, openWorld, poll, publish, readerKey, serviceKey } from '../testing/gateway-world.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { openSse, openWebSocket, type Ending, type StreamClient } from '../testing/stream-client.ts';
import { until } from '../testing/until.ts';

/** Runs with a world that is stopped afterwards, whatever happens. */
async function within(limits: string, run: (world: SluiceFixture, url: string) => Promise<void>, allow?: string): Promise<void> {
  const world = await openWorld({ limits, ...(allow === undefined ? {} : { allow }) });
  try {
    await run(world, `${world.gateway}/world/a/events`);
  } finally {
    await world.stop();
  }
}

const byProtocol: Readonly<Record<string, (url: string) => Promise<StreamClient>>> = {
  sse: (url) => openSse(url, { key: readerKey }),
  websocket: (url) => openWebSocket(url, { key: readerKey }),
  'plain websocket': (url) => openWebSocket(url, { key: readerKey, subprotocol: 'cloudevents.json' }),
};

const holds = (world: SluiceFixture, connections: number): Promise<void> =>
  until(
    async () => (await world.connections()) === connections,
    () => `the gateway does not hold ${connections} connections`,
  );

/** Runs it; answers the milliseconds that took, without the longest for which this process, and the Sluice in it, stood still. */
async function timeOf(run: () => Promise<unknown>): Promise<number> {
  const standstill = monitorEventLoopDelay({ resolution: 10 });
  standstill.enable();
  const at = Date.now();
  await run();
  standstill.disable();
  return Date.now() - at - standstill.max / 1e6;
}

describe('A limit on connections', () => {
  it('is exact when many open at once by any protocol, and frees what is closed', async () => {
    await within('{ connectionCount: { limit: 10 } }', async (world, url) => {
      const kinds = Object.values(byProtocol);
      const clients = await Promise.all(Array.from({ length: 40 }, (_, n) => kinds[n % kinds.length]!(url)));
      assert.equal(await world.connections(), 10);
      const endings: Ending[] = [];
      const over = new Set<StreamClient>();
      await new Promise<void>((resolve) => {
        for (const client of clients) {
          void client.ended.then((ending) => {
            over.add(client);
            if (endings.push(ending) === 30) resolve();
          });
        }
      });
      for (const { problem, status } of endings) assert.ok(status === 429 || problem?.['limit'] === 'connectionCount');
      const open = clients.filter((client) => !over.has(client));
      await publish(world.gateway, newEvents(1));
      await Promise.all(open.map((client) => client.atLeast(1)));
      assert.equal((await poll(world.gateway)).status, 200, 'a page is no connection');
      for (const client of open) client.close();
      await holds(world, 0);
      const again = await byProtocol['sse']!(url);
      await publish(world.gateway, newEvents(1));
      await again.atLeast(1);
      again.close();
    });
  });
});

describe('A limit on duration', () => {
  it('that one connection alone would never use up ends all of them when many came', async () => {
    await within('{ duration: { limit: 62s, per: minute } }', async (_world, url) => {
      const first = await openSse(url, { key: readerKey });
      // All at once: were one of them opened in the next minute, it would never end.
      const others = await Promise.all(Array.from({ length: 39 }, () => openSse(url, { key: readerKey })));
      const clients = [first, ...others];
      for (const { problem } of await Promise.all(clients.map(({ ended }) => ended))) assert.equal(problem?.['code'], 'DURATION_OVER');
    });
  });

  for (const [protocol, open] of Object.entries(byProtocol)) {
    it(`ends each connection by ${protocol} after its time, and takes it again`, async () => {
      await within('{ duration: { limit: 1s, per: connection } }', async (_world, url) => {
        const at = Date.now();
        let ending: Ending = {};
        const lasted = await timeOf(async () => (ending = await (await open(url)).ended));
        assert.ok(Date.now() - at >= 1000 && lasted < 2000, `${lasted} ms`);
        if (protocol === 'sse') assert.equal(ending.problem?.['code'], 'DURATION_OVER');
        else assert.equal(ending.close, 4408);
        const again = await open(url);
        again.close();
      });
    });
  }

  it('per window is shared by the connections of a subscription and lasts over a restart', async () => {
    await within('{ duration: { limit: 3s, per: month } }', async (world, url) => {
      const at = Date.now();
      let endings: readonly Ending[] = [];
      const lasted = await timeOf(async () => {
        const clients = await Promise.all([byProtocol['sse']!(url), byProtocol['websocket']!(url)]);
        endings = await Promise.all(clients.map(({ ended }) => ended));
      });
      assert.ok(Date.now() - at >= 1400 && lasted < 2700, `${lasted} ms`);
      assert.equal(endings[1]!.close, 4408);
      assert.ok(endings[0]!.problem?.['retryAfter'] > 0);
      await world.restart({ grace: 500 });
      const refused = await byProtocol['sse']!(url);
      assert.equal((await refused.ended).problem?.['code'], 'DURATION_OVER');
      assert.equal((await poll(world.gateway)).status, 200, 'a page has no duration');
    });
  });
});

describe('Channel scopes', () => {
  const allow = "{ publish: ['b/*'], read: ['a/events', 'c/*'] }";
  const read = async (world: SluiceFixture, address: string): Promise<number> =>
    (await poll(world.gateway, '', { channel: address })).status;

  it('keep reading and publishing apart, by pattern', async () => {
    await within(
      '{}',
      async (world) => {
        assert.equal(await read(world, 'a/events'), 200);
        assert.equal(await read(world, 'c/events'), 200);
        assert.equal(await read(world, 'b/events'), 403);
        assert.equal(await read(world, '*/events'), 403);
        const send = async (channel: string) =>
          (await publish(world.gateway, newEvents(1, 'test.command'), { key: readerKey, channel })).status;
        assert.equal(await send('b/commands'), 202);
        assert.equal(await send('a/commands'), 403);
        const socket = await openWebSocket(`${world.gateway}/world/b/commands`, { key: readerKey });
        socket.send({ op: 'publish', ref: 1, events: newEvents(1, 'test.command') });
        socket.send({ op: 'publish', ref: 2, address: 'a/commands', events: newEvents(1, 'test.command') });
        await socket.until(() => socket.said.length === 2);
        assert.deepEqual(
          socket.said.map(({ said, ref }) => [said, ref]),
          [
            ['accepted', 1],
            ['error', 2],
          ],
        );
        socket.close();
        const refused = await openSse(`${world.gateway}/world/*/events`, { key: readerKey });
        assert.equal((await refused.ended).status, 403);
      },
      allow,
    );
  });
});

describe('Tickets', () => {
  const ticketFor = async (world: SluiceFixture, body: unknown = {}): Promise<string> => {
    const headers = { 'x-api-key': readerKey, 'content-type': 'application/json' };
    const answer = await fetch(`${world.control}/api/v1/tickets`, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 201);
    return ((await answer.json()) as { ticket: string }).ticket;
  };

  it('open one connection that ends with the key that asked for it', async () => {
    await within('{}', async (world, url) => {
      const ticket = await ticketFor(world);
      const client = await openSse(`${url}?ticket=${ticket}`);
      await publish(world.gateway, newEvents(1));
      await client.atLeast(1);
      assert.equal((await (await openSse(`${url}?ticket=${ticket}`)).ended).status, 401);
      const socket = await openWebSocket(`${url}?ticket=${await ticketFor(world, { api: 'world' })}`);
      const kept = await openSse(`${world.gateway}/world/a/commands`, { key: serviceKey });
      const [credential] = ((await world.client().get(['applications', 'reader', 'credentials'])) as any).items;
      await world.client().remove(['applications', 'reader', 'credentials', credential.id]);
      assert.equal((await client.ended).problem?.['code'], 'CREDENTIAL_REVOKED');
      assert.equal((await socket.ended).close, 4401);
      await publish(world.gateway, newEvents(1), {});
      await holds(world, 1);
      kept.close();
    });
  });

  it('of a key that was revoked meanwhile open nothing', async () => {
    await within('{}', async (world, url) => {
      const ticket = await ticketFor(world);
      const [credential] = ((await world.client().get(['applications', 'reader', 'credentials'])) as any).items;
      await world.client().remove(['applications', 'reader', 'credentials', credential.id]);
      const ending = await (await openSse(`${url}?ticket=${ticket}`)).ended;
      assert.equal(ending.problem?.['code'], 'CREDENTIAL_REVOKED');
    });
  });
});

describe('A durable reader', () => {
  const url = (world: SluiceFixture, query = '') => `${world.gateway}/world/a/events?reader=one${query}`;

  it('belongs to the newest connection, and nothing is billed twice', async () => {
    await within('{}', async (world) => {
      const first = await openWebSocket(url(world), { key: readerKey });
      await publish(world.gateway, newEvents(3));
      await first.atLeast(3);
      first.send({ op: 'ack', position: first.received[1]!.position });
      first.send({ op: 'limits' });
      await first.until(() => first.said.length === 1);
      const second = await openSse(url(world), { key: readerKey });
      assert.equal((await first.ended).close, 4409);
      await second.atLeast(1);
      assert.deepEqual(
        second.received.map(({ position }) => position),
        [first.received[2]!.position],
      );
      const page = poll(world.gateway, '?reader=one&wait=60s');
      const ending = await second.ended;
      assert.equal(ending.problem?.['code'], 'READER_TAKEN');
      assert.equal(ending.lastEventId, 'end');
      const third = await openWebSocket(url(world), { key: readerKey });
      const answer = await page;
      assert.ok(answer.status === 409 || answer.json.length > 0);
      third.close();
      const usage = (await world.client().get(['usage'])) as any;
      const verified = (await world.client().get(['usage', 'verify'])) as any;
      assert.equal(verified.ok, true, JSON.stringify(verified));
      assert.match(JSON.stringify(usage), /"(billable|delivered|events)":3\b/);
    });
  });

  it('that many connections take at once has one at the end', async () => {
    await within('{}', async (world) => {
      await publish(world.gateway, newEvents(1));
      const clients = await Promise.all(Array.from({ length: 20 }, () => openWebSocket(url(world), { key: readerKey })));
      await holds(world, 1);
      await publish(world.gateway, newEvents(1));
      await Promise.any(clients.map((client) => client.atLeast(1)));
      assert.equal(
        clients.reduce((sum, { received }) => sum + received.length, 0),
        1,
      );
      for (const client of clients) client.close();
    });
  });

  it('that retention has passed is told where it may go on, and then begins where it asks to', async () => {
    const world = await openWorld({ api: ['retention: { bytes: 64KiB }'] });
    try {
      assert.equal((await poll(world.gateway, '?reader=one&from=earliest')).status, 200);
      const padding = 'x'.repeat(4000);
      for (let n = 0; n < 60; n += 1)
        await publish(
          world.gateway,
          newEvents(1).map((event) => ({ ...event, data: padding })),
        );
      const lost = (answer: { status: number }) => answer.status === 410;
      let told = await poll(world.gateway, '?reader=one');
      await until(
        async () => {
          await publish(
            world.gateway,
            newEvents(1).map((event) => ({ ...event, data: padding })),
          );
          return lost((told = await poll(world.gateway, '?reader=one')));
        },
        () => 'nothing was deleted',
      );
      assert.equal(told.json.code, 'POSITION_LOST');
      assert.match(told.json.oldest, /^[0-9a-z]{6}-\d+$/);
      const page = await poll(world.gateway, '?reader=one&from=earliest');
      assert.equal(page.status, 200);
      assert.ok(page.json.length > 0);
      const verified = (await world.client().get(['usage', 'verify'])) as any;
      assert.equal(verified.ok, true, JSON.stringify(verified));
      const socket = await openWebSocket(`${world.gateway}/world/a/events?after=${told.json.oldest.replace(/\d+$/, '0')}`, {
        key: readerKey,
      });
      assert.equal((await socket.ended).close, 4410);
    } finally {
      await world.stop();
    }
  });
});
