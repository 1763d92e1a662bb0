import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startSluice } from '../cli/wire.ts';
import { newEvents, openWorld, publish, readerKey, worldConfig } from '../testing/gateway-world.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { openSse, openWebSocket, type StreamClient } from '../testing/stream-client.ts';
import { until } from '../testing/until.ts';

const limit = { timeout: 60_000 };

interface WorkerView {
  readonly connections: number;
  readonly restarts: number;
}

async function workersOf(world: SluiceFixture): Promise<readonly WorkerView[]> {
  const { gateway } = await world.client().get(['status']);
  return (gateway as { workers: readonly WorkerView[] }).workers;
}

function openEither(world: SluiceFixture, index: number): Promise<StreamClient> {
  const url = `${world.gateway}/world/a/events`;
  return index % 2 === 0 ? openSse(url, { key: readerKey }) : openWebSocket(url, { key: readerKey });
}

describe('two workers', () => {
  let world: SluiceFixture;

  before(async () => {
    world = await openWorld({}, { workers: 2 });
  });

  after(() => world.stop());

  test('both have clients, and the status page says how many', limit, async () => {
    const clients = await Promise.all(Array.from({ length: 24 }, (_, index) => openEither(world, index)));
    const workers = await workersOf(world);
    assert.deepEqual(
      [workers.length, workers.reduce((sum, { connections }) => sum + connections, 0), workers.every(({ connections }) => connections > 0)],
      [2, 24, true],
    );
    const metrics = await (await fetch(`${world.control}/metrics`)).text();
    for (const [worker, { connections }] of workers.entries())
      assert.ok(metrics.includes(`sluice_worker_connection_active{worker="${worker}"} ${connections}\n`), metrics);
    const answer = await publish(world.gateway, newEvents(50));
    assert.equal(answer.json.positions.length, 50);
    for (const client of clients) {
      await client.atLeast(50);
      assert.deepEqual(
        client.received.map(({ position }) => position),
        answer.json.positions,
      );
      client.close();
    }
    await until(
      async () => (await workersOf(world)).every(({ connections }) => connections === 0),
      () => 'connections are left',
    );
  });

  test('let go of clients that vanish while they are let in', limit, async () => {
    const { port } = new URL(world.gateway);
    const head = `host: x\r\nauthorization: Bearer ${readerKey}\r\n`;
    const requests = [
      `GET /world/a/events HTTP/1.1\r\n${head}accept: text/event-stream\r\n\r\n`,
      `GET /world/a/events HTTP/1.1\r\n${head}connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      `GET /world/a/events?wait=60s HTTP/1.1\r\n${head}\r\n`,
      `POST /world/a/commands HTTP/1.1\r\n${head}content-type: application/json\r\ncontent-length: 5\r\n\r\n`,
    ];
    for (let n = 0; n < 80; n += 1) {
      const socket = connect(Number(port), '127.0.0.1');
      await once(socket, 'connect');
      socket.write(requests[n % requests.length] as string, () => socket.destroy());
      await once(socket, 'close');
    }
    await until(
      async () => (await world.connections()) === 0 && (await workersOf(world)).every(({ connections }) => connections === 0),
      () => 'connections are left',
    );
  });

  test('know what an API says to browsers as soon as it is changed', limit, async () => {
    const origin = 'https://allowed.example';
    const allowed = async (): Promise<string | null> => {
      const answer = await fetch(`${world.gateway}/world/a/events`, { method: 'OPTIONS', headers: { origin } });
      return answer.headers.get('access-control-allow-origin');
    };
    assert.equal(await allowed(), null);
    await world.apply(worldConfig({ api: [`cors: { origins: ['${origin}'] }`] }));
    // On either worker, each of which is told by a message of its own.
    await until(
      async () => {
        for (let n = 0; n < 20; n += 1) if ((await allowed()) !== origin) return false;
        return true;
      },
      () => 'a worker was not told',
    );
    assert.equal((await fetch(`${world.gateway}/nowhere`)).status, 404);
  });
});

describe('limits over two workers', () => {
  test('let exactly so many events out, whoever reads them', limit, async () => {
    const world = await openWorld({ limits: '{ eventCount: { limit: 1000, per: month } }' }, { workers: 2 });
    try {
      const clients = await Promise.all(Array.from({ length: 24 }, (_, index) => openEither(world, index)));
      assert.ok((await workersOf(world)).every(({ connections }) => connections > 0));
      for (let round = 0; round < 20; round += 1) await publish(world.gateway, newEvents(7));
      const endings = await Promise.all(clients.map(({ ended }) => ended));
      for (const { problem } of endings) assert.equal(problem?.['code'], 'LIMIT_REACHED');
      assert.equal(
        clients.reduce((sum, { received }) => sum + received.length, 0),
        1000,
      );
      const verdict = await world.client().get(['usage', 'verify']);
      assert.equal(verdict['ok'], true, JSON.stringify(verdict));
    } finally {
      await world.stop();
    }
  });

  test('let exactly so many connections in', limit, async () => {
    const world = await openWorld({ limits: '{ connectionCount: { limit: 5 } }' }, { workers: 2 });
    try {
      const clients = await Promise.all(Array.from({ length: 20 }, (_, index) => openEither(world, index)));
      assert.equal(await world.connections(), 5);
      for (const client of clients) client.close();
      await until(
        async () => (await world.connections()) === 0,
        () => 'connections are left',
      );
    } finally {
      await world.stop();
    }
  });
});

test('a port that somebody has is not shared with them', limit, async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen({ port: 0, host: '127.0.0.1', reusePort: true }, resolve));
  const { port } = other.address() as AddressInfo;
  const data = await mkdtemp(join(tmpdir(), 'sluice-'));
  try {
    await assert.rejects(startSluice({ data, port, controlPort: 0, workers: 2, env: {} }), { code: 'EADDRINUSE' });
  } finally {
    other.close();
    await rm(data, { recursive: true, force: true });
  }
});
