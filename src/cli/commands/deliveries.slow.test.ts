import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { adminToken, ControlFixture } from '../../control/control-fixture.ts';
import { Event } from '../../core/event.ts';
import type { Position } from '../../core/position.ts';
import { PushBook } from '../../push/push-book.ts';
import { noTries } from '../../push/retry-schedule.ts';
import { draft } from '../../testing/backbone-events.ts';
import { exitCodes } from '../exit-code.ts';
import { runCli, type Outcome } from '../test-world.ts';

describe('sluice deliveries', () => {
  let control: ControlFixture;
  let endpoint: string;
  let body: object;
  let key: string;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
    await control.expect(201, 'POST', '/apis/orders/plans', { body: { name: 'push', mode: 'push' } });
    const wish = { api: 'orders', application: 'dashboard', plan: 'push' };
    const subscription = (await control.expect(201, 'POST', '/subscriptions', { body: wish })).json.id;
    key = (await control.expect(201, 'POST', '/applications/dashboard/credentials', { body: {} })).json.value;
    body = { subscription, name: 'hook', url: 'https://example.com/hook' };
    endpoint = (await control.expect(201, 'POST', '/endpoints', { body })).json.id;
    await control.database.transact(written(endpoint).collect(control.clock.time));
    control.clock.time += 1000;
  });
  after(() => control.stop());

  /** 150 that are dead and one that waits. */
  function written(of: string): PushBook {
    const book = new PushBook();
    for (let n = 0; n <= 150; n += 1) {
      const event = new Event(draft(`e${n}`), 'created', `p${n}` as Position, 1000 + n);
      const state = n === 0 ? 'waiting' : 'dead';
      const named = { endpoint: of, tenant: 'default', position: event.position, eventId: event.id, eventType: event.type, key: undefined };
      const dueAt = n === 0 ? 5000 : undefined;
      book.put({ ...named, state, reason: 'exhausted', attempts: 4, tries: noTries, dueAt, isBilled: false }, event);
      const outcome = n === 0 ? 'retry' : 'dead';
      const detail = { response: [], truncated: false };
      const answered = {
        status: 500,
        failure: undefined,
        sentence: 'The shop is shut.',
        duration: 3,
        detail,
        response: Buffer.from('broken'),
      };
      book.attempted({ ...named, ...answered, attempt: 4, lane: 'retry', at: 1000, outcome, nextAt: dueAt });
    }
    return book;
  }

  const sluice = (...argv: string[]): Promise<Outcome> =>
    runCli(['deliveries', ...argv], { env: { SLUICE_CONTROL: control.url, SLUICE_ADMIN_TOKEN: adminToken } });

  async function objects(...argv: string[]): Promise<any[]> {
    const { exit, stdout, stderr } = await sluice(...argv, '--json');
    assert.equal(exit, 0, stderr);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  }

  test('lists what waits and what is dead, and how each attempt ended', async () => {
    assert.deepEqual(
      (await objects('list', endpoint, '--state', 'waiting')).map(({ event }) => event),
      ['e0'],
    );
    assert.equal((await objects('list', endpoint)).length, 100);
    assert.equal((await objects('list', endpoint, '--limit', '1000')).length, 151);
    const [attempt] = await objects('attempts', endpoint, '--event', 'e7');
    assert.deepEqual([attempt.outcome, attempt.status, attempt.response.body], ['dead', 500, 'broken']);
    assert.match(
      (await sluice('attempts', endpoint, '--outcome', 'retry')).stdout,
      /^STARTEDAT .*\n1970-01-01T00:00:01.000Z  p0 +e0 .* The shop is shut\.\n/,
    );
    const own = await runCli(['deliveries', 'status', endpoint, '--key', key], { env: { SLUICE_CONTROL: control.url } });
    assert.equal(own.stdout, 'started: 1 waiting, 150 dead\n');
  });

  test('shows one with its event, and discards one, or all that were given up before a time', async () => {
    const { stdout } = await sluice('show', endpoint, 'p3');
    assert.deepEqual([JSON.parse(stdout).id, JSON.parse(stdout).position], ['e3', 'p3']);
    assert.match(stdout, /^\{\n {2}"specversion": "1\.0",\n/);
    const [whole] = await objects('show', endpoint, 'p0');
    assert.deepEqual([whole.state, whole.cloudEvent.id], ['waiting', 'e0']);
    assert.equal((await sluice('discard', endpoint, 'p3')).stdout, 'discarded\n');
    assert.equal((await sluice('discard', endpoint, 'p3')).exit, exitCodes.notFound);
    assert.equal((await sluice('show', endpoint, 'p3')).exit, exitCodes.notFound);
    assert.equal((await sluice('discard', endpoint, 'p0')).exit, exitCodes.conflict);
    const [none] = await objects('discard', endpoint, '--dead', '--before', '2029-01-01T00:00:00Z');
    assert.deepEqual([none.discarded, none.left], [0, 0]);
    const other = (await control.expect(201, 'POST', '/endpoints', { body: { ...body, name: 'other' } })).json.id;
    await control.database.transact(written(other).collect(control.clock.time));
    control.clock.time += 1000;
    assert.equal((await sluice('discard', other, '--dead')).stdout, '150 discarded, 0 left\n');
    assert.equal((await sluice('status', endpoint)).stdout, 'started: 1 waiting, 149 dead\n');
  });

  test('retries one, and all that are dead call by call', async () => {
    assert.equal((await sluice('retry', endpoint, 'p1')).stdout, 'due now\n');
    const [all] = await objects('retry', endpoint, '--dead');
    assert.deepEqual([all.retried, all.left], [148, 0]);
    assert.equal((await sluice('status', endpoint)).stdout, 'started: 150 waiting, 0 dead\n');
    assert.equal((await sluice('retry', endpoint, 'p999')).exit, exitCodes.notFound);
  });

  test('says what is missing or wrong before anything is asked', async () => {
    for (const [argv, message] of [
      [['list'], /needs ENDPOINT/],
      [['list', 'x', '--state', 'lost'], /--state must be one of waiting, dead/],
      [['attempts', 'x', '--outcome', 'lost'], /--outcome must be one of/],
      [['retry', 'x'], /either a POSITION/],
      [['retry', 'x', 'p1', '--dead'], /either a POSITION/],
      [['discard', 'x'], /discard needs either a POSITION/],
      [['discard', 'x', 'p1', '--before', '2030-01-01T00:00:00Z'], /--before goes with --dead/],
      [['retry', 'x', 'p1', '--before', '2030-01-01T00:00:00Z'], /--before goes with --dead/],
    ] as const) {
      const { exit, stderr } = await sluice(...argv);
      assert.equal(exit, 2, stderr);
      assert.match(stderr, message);
    }
  });

  test('replays a range, shows how far that is, and calls it off', async () => {
    const [job] = await objects('replay', endpoint, '--from', 'earliest', '--event', 'com.example.*');
    assert.deepEqual([job.kind, job.state, job.types], ['range', 'waiting', ['com.example.*']]);
    assert.equal((await sluice('replay', endpoint, '--from', 'p0', '--until', '2029-12-31T00:00:00Z')).exit, exitCodes.ok);
    assert.match((await sluice('replay', endpoint, '--dead')).stdout, /^rpl_[a-z0-9]{12} waiting: 0 of about \d+\n$/);
    const jobs = await objects('replays', endpoint);
    assert.deepEqual(
      jobs.map(({ kind }) => kind),
      ['dead', 'range', 'range'],
    );
    assert.match((await sluice('replays', endpoint)).stdout, /^ID +KIND +STATE .*\nrpl_/);
    assert.equal((await sluice('cancel', endpoint, job.id)).stdout, `${job.id} cancelled\n`);
    assert.equal((await sluice('cancel', endpoint, job.id)).exit, exitCodes.conflict);
    assert.equal((await sluice('cancel', endpoint, 'rpl_none')).exit, exitCodes.notFound);
    for (const wrong of [[], ['--from', 'earliest', '--dead'], ['--dead', '--until', 'p0'], ['--from', 'p0', '--before', 'x']])
      assert.equal((await sluice('replay', endpoint, ...wrong)).exit, exitCodes.usage);
    const own = await runCli(['deliveries', 'replays', endpoint, '--key', key], { env: { SLUICE_CONTROL: control.url } });
    assert.equal(own.exit, exitCodes.ok);
  });
});
