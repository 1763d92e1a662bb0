import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { GatewayError } from '../core/errors.ts';
import type { EventDraft } from '../core/event.ts';
import type { ConnectionContext, LimitAnswer, Stages } from '../core/policy.ts';
import { combineStages } from './compile.ts';

const connection = { protocol: 'sse', stream: true, connectedAt: 0 } as ConnectionContext;
const events = [{}, {}, {}] as EventDraft[];

function refused(name: string): GatewayError {
  return new GatewayError('LIMIT_REACHED', name);
}

/** A policy that writes down what it is asked. */
function recorder(log: string[], name: string, refuses: 'connect' | 'publish' | 'never' = 'never'): Stages {
  return {
    onConnect: () => {
      log.push(`${name} connect`);
      return refuses === 'connect' ? refused(name) : undefined;
    },
    onDisconnect: () => void log.push(`${name} disconnect`),
    onPublish: () => {
      log.push(`${name} publish`);
      return refuses === 'publish' ? refused(name) : undefined;
    },
    onPublished: (offered, accepted) => void log.push(`${name} published ${accepted} of ${offered}`),
  };
}

function limit(allowed: number, until: number, action: LimitAnswer['action'] = 'pause'): Stages {
  return { onFlush: (n) => Math.min(n, allowed), onLimit: () => ({ error: refused(`until ${until}`), action, until }) };
}

describe('combined stages', () => {
  it('of no policy let everything pass', () => {
    const stages = combineStages([]);
    assert.equal(stages.connect(connection), undefined);
    assert.equal(stages.read(connection, 'a'), undefined);
    assert.equal(stages.publish(connection, 'a', events), undefined);
    assert.equal(stages.allow(7, 700), 7);
    assert.equal(stages.limitsDelivery, false);
    assert.equal(stages.limited(), undefined);
    assert.equal(stages.expiry(connection), undefined);
    assert.equal(stages.expiryMoves, false);
    assert.equal(stages.outbox, undefined);
    assert.equal(stages.flush, undefined);
    assert.deepEqual(stages.status(), []);
    stages.delivered(7, 700);
    stages.published(3, 3);
    stages.disconnect(connection);
  });

  it('ask in order, and undo the earlier ones when a later one refuses the connection', () => {
    const log: string[] = [];
    const stages = combineStages([
      recorder(log, 'a'),
      { onDisconnect: () => void log.push('b disconnect') },
      recorder(log, 'c', 'connect'),
      recorder(log, 'd'),
    ]);
    assert.equal(stages.connect(connection)?.message, 'c');
    assert.deepEqual(log, ['a connect', 'c connect', 'b disconnect', 'a disconnect']);
  });

  it('undo the earlier ones when a later one refuses to publish', () => {
    const log: string[] = [];
    const stages = combineStages([recorder(log, 'a'), recorder(log, 'b', 'publish'), recorder(log, 'c')]);
    assert.equal(stages.publish(connection, 'x', events)?.message, 'b');
    assert.deepEqual(log, ['a publish', 'b publish', 'a published 0 of 3']);
  });

  it('undo the earlier ones when a later one has a bug, and pass the bug on', () => {
    const log: string[] = [];
    const bug = (): never => {
      throw new Error('a bug');
    };
    const stages = combineStages([recorder(log, 'a'), { onConnect: bug, onPublish: bug }]);
    assert.throws(() => stages.connect(connection), /a bug/);
    assert.throws(() => stages.publish(connection, 'x', events), /a bug/);
    assert.deepEqual(log, ['a connect', 'a disconnect', 'a publish', 'a published 0 of 3']);
  });

  it('tell all of them what was accepted and who has left', () => {
    const log: string[] = [];
    const stages = combineStages([recorder(log, 'a'), recorder(log, 'b')]);
    stages.published(3, 2);
    stages.disconnect(connection);
    assert.deepEqual(log, ['a published 2 of 3', 'b published 2 of 3', 'b disconnect', 'a disconnect']);
  });

  it('refuse reading with the first refusal', () => {
    const stages = combineStages([
      {},
      { onRead: (_, address) => (address === 'a' ? undefined : refused('b')) },
      { onRead: () => refused('c') },
    ]);
    assert.equal(stages.read(connection, 'x')?.message, 'b');
    assert.equal(stages.read(connection, 'a')?.message, 'c');
  });

  it('allow the least of all, and count a delivery with all', () => {
    const delivered: number[] = [];
    const stages = combineStages([
      limit(5, 1),
      { ...limit(3, 2), onDelivered: (n) => void delivered.push(n) },
      { onDelivered: (_, bytes) => void delivered.push(bytes) },
    ]);
    assert.equal(stages.limitsDelivery, true);
    assert.equal(stages.allow(10, 100), 3);
    assert.equal(stages.allow(2, 20), 2);
    stages.delivered(2, 20);
    assert.deepEqual(delivered, [2, 20]);
  });

  const answers: readonly [string, readonly Stages[], number | undefined][] = [
    ['the one that allows least', [limit(2, 90), limit(1, 10), limit(3, 99)], 10],
    ['of equals the one that lasts longest', [limit(0, 10), limit(0, 30), limit(0, 20)], 30],
    ['none that still allows everything', [limit(100, 90), limit(0, 10)], 10],
    ['nobody when the window has ended meanwhile', [limit(100, 90)], undefined],
  ];
  for (const [sentence, list, until] of answers) {
    it(`answer for the limit with ${sentence}`, () => {
      const stages = combineStages([...list, {}]);
      stages.allow(10, 100);
      assert.equal(stages.limited()?.until, until);
    });
  }

  it('answer with what was asked last, also after a part went out', () => {
    let left = 4;
    const stages = combineStages([
      { ...limit(0, 7), onFlush: (n) => Math.min(n, left), onDelivered: (n) => void (left -= n) },
      limit(6, 99),
    ]);
    assert.equal(stages.allow(5, 50), 4);
    stages.delivered(4, 40);
    assert.equal(stages.limited()?.until, 7);
  });

  it('end a connection at the earliest expiry', () => {
    const end = (at: number): Stages => ({ expiry: () => ({ at, error: refused(`${at}`) }) });
    assert.equal(combineStages([end(30), { expiryMoves: true }, { expiryMoves: false }]).expiryMoves, true);
    assert.equal(combineStages([end(30), { expiry: () => undefined }, end(10), end(20)]).expiry(connection)?.at, 10);
  });

  it('take the last word on a slow reader, and list every limit', () => {
    const status = { limit: 'x', counts: 'y', quota: 1, remaining: 1, window: undefined, resetsIn: undefined };
    const first = { maxBytes: 1, maxEvents: undefined, overflow: 'pause' as const };
    const stages = combineStages([
      { outbox: first, status: () => [status] },
      { outbox: { ...first, maxBytes: 2 }, flush: { maxDelay: 5, maxBytes: 4_096, maxEvents: 1 } },
      { status: () => [status, status] },
    ]);
    assert.equal(stages.outbox?.maxBytes, 2);
    assert.equal(stages.flush?.maxBytes, 4_096);
    assert.equal(stages.status().length, 3);
  });
});
