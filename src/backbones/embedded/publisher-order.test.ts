import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { draft, readAll } from '../../testing/backbone-events.ts';
import { seededRandom, testSeed } from '../../testing/hostile-input.ts';
import { channel, embeddedWorld, hour, log } from '../../testing/embedded-world.ts';

const world = embeddedWorld();

describe('what one publisher sends without waiting for answers', () => {
  const ids = async (): Promise<readonly string[]> => (await readAll(world.backbone, channel)).map(({ id }) => id);

  it('keeps its order where an earlier publish must be compared with the log', async () => {
    await world.backbone.prepare(log, hour);
    const [old] = await world.backbone.publish(channel, [draft('old')]);
    let open: () => void = () => undefined;
    world.database.queryGate = new Promise((resolve) => (open = resolve));
    const [mine, others] = [{}, {}];
    const first = world.backbone.publish(channel, [draft('old'), draft('1')], mine);
    world.database.queryGate = undefined;
    const second = world.backbone.publish(channel, [draft('2')], mine);
    const again = world.backbone.publish(channel, [draft('1'), draft('old'), draft('3')], mine);
    await world.backbone.publish(channel, [draft('other')], others);
    const meanwhile = await ids();
    open();
    assert.deepEqual(meanwhile, ['old', 'other'], 'others do not wait, and nobody of the same publisher is ahead');
    assert.deepEqual((await first)[0], { position: old?.position, duplicate: true });
    await second;
    assert.deepEqual(
      (await again).map(({ duplicate }) => duplicate),
      [true, true, false],
    );
    assert.deepEqual(await ids(), ['old', 'other', '1', '2', '3']);
  });

  it('goes on after a publish that could not be compared', async () => {
    await world.backbone.prepare(log, hour);
    await world.backbone.publish(channel, [draft('old')]);
    const mine = {};
    world.database.blind = true;
    const first = world.backbone.publish(channel, [draft('old'), draft('1')], mine);
    const second = world.backbone.publish(channel, [draft('2')], mine);
    await assert.rejects(first, { code: 'BACKBONE_UNAVAILABLE' });
    await second;
    world.database.blind = false;
    await world.backbone.publish(channel, [draft('3')], mine);
    assert.deepEqual(await ids(), ['old', '2', '3']);
  });

  it('keeps its order among many others and any mixture of repetitions', async () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    await world.backbone.prepare(log, hour);
    const publishers = Array.from({ length: 5 }, (_, name) => ({ name, sent: 0 }));
    const calls: Promise<unknown>[] = [];
    for (let n = 0; n < 400; n += 1) {
      const publisher = publishers[Math.floor(random() * publishers.length)]!;
      const { name, sent } = publisher;
      const repeated = sent === 0 || random() < 0.5 ? [] : [draft(`${name}-${Math.floor(random() * sent)}`)];
      calls.push(world.backbone.publish(channel, [...repeated, draft(`${name}-${sent}`)], publisher));
      publisher.sent += 1;
      if (random() < 0.1) await calls.at(Math.floor(random() * calls.length));
    }
    await Promise.all(calls);
    const all = await ids();
    for (const { name, sent } of publishers) {
      assert.deepEqual(
        all.filter((id) => id.startsWith(`${name}-`)),
        Array.from({ length: sent }, (_, index) => `${name}-${index}`),
        `seed ${seed}`,
      );
    }
  });
});
