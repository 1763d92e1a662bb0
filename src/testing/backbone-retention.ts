import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Backbone, Channel } from '../core/backbone.ts';
import type { GatewayError } from '../core/errors.ts';
import type { Position } from '../core/position.ts';
import { ids, numbered, refusal } from './backbone-events.ts';
import type { BackboneTest } from './backbone-live.ts';

/** What retention may and may not take from a reader. */
export function forgetting(test: BackboneTest): void {
  test('refuses a position only where events of that very channel were deleted after it', async (backbone, log) => {
    const on = (address: string): Channel => ({ log, address });
    const start = await backbone.locate(on('*'), { at: 'earliest' });
    const [quiet] = await backbone.publish(on('quiet/1'), numbered(1));
    const consumer = await backbone.consume(on('quiet/1'), () => undefined);
    await backbone.publish(on('busy/1'), numbered(20));
    await deleteEverything(backbone, on('busy/1'), start);
    for (const address of ['quiet/1', 'quiet/*', 'silent', 'silent/*']) await missesNothing(backbone, on(address), quiet!.position);
    for (const address of ['silent', 'silent/*']) await missesNothing(backbone, on(address), start);
    await missesNothing(backbone, on('quiet/1'), consumer.position);
    for (const address of ['busy/1', 'busy/*', '*/1', '*']) await isLost(backbone, on(address), quiet!.position);
    for (const address of ['quiet/1', 'quiet/*', '*']) await isLost(backbone, on(address), start);
    // What comes later is found from the old place, also up to a place that is as old.
    await backbone.prepare(log, { dedupWindow: 60_000 });
    const [next] = await backbone.publish(on('quiet/1'), numbered(1, 'next'));
    const page = await backbone.read({ channel: on('quiet/1'), after: consumer.position, limit: 10 });
    assert.deepEqual(ids(page.events), ['next0']);
    assert.equal(page.position, next!.position);
    assert.equal((await backbone.lag(on('quiet/1'), consumer.position)).events, 1);
    const { position } = consumer;
    assert.deepEqual(await backbone.read({ channel: on('quiet/1'), after: position, until: position, limit: 10 }), {
      events: [],
      position,
    });
    await consumer.close();
  });
}

/** Resolves when the channel has lost what came after the position. */
async function deleteEverything(backbone: Backbone, channel: Channel, after: Position): Promise<void> {
  await backbone.prepare(channel.log, { dedupWindow: 60_000, retainBytes: 0 });
  const deadline = Date.now() + 30_000;
  const lost = (): Promise<boolean> => backbone.read({ channel, after, limit: 1 }).then(() => false, refusal('POSITION_LOST'));
  while (!(await lost())) {
    assert.ok(Date.now() < deadline, 'retention deletes');
    await nextTurn();
  }
}

async function missesNothing(backbone: Backbone, channel: Channel, position: Position): Promise<void> {
  const head = await backbone.locate(channel, { at: 'latest' });
  assert.equal(await backbone.locate(channel, { at: 'position', position }), position, channel.address);
  assert.deepEqual(await backbone.lag(channel, position), { events: 0, oldest: undefined }, channel.address);
  assert.deepEqual(await backbone.read({ channel, after: position, limit: 10 }), { events: [], position: head }, channel.address);
}

async function isLost(backbone: Backbone, channel: Channel, position: Position): Promise<void> {
  const oldest = await backbone.locate(channel, { at: 'earliest' });
  const expected = (error: GatewayError): boolean => refusal('POSITION_LOST')(error) && error.details['oldest'] === oldest;
  await assert.rejects(backbone.locate(channel, { at: 'position', position }), expected, channel.address);
  await assert.rejects(backbone.lag(channel, position), expected, channel.address);
  await assert.rejects(backbone.read({ channel, after: position, limit: 10 }), expected, channel.address);
}
