import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { countByLag } from '../metering/log-count.ts';
import { verifyCounts } from '../metering/verify-counts.ts';
import { verifyRanges } from '../metering/verify-ranges.ts';
import { verifyStandardWebhook } from '../protocols/standard-webhooks/verify.ts';
import { PushWorld, secret } from '../testing/push-world.ts';
import type { PushTarget } from './push-target.ts';

function ids(count: number, prefix = 'e'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

async function sums(world: PushWorld): Promise<Record<string, number>> {
  await world.ledger.flush();
  const [row] = await world.database.query(
    'SELECT sum(n_billable) AS billed, sum(n_deferred) AS deferred, sum(n_late) AS late, sum(n_filtered) AS filtered FROM usage_range',
  );
  return Object.fromEntries(Object.entries(row ?? {}).map(([name, value]) => [name, Number(value)]));
}

async function checkLedger(world: PushWorld): Promise<void> {
  await world.ledger.flush();
  const verdict = await verifyRanges(world.database, (_log, a, b) => world.backbone.compare(a, b), 'default');
  assert.equal(verdict['ok'], true);
  const { losses, overcharges } = await verifyCounts(
    world.database,
    countByLag(async (of, address, position) => (await world.backbone.lag({ log: of, address }, position)).events),
    'default',
  );
  assert.deepEqual([losses, overcharges], [[], []]);
}

async function rowsOf(world: PushWorld, state: string): Promise<string[]> {
  await world.ledger.flush();
  const rows = await world.database.query('SELECT event_id FROM push_delivery WHERE state = ? ORDER BY rowid', [state]);
  return rows.map((row) => String(row['event_id']));
}

describe('a courier', { timeout: 300_000 }, () => {
  test('SW-4, SW-5, SW-6: delivers each event once, signed over the bytes that are sent, and bills it', () =>
    PushWorld.use({}, async (world) => {
      await world.publish(ids(20));
      await world.until(() => world.received.length === 20);
      for (const { headers, body } of world.received) {
        const verdict = verifyStandardWebhook(headers, body, [secret], { now: Date.now() });
        assert.equal(verdict.ok, true);
        assert.equal(headers['webhook-attempt'], '1');
        assert.match(String(headers['content-type']), /^application\/cloudevents\+json/);
      }
      assert.deepEqual(new Set(world.received.map(({ id }) => id)), new Set(ids(20)));
      assert.equal(new Set(world.received.map(({ headers }) => headers['webhook-id'])).size, 20);
      await world.until(async () => (await sums(world))['billed'] === 20);
      await checkLedger(world);
    }));

  test('goes on past what fails, delivers it later under the same id, and bills it then', () =>
    PushWorld.use({}, async (world) => {
      let failures = 0;
      world.answer = ({ id }, response) => {
        const fails = id === 'e1' && failures < 2;
        if (fails) failures += 1;
        response.writeHead(fails ? 500 : 200).end();
      };
      await world.publish(ids(5));
      await world.until(() => world.received.length === 7);
      const again = world.received.filter(({ id }) => id === 'e1');
      assert.deepEqual(
        again.map(({ headers }) => [headers['webhook-attempt'], headers['webhook-retry-reason']]),
        [
          ['1', undefined],
          ['2', 'server-error'],
          ['3', 'server-error'],
        ],
      );
      assert.equal(new Set(again.map(({ headers }) => headers['webhook-id'])).size, 1);
      await world.until(async () => (await sums(world))['billed'] === 5);
      assert.deepEqual(await sums(world), { billed: 5, deferred: 1, late: 1, filtered: 0 });
      assert.deepEqual(await rowsOf(world, 'waiting'), []);
      await checkLedger(world);
      const outcomes = await world.database.query(`SELECT outcome FROM push_attempt WHERE event_id = 'e1' ORDER BY id`);
      assert.deepEqual(
        outcomes.map(({ outcome }) => outcome),
        ['retry', 'retry', 'delivered'],
      );
    }));

  test('what is owed and cannot be read any more is dead, and holds up nothing behind it', () =>
    PushWorld.use({ order: 'strict', schedule: { delays: [600_000] } }, async (world) => {
      world.answer = ({ id }, response) => void response.writeHead(id === 'e0' ? 500 : 200).end();
      await world.publish(ids(3));
      await world.until(async () => (await rowsOf(world, 'waiting')).length > 0);
      await world.ledger.flush();
      const damage = `UPDATE push_delivery SET event = x'00', due_at = 0 WHERE event_id = 'e0'`;
      await world.database.transact([{ sql: damage, parameters: [] }]);
      await world.crash();
      const bugs: string[] = [];
      world.onBug = (error) => bugs.push(String(error));
      await world.begin();
      await world.until(() => world.received.length === 3);
      await world.until(async () => (await rowsOf(world, 'dead')).length === 1);
      assert.deepEqual(
        world.received.map(({ id }) => id),
        ['e0', 'e1', 'e2'],
      );
      const [dead] = await world.database.query('SELECT event_id, state, reason FROM push_delivery');
      assert.deepEqual({ ...dead }, { event_id: 'e0', state: 'dead', reason: 'unreadable' });
      assert.match(bugs.join(), /^Error: The event kept for end_1 at \S+ cannot be read\.$/);
    }));

  test('what cannot even be made a request of is not tried without end, and holds up nothing', () => {
    let failures = 0;
    const signAs: PushTarget['signAs'] = ({ body }) => {
      if (!body.includes('"e1"')) return [];
      failures += 1;
      // Tried without end, nothing else would ever run: it has to end for this to fail.
      if (failures > 1000) return [];
      throw new Error('no signature for this one');
    };
    return PushWorld.use({ signAs }, async (world) => {
      const bugs: unknown[] = [];
      world.onBug = (error) => void bugs.push(error);
      await world.publish(ids(4));
      await world.until(() => world.received.length >= 3);
      assert.deepEqual(world.received.map(({ id }) => id).toSorted(), ['e0', 'e2', 'e3']);
      assert.deepEqual([failures, bugs.length], [1, 1]);
    });
  });

  for (const failing of [false, true]) {
    const answered = failing ? 'was refused' : 'was delivered';
    test(`a bug of ours once it is known that something ${answered} makes no second delivery of it`, () =>
      PushWorld.use({ order: 'strict', schedule: { delays: [50] } }, async (world) => {
        const bugs: string[] = [];
        world.onBug = (error) => void bugs.push(String(error));
        world.book.watch(({ eventId }) => {
          if (eventId === 'e0' && bugs.length === 0) throw new Error('a bug');
        });
        world.answer = (_received, response) => void response.writeHead(failing && world.received.length === 1 ? 500 : 204).end();
        await world.publish(ids(3));
        const sent = failing ? ['e0', 'e0', 'e1', 'e2'] : ids(3);
        await world.until(() => world.received.length === sent.length && world.courier.owed === 0);
        await world.until(async () => (await sums(world))['billed'] === 3);
        assert.deepEqual(bugs, ['Error: a bug']);
        await world.crash();
        await world.begin();
        await world.publish(['after']);
        await world.until(() => world.received.some(({ id }) => id === 'after'));
        assert.deepEqual(
          world.received.map(({ id }) => id),
          [...sent, 'after'],
        );
        await world.until(async () => (await sums(world))['billed'] === 4);
        assert.equal(world.courier.owed, 0);
        await checkLedger(world);
      }));
  }

  test('P7: what was not committed when it was killed is sent again, and nothing that was', () =>
    PushWorld.use({ concurrency: 8, schedule: { delays: [60_000] } }, async (world) => {
      const held: (() => void)[] = [];
      world.answer = ({ id }, response) => {
        if (id === 'e0') held.push(() => response.end());
        else response.writeHead(id === 'e2' ? 503 : 200).end();
      };
      await world.publish(ids(6));
      await world.until(() => world.received.length === 6);
      await world.until(async () => (await rowsOf(world, 'waiting')).length === 1);
      const marks = async (): Promise<unknown> => (await world.database.query('SELECT count(*) AS n FROM push_settled'))[0]?.['n'];
      await world.until(async () => (await marks()) === 4);
      await world.crash();
      world.received.length = 0;
      world.answer = (_received, response) => void response.writeHead(200).end();
      await world.begin();
      await world.publish(['after']);
      await world.until(() => world.received.length === 2);
      assert.deepEqual(world.received.map(({ id }) => id).toSorted(), ['after', 'e0']);
      assert.deepEqual(await rowsOf(world, 'waiting'), ['e2']);
      assert.equal(world.courier.owed, 1);
      await world.until(async () => (await sums(world))['billed'] === 6);
      await checkLedger(world);
      await world.until(async () => {
        await world.publish(['more']);
        return (await marks()) === 0;
      });
    }));

  test('keeps the order of each key behind one that fails, while other keys go on for as long as they like', () =>
    PushWorld.use({ order: 'per-key', concurrency: 4, schedule: { delays: Array.from({ length: 1000 }, () => 100) } }, async (world) => {
      let isBroken = true;
      world.answer = ({ subject }, response) => void response.writeHead(subject === 'bad' && isBroken ? 500 : 200).end();
      const names = ids(700);
      await world.publish(names, (id) => (Number(id.slice(1)) % 2 === 0 ? 'bad' : `k${Number(id.slice(1)) % 5}`));
      await world.until(() => world.received.filter(({ subject }) => subject !== 'bad').length === 350);
      isBroken = false;
      await world.until(() => world.received.filter(({ subject }) => subject === 'bad').length >= 350);
      for (const key of ['bad', 'k0', 'k1', 'k2', 'k3', 'k4']) {
        const seen = [...new Set(world.received.filter(({ subject }) => subject === key).map(({ id }) => Number(id.slice(1))))];
        assert.deepEqual(
          seen,
          seen.toSorted((a, b) => a - b),
          key,
        );
      }
      await world.until(async () => (await sums(world))['billed'] === 700);
      await checkLedger(world);
    }));

  test('SW-18: stops at 410, holds everything, and goes on where it was when it is started again', () =>
    PushWorld.use({}, async (world) => {
      world.answer = (_received, response) => void response.writeHead(410).end();
      await world.publish(['e0']);
      await world.until(() => world.transitions.length > 0);
      assert.deepEqual(
        world.transitions.map(({ to, reason }) => [to, reason]),
        [['stopped', 'GONE']],
      );
      await world.publish(ids(3, 'later'));
      await world.ledger.flush();
      await world.crash();
      await world.begin();
      assert.equal(world.courier.health.failing.state, 'stopped');
      assert.equal(world.received.length, 1);
      world.answer = (_received, response) => void response.writeHead(200).end();
      world.courier.startAgain();
      await world.until(() => world.received.length === 5);
      assert.deepEqual(
        world.received
          .slice(1)
          .map(({ id }) => id)
          .toSorted(),
        ['e0', 'later0', 'later1', 'later2'],
      );
      await world.until(async () => (await sums(world))['billed'] === 4);
      await checkLedger(world);
    }));

  test('SW-18: sends nothing once a 410 is known, not even what waits for a connection, and charges it to a limit once', async () => {
    const world = await PushWorld.open({}, { maxConnectionsPerOrigin: 1 });
    let spent = 0;
    world.governor = { ...world.governor, delivered: (events) => void (spent += events) };
    try {
      world.answer = ({ id }, response) => void response.writeHead(id === 'e0' ? 410 : 204).end();
      await world.publish(ids(4));
      await world.until(() => world.transitions.length > 0);
      await world.ledger.flush();
      // What was on its way would be there before this.
      await fetch(world.target.url, { method: 'POST', body: '{"id":"probe"}' });
      // The next one has the connection before the answer is read.
      assert.ok(world.received.length <= 3, world.received.map(({ id }) => id).join());
      world.answer = (_received, response) => void response.writeHead(204).end();
      world.courier.startAgain();
      await world.until(() => new Set(world.received.map(({ id }) => id)).size === 5);
      await world.until(async () => (await sums(world))['billed'] === 4);
      assert.equal(spent, 4);
      await checkLedger(world);
      await world.stop();
    } finally {
      await world.crash().catch(() => undefined);
      await world.close();
    }
  });

  for (const end of ['stopped', 'killed'] as const) {
    for (const state of ['waiting', 'dead'] as const) {
      test(`what is ${state} when it is ${end} and its owner reads over a connection meanwhile is billed once, there`, () =>
        PushWorld.use({ schedule: { delays: state === 'dead' ? [] : [600_000] } }, async (world) => {
          // The first hangs, so that the cursor stays before the second, which is owed.
          world.answer = ({ id }, response) => {
            if (id !== 'e0') response.writeHead(id === 'e1' ? 400 : 204).end();
          };
          await world.publish(ids(3));
          await world.until(async () => (await rowsOf(world, state)).length === 1);
          if (end === 'stopped') {
            await world.courier.stop();
          } else {
            await world.crash();
            await world.openStore();
          }
          assert.deepEqual(await world.readAsApplication(), ids(3));
          await world.crash();
          world.received.length = 0;
          world.answer = (_received, response) => void response.writeHead(204).end();
          await world.begin();
          await world.publish(['e3']);
          await world.until(() => world.received.length === 1);
          // A second restart still knows whose bill it was.
          await world.crash();
          await world.openStore();
          await world.database.transact([{ sql: `UPDATE push_delivery SET state = 'waiting', due_at = 0`, parameters: [] }]);
          await world.deliver();
          await world.until(async () => world.received.length >= 2 && (await rowsOf(world, 'waiting')).length === 0);
          assert.ok(world.received.some(({ id }) => id === 'e1'));
          await world.until(async () => (await sums(world))['billed']! >= 4);
          assert.deepEqual(await sums(world), { billed: 4, deferred: 0, late: 0, filtered: 0 });
          await checkLedger(world);
        }));
    }
  }

  test('what is owed waits for no longer than was meant where the clock was set back before a restart', () =>
    PushWorld.use({ schedule: { delays: Array.from({ length: 100 }, () => 200) } }, async (world) => {
      let isBroken = true;
      world.answer = (_received, response) => void response.writeHead(isBroken ? 500 : 204).end();
      await world.publish(['e0']);
      await world.until(async () => (await rowsOf(world, 'waiting')).length === 1);
      await world.crash();
      isBroken = false;
      await world.openStore();
      const sql = 'UPDATE push_delivery SET due_at = due_at + ?, changed_at = changed_at + ?';
      await world.database.transact([{ sql, parameters: [31_536_000_000, 31_536_000_000] }]);
      await world.deliver();
      const [begun, before] = [Date.now(), world.received.length];
      await world.until(() => world.received.length > before);
      assert.ok(Date.now() - begun >= 100, 'but as long as that');
    }));

  test('SW-15: what failed as often as the schedule says is dead, is not billed, and stays so over a crash', () =>
    PushWorld.use({}, async (world) => {
      world.answer = ({ id }, response) => void response.writeHead(id === 'e0' ? 500 : 200).end();
      await world.publish(ids(2));
      await world.until(async () => (await rowsOf(world, 'dead')).length === 1);
      assert.equal(world.received.filter(({ id }) => id === 'e0').length, 4);
      await world.crash();
      await world.begin();
      await world.publish(['after']);
      await world.until(() => world.received.some(({ id }) => id === 'after'));
      assert.equal(world.received.filter(({ id }) => id === 'e0').length, 4);
      await world.until(async () => (await sums(world))['billed'] === 2);
      await checkLedger(world);
    }));

  test('counts what the endpoint does not want as filtered, and never sends it', () =>
    PushWorld.use({ wants: ({ id }) => id.endsWith('1') }, async (world) => {
      await world.publish(ids(1000));
      await world.until(async () => (await sums(world))['filtered'] === 900);
      assert.equal(world.received.length, 100);
      await checkLedger(world);
    }));
});
