import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newEvents, openWorld, poll, publish, readerKey } from '../testing/gateway-world.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { openSse } from '../testing/stream-client.ts';

/** Everything there is may be read, so that a reader of all channels is possible. */
const contract = `
asyncapi: 3.0.0
info: { title: World, version: 1.0.0 }
channels:
  events: { address: '{room}/events', parameters: { room: {} }, messages: { event: { name: test.event } } }
operations:
  send: { action: send, channel: { $ref: '#/channels/events' } }
`;

let world: SluiceFixture;
before(async () => {
  world = await openWorld({ contract });
});
after(() => world.stop());

const usage = async (): Promise<number> => {
  const { total } = await world.client().get(['usage']);
  return (total as { events: number }).events;
};

interface Verdict {
  readonly ok: boolean;
  readonly ranges: number;
  readonly compared: number;
}

const verify = async (): Promise<Verdict> => (await world.client().get(['usage', 'verify'])) as unknown as Verdict;

test('what a filter took out is billed when it is fetched without the filter', async () => {
  const published = await publish(world.gateway, newEvents(20));
  assert.equal(published.status, 202);
  const first = await poll(world.gateway, '?from=earliest&limit=1');
  const start = first.json[0].position as string;
  const before = await usage();
  const none = await poll(world.gateway, `?after=${start}&filter=false`);
  assert.deepEqual(none.json, []);
  assert.equal(await usage(), before);
  const all = await poll(world.gateway, `?after=${start}`);
  assert.equal(all.json.length, 19);
  assert.equal((await usage()) - before, 19);
  const again = await poll(world.gateway, `?after=${start}`);
  assert.equal(again.json.length, 19);
  assert.equal((await usage()) - before, 19, 'sent again it is not billed');
});

test('a durable reader that comes without its filter is refused and told which it has', async () => {
  assert.equal((await poll(world.gateway, '?reader=one&from=earliest&filter=false')).status, 200);
  const refused = await poll(world.gateway, '?reader=one');
  assert.equal(refused.status, 409);
  assert.equal(refused.json.code, 'CONFLICT');
  assert.match(refused.json.detail, /has the filter false/);
  const stream = await openSse(`${world.gateway}/world/a/events?reader=one`, { key: readerKey });
  await assert.rejects(stream.atLeast(1), /"status":409.*has the filter false/);
});

test('ranges of channels, of all channels and of filtered readers are compared with the log and fit', async () => {
  const url = `${world.gateway}/world/a/events`;
  const clients = await Promise.all([
    openSse(`${url}?from=earliest`, { key: readerKey }),
    openSse(`${url}?from=earliest&filter=data.n%20%25%202%20==%200`, { key: readerKey }),
    openSse(`${world.gateway}/world/*?from=earliest`, { key: readerKey }),
  ]);
  for (const channel of ['a/events', 'b/events', 'a/events']) await publish(world.gateway, newEvents(30), { channel });
  await clients[0].atLeast(80);
  await clients[1].atLeast(40);
  await clients[2].atLeast(110);
  const verdict = await verify();
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
  assert.ok(verdict.compared >= 6, JSON.stringify(verdict));
  for (const client of clients) client.close();
  await world.restart();
  assert.equal((await verify()).ok, true);
});
