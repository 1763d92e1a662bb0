import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import type { GatewayError } from '../../core/errors.ts';
import type { Position } from '../../core/position.ts';
import { draft, readAll } from '../../testing/backbone-events.ts';
import { channel, embeddedWorld, hour, log, numbered } from '../../testing/embedded-world.ts';
import { until } from '../../testing/until.ts';

const refusal = (code: string) => (error: GatewayError) => error.name === 'GatewayError' && error.code === code;
const world = embeddedWorld();

/** A probe that takes a second, as it may on a busy machine, says that the disk is slow. */
const isUp = (): Promise<void> =>
  until(
    async () => (await world.backbone.check(AbortSignal.timeout(30_000))).state === 'up',
    () => 'it does not come up',
  );

describe('embedded backbone over a restart', () => {
  it('keeps events, positions and the head, and goes on counting', async () => {
    await world.backbone.prepare(log, hour);
    const before = await world.backbone.publish(channel, numbered(3, 'a'));
    await world.restart();
    assert.deepEqual(
      (await readAll(world.backbone, channel)).map(({ position }) => position),
      before.map(({ position }) => position),
    );
    const [next] = await world.backbone.publish(channel, [draft('b')]);
    assert.equal(world.backbone.compare(next!.position, before[2]!.position), 1);
  });

  it('still tells repeated events within the window, and takes them as new past it', async () => {
    await world.backbone.prepare(log, hour);
    const [first] = await world.backbone.publish(channel, [draft('a')]);
    world.now += 3_000_000;
    await world.restart();
    assert.deepEqual(await world.backbone.publish(channel, [draft('a')]), [{ position: first!.position, duplicate: true }]);
    world.now += 700_000;
    const [second] = await world.backbone.publish(channel, [draft('a')]);
    assert.equal(second!.duplicate, false);
    await world.restart();
    assert.equal((await world.backbone.publish(channel, [draft('a')]))[0]!.position, second!.position);
  });

  it('fills a longer window from the log, and finds no event in a shorter one', async () => {
    await world.backbone.prepare(log, { dedupWindow: 1000 });
    await world.backbone.publish(channel, [draft('a')]);
    world.now += 5000;
    await world.backbone.prepare(log, { dedupWindow: 10_000 });
    assert.equal((await world.backbone.publish(channel, [draft('a')]))[0]!.duplicate, true);
    await world.backbone.prepare(log, { dedupWindow: 1000 });
    assert.equal((await world.backbone.publish(channel, [draft('a')]))[0]!.duplicate, false);
  });

  it('keeps acceptance times in order where the clock goes back', async () => {
    await world.backbone.prepare(log, hour);
    await world.backbone.publish(channel, [draft('a')]);
    world.now -= 500_000;
    await world.restart();
    await world.backbone.publish(channel, [draft('b')]);
    assert.deepEqual(
      (await readAll(world.backbone, channel)).map(({ acceptedAt }) => acceptedAt),
      [1_000_000, 1_000_000],
    );
  });

  it('says of a position ahead of the log, or of another epoch, that it is lost', async () => {
    await world.backbone.prepare(log, hour);
    const [placed] = await world.backbone.publish(channel, [draft('a')]);
    const [epoch] = placed!.position.split('-');
    for (const position of [`${epoch}-2`, `${epoch}-9007199254740991`, 'zzzzzz-1', 'zzzzzz-0']) {
      await assert.rejects(
        world.backbone.read({ channel, after: position as Position, limit: 1 }),
        (error: GatewayError) => refusal('POSITION_LOST')(error) && error.details['oldest'] === `${epoch}-0`,
      );
    }
    for (const position of [`${epoch}-01`, `${epoch}-9007199254740992`, `${epoch}-1.5`, 'short-1'])
      await assert.rejects(world.backbone.locate(channel, { at: 'position', position }), refusal('BAD_REQUEST'));
  });
});

describe('embedded backbone with a failing disk', () => {
  it('rejects everything with a code of its own, delivers nothing, and works again afterwards', async () => {
    await world.backbone.prepare(log, hour);
    const seen: string[] = [];
    await world.backbone.consume(channel, (events) => void seen.push(...events.map(({ id }) => id)));
    const [first] = await world.backbone.publish(channel, [draft('a')]);
    for (const [code, expected] of [
      ['FULL', 'STORE_FULL'],
      ['FAILED', 'BACKBONE_UNAVAILABLE'],
      ['OVERLOADED', 'OVERLOADED'],
    ] as const) {
      world.database.writing = { when: 'before', code };
      const attempts = await Promise.allSettled([
        world.backbone.publish(channel, [draft('b')]),
        world.backbone.publish(channel, [draft('b'), draft('c')]),
      ]);
      for (const attempt of attempts) assert.ok(attempt.status === 'rejected' && refusal(expected)(attempt.reason as GatewayError), code);
      const health = await world.backbone.check(AbortSignal.timeout(30_000));
      assert.equal(health.state, 'down');
      world.database.writing = undefined;
      assert.equal((await world.backbone.check(AbortSignal.timeout(30_000))).state, 'degraded');
    }
    const [second] = await world.backbone.publish(channel, [draft('b')]);
    assert.equal(second!.duplicate, false);
    assert.equal(world.backbone.compare(second!.position, first!.position), 1);
    assert.deepEqual(seen, ['a', 'b']);
    await isUp();
  });

  it('never gives a position twice when the answer of a commit is lost, and live consumers get its events all the same', async () => {
    await world.backbone.prepare(log, hour);
    const seen: string[] = [];
    await world.backbone.consume(
      channel,
      (events) => void seen.push(...events.map(({ id, position }) => `${id} ${position.split('-')[1]}`)),
    );
    await world.backbone.publish(channel, [draft('a')]);
    world.database.writing = { when: 'after', code: 'FAILED' };
    await assert.rejects(world.backbone.publish(channel, [draft('b'), draft('c')]), refusal('BACKBONE_UNAVAILABLE'));
    world.database.writing = undefined;
    const [again, next] = await world.backbone.publish(channel, [draft('b'), draft('d')]);
    assert.equal(again!.duplicate, true);
    assert.match(again!.position, /-2$/);
    assert.match(next!.position, /-4$/);
    await until(
      async () => seen.length === 4,
      () => 'not all are received',
    );
    assert.deepEqual(seen, ['a 1', 'b 2', 'c 3', 'd 4']);
    assert.deepEqual(
      (await readAll(world.backbone, channel)).map(({ id }) => id),
      ['a', 'b', 'c', 'd'],
    );
  });

  it('refuses to go on while it cannot ask what is on disk', async () => {
    await world.backbone.prepare(log, hour);
    world.database.writing = { when: 'after', code: 'FAILED' };
    world.database.blind = true;
    await assert.rejects(world.backbone.publish(channel, [draft('a')]), refusal('BACKBONE_UNAVAILABLE'));
    world.database.writing = undefined;
    await assert.rejects(world.backbone.publish(channel, [draft('b')]), refusal('BACKBONE_UNAVAILABLE'));
    world.database.blind = false;
    assert.match((await world.backbone.publish(channel, [draft('b')]))[0]!.position, /-2$/);
  });

  it('answers a repetition of an event in flight only once that is durable, and fails it with it', async () => {
    await world.backbone.prepare(log, hour);
    let release: () => void = () => undefined;
    world.database.gate = new Promise<void>((resolve) => (release = resolve));
    const first = world.backbone.publish(channel, [draft('a')]);
    await nextTurn();
    await nextTurn();
    let answered = false;
    const second = world.backbone.publish(channel, [draft('a')]).finally(() => (answered = true));
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    assert.equal(answered, false);
    release();
    assert.equal((await second)[0]!.position, (await first)[0]!.position);
    assert.equal((await second)[0]!.duplicate, true);
    world.database.writing = { when: 'before', code: 'FULL' };
    world.database.gate = new Promise<void>((resolve) => (release = resolve));
    const third = world.backbone.publish(channel, [draft('b')]);
    await nextTurn();
    await nextTurn();
    world.database.writing = undefined;
    const both = Promise.allSettled([third, world.backbone.publish(channel, [draft('b')])]);
    release();
    assert.deepEqual(
      (await both).map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.deepEqual(
      (await readAll(world.backbone, channel)).map(({ id }) => id),
      ['a'],
    );
  });

  it('refuses with OVERLOADED what exceeds its bound, and tells when to come back', async () => {
    await world.close();
    await world.open({ maxPendingBytes: 10_000 });
    await world.backbone.prepare(log, hour);
    const attempts = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => world.backbone.publish(channel, [draft(`e${index}`, { data: Buffer.alloc(4000) })])),
    );
    const refused = attempts.filter((attempt) => attempt.status === 'rejected');
    assert.equal(refused.length, 8);
    for (const { reason } of refused)
      assert.ok(refusal('OVERLOADED')(reason as GatewayError) && (reason as GatewayError).retryAfter === 1000);
    assert.equal((await readAll(world.backbone, channel)).length, 2);
    await world.backbone.publish(channel, [draft('later')]);
  });

  it('says a probe that is not answered in time is down', async () => {
    let release: () => void = () => undefined;
    world.database.gate = new Promise<void>((resolve) => (release = resolve));
    const stop = new AbortController();
    const checking = world.backbone.check(stop.signal);
    stop.abort();
    assert.equal((await checking).state, 'down');
    release();
    world.database.gate = undefined;
    await isUp();
  });

  it('answers BACKBONE_UNAVAILABLE for a damaged row and goes on with the others', async () => {
    await world.backbone.prepare(log, hour);
    const placed = [...(await world.backbone.publish(channel, [draft('a')])), ...(await world.backbone.publish(channel, [draft('b')]))];
    await world.database.transact([
      { sql: "UPDATE event_batch SET events = x'0102030405060708' WHERE first = 1", parameters: [], expectChanges: 1 },
    ]);
    await assert.rejects(readAll(world.backbone, channel), refusal('BACKBONE_UNAVAILABLE'));
    assert.deepEqual(
      (await readAll(world.backbone, channel, placed[0]!.position)).map(({ id }) => id),
      ['b'],
    );
  });

  it('closes a consumer that throws, tells the operator, and serves the others', async () => {
    await world.backbone.prepare(log, hour);
    const seen: string[] = [];
    await world.backbone.consume(channel, () => {
      throw new Error('a bug');
    });
    await world.backbone.consume(channel, () => Promise.reject(new Error('another')));
    await world.backbone.consume(channel, (events) => void seen.push(...events.map(({ id }) => id)));
    await world.backbone.publish(channel, [draft('a')]);
    await world.backbone.publish(channel, [draft('b')]);
    assert.deepEqual(seen, ['a', 'b']);
    assert.equal(world.warnings.length, 2);
  });
});
