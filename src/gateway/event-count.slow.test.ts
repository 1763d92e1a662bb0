import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { command, newEvents, openWorld, poll, publish, readerKey } from '../testing/gateway-world.ts';
import { openSse, openWebSocket, type StreamClient } from '../testing/stream-client.ts';

const open: Readonly<Record<string, (gateway: string, query?: string) => Promise<StreamClient>>> = {
  sse: (gateway, query = '') => openSse(`${gateway}/world/a/events${query}`, { key: readerKey }),
  websocket: (gateway, query = '') => openWebSocket(`${gateway}/world/a/events${query}`, { key: readerKey }),
};

const longest: Readonly<Record<string, number>> = { minute: 60, hour: 3600, day: 86_400, week: 604_800, month: 31 * 86_400 };

/** A window that ends meanwhile begins anew, so nothing begins in the last seconds of an hour. */
async function untilNextHourIsFar(): Promise<void> {
  const left = 3_600_000 - (Date.now() % 3_600_000);
  if (left < 20_000) await wait(left + 100);
}

describe('A limit on delivered events', () => {
  for (const per of ['hour', 'day', 'week', 'month']) {
    it(`per ${per} lets two connections of one subscription have not one too many`, async () => {
      await untilNextHourIsFar();
      const world = await openWorld({ limits: `{ eventCount: { limit: 50, per: ${per} } }` });
      try {
        const clients = await Promise.all([open['sse']!(world.gateway), open['websocket']!(world.gateway)]);
        for (let round = 0; round < 10; round += 1) await publish(world.gateway, newEvents(7));
        const endings = await Promise.all(clients.map(({ ended }) => ended));
        assert.equal(clients[0].received.length + clients[1].received.length, 50);
        assert.equal(endings[1]!.close, 4429);
        for (const { problem } of endings) {
          assert.equal(problem?.['code'], 'LIMIT_REACHED');
          assert.equal(problem?.['quota'], 50);
          assert.ok(problem?.['retryAfter'] > 0 && problem?.['retryAfter'] <= longest[per]!);
          assert.ok(Date.parse(problem?.['resetsAt']) > Date.now());
        }
        const refused = await poll(world.gateway, '?from=earliest');
        assert.equal(refused.status, 429);
        const retryAfter = Number(refused.headers.get('retry-after'));
        assert.ok(retryAfter > 0 && retryAfter <= longest[per]!, `Retry-After ${retryAfter}`);
      } finally {
        await world.stop();
      }
    });
  }

  for (const protocol of ['sse', 'websocket']) {
    it(`per second holds a reader by ${protocol}, which goes on by itself and misses nothing`, async () => {
      const world = await openWorld({ limits: '{ eventCount: { limit: 40, per: second } }' });
      try {
        const client = await open[protocol]!(world.gateway);
        const events = newEvents(100);
        const begun = Date.now();
        await publish(world.gateway, events);
        await client.atLeast(100);
        const ended = Date.now();
        assert.deepEqual(
          client.received.map(({ id }) => id),
          events.map(({ id }) => id),
        );
        const holds = client.said.filter(({ said }) => said === 'sluice.limit' || said === 'limits');
        assert.ok(holds.length >= 1, 'it is told');
        const until = Date.parse(holds[0]!['until']);
        assert.ok(until > begun && until <= ended, `${until - begun} ms of ${ended - begun}`);
        client.close();
      } finally {
        await world.stop();
      }
    });
  }

  it('holds pages too: what is left of the window, then 429', async () => {
    const world = await openWorld({ limits: '{ eventCount: { limit: 5, per: day } }' });
    try {
      await publish(world.gateway, newEvents(8));
      const first = await poll(world.gateway, '?from=earliest&limit=3');
      assert.equal(first.json.length, 3);
      assert.match(String(first.headers.get('ratelimit')), /"eventCount-deliver";r=2/);
      const next = /<([^>]*)>/.exec(String(first.headers.get('link')))![1]!;
      const second = await poll(world.gateway, next.slice(next.indexOf('?')));
      assert.equal(second.json.length, 2);
      const third = await poll(world.gateway, '?from=earliest');
      assert.equal(third.status, 429);
      assert.equal(third.json.code, 'LIMIT_REACHED');
    } finally {
      await world.stop();
    }
  });

  it('shows each decision once to the subscriber', async () => {
    const lines: string[] = [];
    const world = await openWorld({ limits: '{ eventCount: { limit: 3, per: day } }' }, { onLog: (line) => lines.push(line) });
    try {
      const client = await open['sse']!(world.gateway);
      await publish(world.gateway, newEvents(5));
      await client.ended;
      const decisions = lines.filter((line) => line.includes('LIMIT_REACHED'));
      assert.equal(decisions.length, 1, decisions.join('\n'));
      assert.match(JSON.stringify(await world.client().get(['analytics', 'errors'])), /eventCount/);
    } finally {
      await world.stop();
    }
  });
});

describe('A limit on published events', () => {
  it('takes a batch whole or not at all, and says what is left', async () => {
    const world = await openWorld({ limits: '{ eventCount: { limit: 10, per: day, counts: publish } }' });
    try {
      const first = await command(world.gateway, 6);
      assert.equal(first.status, 202);
      assert.match(String(first.headers.get('ratelimit')), /r=4;t=\d+/);
      const second = await command(world.gateway, 5);
      assert.equal(second.status, 429);
      assert.equal(second.json.remaining, 4);
      assert.ok(Number(second.headers.get('retry-after')) <= 86_400);
      assert.equal((await command(world.gateway, 4)).status, 202);
      assert.equal((await command(world.gateway, 1)).status, 429);
      assert.equal((await command(world.gateway, 11)).json.code, 'TOO_LARGE');
    } finally {
      await world.stop();
    }
  });

  it('is exact when many requests and a WebSocket race, and repeated events are free', async () => {
    const world = await openWorld({ limits: '{ eventCount: { limit: 100, per: month, counts: publish } }' });
    try {
      const webSocket = await openWebSocket(`${world.gateway}/world/a/commands`, { key: readerKey });
      for (let n = 0; n < 60; n += 1) webSocket.send({ op: 'publish', events: newEvents(1, 'test.command') });
      const answers = await Promise.all(Array.from({ length: 40 }, () => command(world.gateway, 3)));
      await webSocket.until(() => webSocket.said.length === 60);
      const byRequest = answers.filter(({ status }) => status === 202).length * 3;
      const bySocket = webSocket.said.filter(({ said }) => said === 'accepted').length;
      assert.ok(byRequest + bySocket <= 100 && byRequest + bySocket > 97, `${byRequest} + ${bySocket}`);
      const kept = await poll(world.gateway, '?from=earliest&limit=1000', { key: 'service-key-0123456789', channel: 'a/commands' });
      assert.equal(kept.json.length, byRequest + bySocket);
      const again = await publish(
        world.gateway,
        kept.json.slice(0, 1).map((event: Record<string, unknown>) => ({ ...event, position: undefined })),
        { key: readerKey, channel: 'a/commands' },
      );
      assert.ok(again.status === 429 || again.json.accepted === 0);
      webSocket.close();
    } finally {
      await world.stop();
    }
  });

  it('counts both ways together when it says so', async () => {
    await untilNextHourIsFar();
    const world = await openWorld({ limits: '{ eventCount: { limit: 10, per: hour, counts: both } }' });
    try {
      assert.equal((await command(world.gateway, 4)).status, 202);
      const client = await open['websocket']!(world.gateway);
      await publish(world.gateway, newEvents(9));
      assert.equal((await client.ended).close, 4429);
      assert.equal(client.received.length, 6);
      assert.equal((await command(world.gateway, 1)).status, 429);
    } finally {
      await world.stop();
    }
  });

  it('comes back with the next second', async () => {
    const world = await openWorld({ limits: '{ eventCount: { limit: 5, per: second, counts: publish } }' });
    try {
      let accepted = 0;
      /** From then on the next is taken. */
      let comesBackAt = Infinity;
      const seconds = new Set<number>();
      while (accepted < 15) {
        const sentAt = Date.now();
        const { status, headers } = await command(world.gateway, 1);
        const answeredAt = Date.now();
        seconds.add(Math.floor(answeredAt / 1000));
        if (status === 202) {
          accepted += 1;
          comesBackAt = Infinity;
        } else {
          assert.equal(headers.get('retry-after'), '1');
          assert.ok(sentAt < comesBackAt, `refused for ${sentAt - comesBackAt} ms more than a second`);
          comesBackAt = Math.min(comesBackAt, answeredAt + 1000);
        }
      }
      assert.ok(seconds.size >= 3);
    } finally {
      await world.stop();
    }
  });
});

describe('Windows over a restart', () => {
  it('go on where they were after a clean one', async () => {
    const world = await openWorld({
      limits: '{ eventCount: [{ limit: 10, per: day, counts: publish }, { limit: 20, per: month, counts: deliver }] }',
    });
    try {
      assert.equal((await command(world.gateway, 7)).status, 202);
      await publish(world.gateway, newEvents(15));
      assert.equal((await poll(world.gateway, '?from=earliest')).json.length, 15);
      await world.restart({ grace: 500 });
      assert.equal((await command(world.gateway, 4)).status, 429);
      assert.equal((await command(world.gateway, 3)).status, 202);
      assert.equal((await poll(world.gateway, '?from=earliest')).json.length, 5);
      assert.equal((await poll(world.gateway, '?from=earliest')).status, 429);
    } finally {
      await world.stop();
    }
  });
});

describe('A preset', () => {
  it('brings the limits of its name', async () => {
    const world = await openWorld({ preset: 'bronze' });
    try {
      await publish(world.gateway, newEvents(1));
      const page = await poll(world.gateway, '?from=earliest');
      assert.match(String(page.headers.get('ratelimit-policy')), /"eventCount-deliver";q=5000;w=86400/);
      assert.match(String(page.headers.get('ratelimit')), /r=4999/);
    } finally {
      await world.stop();
    }
  });
});
