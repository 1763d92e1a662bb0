import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Event, type EventDraft } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { readEventKey } from './event-key.ts';
import { readInterval } from './interval.ts';

function event(changes: Partial<EventDraft> = {}, data?: unknown, address = 'a'): Event {
  const bytes = data === undefined ? undefined : Buffer.from(JSON.stringify(data));
  return new Event(
    { id: 'e', source: '/s', type: 't', extensions: {}, data: bytes, dataKind: 'json', ...changes },
    address,
    '1' as Position,
    0,
  );
}

function keyOf(key: string | undefined, of: Event): string | undefined {
  return readEventKey(key).keyOf(of);
}

describe('The key of an event', () => {
  it('is its subject, or its type where it has none, when nothing is said', () => {
    assert.equal(keyOf(undefined, event({ subject: 'x' })), keyOf('subject', event({ subject: 'x', type: 'other' })));
    assert.notEqual(keyOf(undefined, event({ subject: 'x' })), keyOf(undefined, event({ subject: 'y' })));
    assert.equal(keyOf(undefined, event()), keyOf(undefined, event({ id: 'f' })));
    assert.equal(readEventKey().text, readEventKey('subject').text);
  });

  it('is another attribute, an extension or a scalar of the data', () => {
    assert.equal(keyOf('type', event({ subject: 'x' })), keyOf('type', event({ subject: 'y' })));
    assert.notEqual(keyOf('source', event()), keyOf('source', event({ source: '/t' })));
    assert.notEqual(
      keyOf('ext.region', event({ extensions: { region: 'eu' } })),
      keyOf('ext.region', event({ extensions: { region: 'us' } })),
    );
    assert.equal(keyOf('data.a.b', event({}, { a: { b: 'x' } })), keyOf('data.a.b', event({}, { a: { b: 'x', c: 1 } })));
    assert.notEqual(keyOf('data.n', event({}, { n: 1 })), keyOf('data.n', event({}, { n: '1' })));
  });

  it('is one of its channel', () => {
    assert.notEqual(keyOf('subject', event({ subject: 'x' }, undefined, 'a')), keyOf('subject', event({ subject: 'x' }, undefined, 'b')));
  });

  it('is none where the event has no such thing, or one too long', () => {
    assert.equal(keyOf('ext.constructor', event()), undefined);
    assert.equal(keyOf('data.a', event()), undefined);
    assert.equal(keyOf('data.a', event({}, { a: [1] })), undefined);
    assert.equal(keyOf('data.a', event({ dataKind: 'text' }, { a: 1 })), undefined);
    assert.equal(keyOf('subject', event({ subject: 'x'.repeat(1025) })), undefined);
  });

  it('is refused when it cannot be read', () => {
    for (const text of ['', 'id', 'data', 'data.', 'data.a..b', 'data.a,b', 'ext.', 'ext.A', 'subject.x', '__proto__']) {
      assert.throws(() => readEventKey(text), { code: 'BAD_REQUEST', message: /^by / }, text);
    }
  });
});

describe('An interval', () => {
  it('is a whole number with its unit, from 50 milliseconds to an hour', () => {
    assert.deepEqual(['50ms', '1s', '90s', '5m', '60m', '1h'].map(readInterval), [50, 1000, 90_000, 300_000, 3_600_000, 3_600_000]);
    for (const text of ['', '1', '49ms', '61m', '2h', '0.5s', '-1s', '1d', '1 s', '99999999ms']) {
      assert.throws(() => readInterval(text), { code: 'BAD_REQUEST', message: /^conflate takes/ }, text);
    }
  });
});
