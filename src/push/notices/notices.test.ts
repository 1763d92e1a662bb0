import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { ContractRuntime } from '../../gateway/contract-runtime.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Position } from '../../core/position.ts';
import type { Resource } from '../../store/resources.ts';
import type { AttemptRecord } from '../attempt-record.ts';
import { EndpointHealth } from '../endpoint-health.ts';
import type { Transition } from '../failing-state.ts';
import { noticeContract, noticeContractName } from './notice-contract.ts';
import { noticeAddress, noticeEvent, noticeKinds, type Notice, type NoticeKind } from './notice.ts';
import { Notices } from './notices.ts';

const clock = { time: Date.parse('2030-01-01T00:00:00Z'), now: () => clock.time };

function endpoint(id: string, subscription = 'sub_orders', version = 1): Resource<'endpoint'> {
  const spec = { subscription, address: '*' } as Resource<'endpoint'>['spec'];
  return { tenant: 'default', kind: 'endpoint', id, name: 'hook', parent: 'shop', version, createdAt: 0, updatedAt: 0, spec };
}

const attempt = (of: string, n: number, more: Partial<AttemptRecord> = {}) =>
  ({
    endpoint: of,
    outcome: 'dead',
    lane: 'retry',
    ...more,
    at: clock.time,
    eventId: `e${n}`,
    eventType: 't',
    position: `p-${n}` as Position,
  }) as AttemptRecord;

describe('Notices', () => {
  const hook = endpoint('ep_1');
  const teller = endpoint('ep_2', 'sub_notices');
  let put: { notice: Notice; dueAt: number }[];
  let notices: Notices;
  const health = new EndpointHealth(clock, undefined);
  beforeEach(() => {
    put = [];
    const apis: Readonly<Record<string, string>> = { sub_orders: 'orders', sub_notices: 'sluice' };
    const byId = (kind: string, id: string) =>
      kind === 'endpoint' ? [hook, teller].find((one) => one.id === id) : { spec: { api: apis[id] } };
    notices = new Notices({
      store: { byId, get: (kind: string, name: string) => (kind === 'application' ? { id: `app_${name}` } : undefined) } as never,
      book: { put: (notice, dueAt) => void put.push({ notice, dueAt }) },
      clock,
      healthOf: () => health,
      gatherFor: 1000,
    });
  });

  /** One of every kind. */
  function tellAll(): void {
    const move = (from: Transition['from'], to: Transition['to'], reason?: Transition['reason']) =>
      notices.moved(hook, { from, to, reason });
    move('started', 'failing');
    move('failing', 'started');
    move('failing', 'stopped', 'STOPPED_AFTER_FAILURES');
    move('stopped', 'started');
    move('started', 'stopped', 'GONE');
    notices.held(hook, clock.time - 5);
    notices.refused(hook, new GatewayError('POSITION_LOST', 'The log no longer has it.'));
    notices.refused(hook, new GatewayError('CONFLICT', 'It answered 404.', { details: { held: 'UNVERIFIED', asked: true } }));
    notices.attempted(attempt('ep_1', 1));
  }

  it('SW-18 and SW-25: tell of an endpoint that fails, was stopped, is gone, works again', () => {
    tellAll();
    const kinds: NoticeKind[] = ['failing', 'recovered', 'stopped', 'started', 'gone', 'held', 'refused', 'unverified', 'dead-letters'];
    assert.deepEqual(
      put.map(({ notice }) => notice.kind),
      kinds,
    );
    const gone = put[4]!.notice;
    assert.deepEqual(gone.data['endpoint'], { id: 'ep_1', name: 'hook', subscription: 'sub_orders', api: 'orders', address: '*' });
    assert.match(String(gone.data['sentence']), /410 Gone/);
    assert.deepEqual([gone.id, gone.owner], [`ep_1.gone.${clock.time}`, 'app_shop']);
  });

  it('are events that their own contract takes, of every kind', async () => {
    const source = { name: noticeContractName, text: noticeContract(), files: {} };
    const contract = await ContractRuntime.open(source);
    assert.deepEqual(contract.notChecked, []);
    const channel = contract.find(noticeAddress('shop'));
    assert.ok(channel !== undefined);
    assert.ok(channel.send);
    assert.ok(!channel.receive, 'nobody but Sluice publishes there');
    tellAll();
    for (const { notice } of put) {
      assert.equal(contract.check(channel, noticeEvent(notice), 'provider'), undefined, notice.kind);
      const broken = { ...notice, data: { ...notice.data, sentence: 1 } };
      assert.notEqual(contract.check(channel, noticeEvent(broken), 'provider'), undefined, notice.kind);
    }
    assert.equal(new Set(put.map(({ notice }) => notice.kind)).size, noticeKinds.length);
  });

  it('count deliveries that are given up for a while, and tell of them together', () => {
    for (const n of [1, 2, 3]) notices.attempted(attempt('ep_1', n));
    notices.attempted(attempt('ep_1', 4, { outcome: 'retry' }));
    notices.attempted(attempt('ep_1', 4, { lane: 'replay' }));
    clock.time += 1000;
    notices.attempted(attempt('ep_1', 5, { eventIds: ['e5', 'e6'] }));
    const told = put.map(({ notice, dueAt }) => [notice.id, notice.data['count'], dueAt]);
    const [first, second] = [clock.time - 1000, clock.time];
    assert.deepEqual(told, [
      [`ep_1.dead-letters.${first}`, 1, first + 6000],
      [`ep_1.dead-letters.${first}`, 2, first + 6000],
      [`ep_1.dead-letters.${first}`, 3, first + 6000],
      [`ep_1.dead-letters.${second}`, 2, second + 6000],
    ]);
    assert.deepEqual(put[2]!.notice.data['newest'], { event: 'e3', type: 't', position: 'p-3' });
  });

  it('about an endpoint that delivers notices are of its state alone, so that they cannot breed', () => {
    notices.attempted(attempt('ep_2', 1));
    notices.held(teller, 1);
    notices.refused(teller, new GatewayError('FORBIDDEN', 'No.'));
    assert.deepEqual(put, []);
    notices.moved(teller, { from: 'started', to: 'stopped', reason: 'GONE' });
    assert.equal(put.length, 1);
  });

  it('are not of what passes by itself, nor of what is no longer there', () => {
    notices.refused(hook, new GatewayError('BACKBONE_UNAVAILABLE', 'Away.'));
    notices.refused(hook, new GatewayError('INTERNAL', 'A bug.'));
    notices.refused(hook, new GatewayError('CONFLICT', 'Not asked yet.', { details: { held: 'UNVERIFIED', asked: false } }));
    notices.attempted(attempt('ep_9', 1));
    notices.moved(endpoint('ep_9'), { from: 'started', to: 'stopped', reason: 'GONE' });
    assert.deepEqual(put, []);
  });
});
