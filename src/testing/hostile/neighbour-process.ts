import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { openSse } from '../stream-client.ts';
import type { NeighbourReport } from './neighbour.ts';
import { keys } from './victim-world.ts';

/*
 * The healthy neighbour of whoever misbehaves, in a process of its own so that only the server's delays are measured: publishes
 * 50 events a second and reads them back over SSE. Argument: the gateway's URL. Each line on stdin is answered with one line about
 * what happened since the last, when all that was published has come back; the end of stdin ends it.
 */

/** Milliseconds between two publishes. */
const pace = 20;
const [gateway] = process.argv.slice(2) as [string];
const url = `${gateway}/shop/neighbour/events`;
const agent = new Agent({ keepAlive: true, maxSockets: 50 });

const sentAt = new Map<string, number>();
let latencies: number[] = [];
let [published, refused, received, misplaced] = [0, 0, 0, 0];
let [lastId, lastPosition] = [0, -1];
let isLeaving = false;

const stream = await openSse(url, { key: keys.NEIGHBOUR_KEY });

function publish(): void {
  published += 1;
  lastId += 1;
  const id = `n-${process.pid}-${lastId}`;
  const body = JSON.stringify({ specversion: '1.0', id, source: '/neighbour', type: 'test.event', data: { n: lastId } });
  const headers = {
    'x-api-key': keys.NEIGHBOUR_SERVICE_KEY,
    'content-type': 'application/cloudevents+json',
    'content-length': Buffer.byteLength(body),
  };
  sentAt.set(id, performance.now());
  const outgoing = request(url, { method: 'POST', headers, agent }, (response) => {
    if (response.statusCode !== 202) refused += 1;
    response.resume();
  });
  outgoing.on('error', () => (refused += 1));
  outgoing.end(body);
}

function collect(): void {
  for (const { id, position } of stream.received.splice(0)) {
    const place = Number(position.split('-')[1]);
    const sent = sentAt.get(id);
    if (sent === undefined || place <= lastPosition) misplaced += 1;
    else latencies.push(performance.now() - sent);
    sentAt.delete(id);
    lastPosition = place;
    received += 1;
  }
}

function report(): NeighbourReport {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 10) / 10;
  const now = { published, refused, received, missing: sentAt.size, misplaced, p50: at(0.5), p99: at(0.99), longest: at(1) };
  latencies = [];
  [published, refused, received, misplaced] = [0, 0, 0, 0];
  sentAt.clear();
  return now;
}

void stream
  .until(() => {
    collect();
    return false;
  }, 2 ** 30)
  .catch((error: unknown) => {
    if (!isLeaving) throw error;
  });

/** Resolves once every event that was published has come back, or half a minute later. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearInterval(check);
      clearTimeout(giveUp);
      resolve();
    };
    const check = setInterval(() => sentAt.size === 0 && finish(), pace);
    const giveUp = setTimeout(finish, 30_000);
  });
}

let publishing = setInterval(publish, pace);
process.stdout.write('ready\n');
for await (const _ of createInterface({ input: process.stdin })) {
  clearInterval(publishing);
  await settled();
  process.stdout.write(`${JSON.stringify(report())}\n`);
  publishing = setInterval(publish, pace);
}
clearInterval(publishing);
isLeaving = true;
stream.close();
agent.destroy();
