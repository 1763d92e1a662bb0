import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { after, before, describe, it } from 'node:test';
import { newEvents, poll, publish, readerKey, worldConfig, worldFiles } from '../testing/gateway-world.ts';
import { startProcess, type SluiceProcess } from '../testing/sluice-process.ts';
import { openSse, openWebSocket, type StreamClient } from '../testing/stream-client.ts';

describe('A Sluice that is told to stop', () => {
  let folder: string;
  let running: SluiceProcess | undefined;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    await writeFile(join(folder, 'sluice.yaml'), worldConfig());
    await writeFile(join(folder, 'world.yaml'), worldFiles()['world.yaml']!);
  });
  after(async () => {
    running?.signal('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const start = async (...args: string[]): Promise<SluiceProcess> => (running = await startProcess({ folder, args }));

  it('sends everybody away in an orderly way, keeps what it acknowledged, and ends with 0', async () => {
    const { gateway, signal, exited } = await start();
    const url = `${gateway}/world/a/events`;
    const streams = await Promise.all(Array.from({ length: 200 }, () => openSse(url, { key: readerKey })));
    const sockets = await Promise.all(Array.from({ length: 200 }, () => openWebSocket(url, { key: readerKey })));
    const pages = Array.from({ length: 20 }, () => poll(gateway, '?wait=60s', { channel: 'quiet/events' }));
    const acknowledged: string[] = [];
    let stopping = false;
    const publishers = Array.from({ length: 8 }, async () => {
      for (;;) {
        const answer = await publish(gateway, newEvents(5)).catch(() => undefined);
        if (answer?.status === 202) acknowledged.push(...answer.json.positions);
        else if (stopping) return answer;
      }
    });
    await Promise.all([...streams, ...sockets].map((client) => client.atLeast(20)));
    const standstill = monitorEventLoopDelay();
    standstill.enable();
    const at = Date.now();
    stopping = true;
    signal('SIGTERM');
    const left: number[] = [];
    const [streamEnds, socketEnds] = await Promise.all([ends(streams, left), ends(sockets, left)]);
    standstill.disable();
    assert.equal(await exited, 0);
    // Less than its grace.
    assert.ok(Date.now() - at < 9000, `${Date.now() - at} ms`);
    const retries = streamEnds.map(({ retry }) => retry!);
    assert.ok(
      retries.every((retry) => retry >= 1000 && retry <= 6000),
      String(retries.filter((retry) => !(retry >= 1000 && retry <= 6000))),
    );
    assert.ok(new Set(retries).size > 100, 'they do not come back at once');
    assert.ok(socketEnds.every(({ close }) => close === 1012));
    const spread = Math.max(...left) - Math.min(...left);
    // Who stands still hears of all at once.
    assert.ok(spread > 1000 || standstill.max > 1e9, `all left within ${spread} ms`);
    for (const page of await Promise.all(pages)) {
      assert.equal(page.status, 503);
      assert.ok(Number(page.headers.get('retry-after')) > 0);
    }
    const refusals = await Promise.all(publishers);
    for (const refusal of refusals) assert.ok(refusal === undefined || refusal.status === 503);

    const again = await start();
    const kept = new Set<string>();
    let next = '?from=earliest&limit=1000';
    for (;;) {
      const page = await poll(again.gateway, next);
      for (const { position } of page.json) kept.add(position);
      if (page.json.length === 0) break;
      next = `?limit=1000&after=${page.json.at(-1).position}`;
    }
    assert.deepEqual(
      acknowledged.filter((position) => !kept.has(position)),
      [],
    );
    assert.ok(acknowledged.length > 0);
    again.signal('SIGTERM');
    assert.equal(await again.exited, 0);
  });

  it('is not held up by clients that do not read', async () => {
    const { gateway, signal, exited } = await start('--grace', '4');
    const deaf = await Promise.all([deafStream(gateway), deafSocket(gateway)]);
    const waiting = await openSse(`${gateway}/world/a/events`, { key: readerKey });
    const padding = 'x'.repeat(500_000);
    for (let n = 0; n < 20; n += 1)
      await publish(
        gateway,
        newEvents(1).map((event) => ({ ...event, data: padding })),
      );
    await waiting.atLeast(20);
    const at = Date.now();
    signal('SIGTERM');
    assert.equal(await exited, 0);
    // Without the option it would be ten seconds.
    assert.ok(Date.now() - at < 9000, `${Date.now() - at} ms`);
    for (const socket of deaf) socket.destroy();
  });

  it('ends at once when it is told a second time', async () => {
    const { gateway, signal, exited } = await start();
    const socket = await deafSocket(gateway);
    const at = Date.now();
    signal('SIGTERM');
    // Two signals within a moment count as one, as a wrapper and a terminal may both pass on the same: it is told until it hears the second.
    const telling = setInterval(() => signal('SIGTERM'), 20);
    const code = await exited;
    clearInterval(telling);
    assert.equal(code, 143);
    assert.ok(Date.now() - at < 9000, `${Date.now() - at} ms`);
    socket.destroy();
  });
});

function ends(clients: readonly StreamClient[], left: number[]): Promise<readonly Awaited<StreamClient['ended']>[]> {
  return Promise.all(
    clients.map(async ({ ended }) => {
      const ending = await ended;
      left.push(Date.now());
      return ending;
    }),
  );
}

/** Opens a stream and never reads a byte of it. */
function deafStream(gateway: string): Promise<Socket> {
  return deaf(gateway, 'Accept: text/event-stream\r\n');
}

/** A WebSocket that answers nothing, not even the close frame. */
function deafSocket(gateway: string): Promise<Socket> {
  return deaf(
    gateway,
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
  );
}

async function deaf(gateway: string, headers: string): Promise<Socket> {
  const { port, host } = new URL(gateway);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`GET /world/a/events HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${readerKey}\r\n${headers}\r\n`);
  await new Promise((resolve) => socket.once('readable', resolve));
  socket.pause();
  return socket;
}
