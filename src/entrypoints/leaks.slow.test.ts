import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { assertNoConnections, keyOf, numbered, openChat, say } from '../testing/chat-world.ts';
import { readingByPoll } from '../testing/reading-by-poll.ts';
import { readingBySse } from '../testing/reading-by-sse.ts';
import { readingBySseHttp2 } from '../testing/reading-by-sse-http2.ts';
import { readingBySluiceWebSocket, readingByWebSocket } from '../testing/reading-by-websocket.ts';
import type { Reading } from '../testing/reading-client.ts';
import { eventsOf } from '../testing/reading-world.ts';
import { until } from '../testing/until.ts';

const protocols = [readingBySse, readingBySseHttp2, readingByWebSocket, readingBySluiceWebSocket, readingByPoll];
const kinds = ['TCPSocketWrap', 'TCPServerWrap', 'MessagePort', 'Timeout', 'Immediate'];

/** How many of each kind keep the process going. */
function resources(): Readonly<Record<string, number>> {
  const held = process.getActiveResourcesInfo();
  return Object.fromEntries(kinds.map((kind) => [kind, held.filter((name) => name === kind).length]));
}

test('clients that come and go, however they go, leave nothing behind', { timeout: 300_000 }, async () => {
  const warnings: string[] = [];
  const onWarning = ({ name, message }: Error): void => void warnings.push(`${name}: ${message}`);
  process.on('warning', onWarning);
  const before = resources();
  const world = await openChat();
  const room = '/chat/leaks/said';
  let heap = 0;
  for (let round = 0; round < 12; round += 1) {
    const readings: Reading[] = [];
    for (const protocol of protocols) {
      for (let n = 0; n < 25; n += 1)
        readings.push(protocol.read({ gateway: world.gateway, path: room, key: n % 5 === 4 ? 'nobody' : keyOf('open') }));
    }
    await Promise.all(readings.map(({ ready }) => ready));
    await say(world, room, numbered(`${round}-`, 10));
    for (const [index, reading] of readings.entries()) if (index % 5 !== 4) await eventsOf(reading, 10);
    for (const reading of readings) reading.close();
    await assertNoConnections(world);
    // The first rounds fill caches and pools.
    if (round === 3) heap = heapUsed();
  }
  const growth = heapUsed() - heap;
  assert.ok(growth < 8 * 1024 * 1024, `eight rounds of a hundred clients left ${growth >> 10} KiB`);
  await world.stop();
  await until(
    async () => Object.entries(resources()).every(([kind, count]) => count <= (before[kind] ?? 0) + (kind === 'Timeout' ? 1 : 0)),
    () => JSON.stringify({ before, after: resources() }),
  );
  process.off('warning', onWarning);
  assert.deepEqual(warnings, []);
});

/** Bytes in use once all garbage is gone. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
