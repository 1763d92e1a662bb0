import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Changes, type ChangeFormat } from '../core/changes.ts';
import { Event, type EventDraft, type WireFormat } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { Delta } from './delta.ts';
import { readEventKey } from './event-key.ts';
import { Projection } from './projection.ts';

const same = 'x'.repeat(200);
let next = 0;

function event(subject: string, data: unknown, changes: Partial<EventDraft> = {}): Event {
  next += 1;
  const bytes = Buffer.from(typeof data === 'string' ? data : JSON.stringify(data));
  return new Event(
    {
      id: `e${next}`,
      source: '/s',
      type: 't',
      subject,
      dataschema: '/schema',
      extensions: { region: 'eu' },
      data: bytes,
      dataKind: 'json',
      ...changes,
    },
    'a',
    `${next}` as Position,
    0,
  );
}

function counting(): WireFormat & { encoded: number } {
  const format = {
    name: 'counting',
    encoded: 0,
    encode: ({ id, extensions, data }: Event) => {
      format.encoded += 1;
      return Buffer.from(`${id}<${String(extensions['base'] ?? '')} ${Buffer.from(data ?? []).toString()}\n`);
    },
    encodeGap: () => Buffer.alloc(0),
  };
  return format;
}

/** Which of the events are changes, and the data of those. */
function told(delta: Delta, events: readonly Event[]): readonly (string | undefined)[] {
  return delta
    .apply(events)
    .map(({ extensions, data }) => (extensions['base'] === undefined ? undefined : Buffer.from(data ?? []).toString()));
}

describe('Events as changes', () => {
  const bySubject = new Delta(undefined, readEventKey());

  it('are JSON Patches of the last one of their key, and say of which', () => {
    const [first, other, second] = [event('a', { n: 1, same }), event('b', { n: 7, same }), event('a', { n: 2, same })] as const;
    const [whole, , change] = bySubject.apply([first, other, second]) as [Event, Event, Event];
    assert.equal(whole, first);
    assert.equal(Buffer.from(change.data ?? []).toString(), '[{"op":"replace","path":"/n","value":2}]');
    assert.equal(change.datacontenttype, 'application/json-patch+json');
    assert.equal(change.dataschema, undefined);
    assert.deepEqual(change.extensions, { region: 'eu', base: first.position });
    assert.deepEqual([change.id, change.position, change.subject], [second.id, second.position, 'a']);
  });

  it('are whole where that is as short, and no longer compared with what was lost', () => {
    const text = (n: number): Event => event('a', 'no JSON', { dataKind: 'text', id: `${n}` });
    const large = { n: 1, same: 'x'.repeat(256 * 1024) };
    for (const [what, events] of Object.entries({
      short: [event('a', { n: 1 }), event('a', { n: 2 })],
      different: [event('a', { n: 1, same }), event('a', { n: 1, same: `${same}y` })],
      text: [event('a', { n: 1, same }), text(1), event('a', { n: 2, same })],
      broken: [event('a', { n: 1, same }), event('a', '{"n":'), event('a', { n: 2, same })],
      large: [event('a', large), event('a', { ...large, n: 2 })],
      'without a key': [event('x'.repeat(2000), { n: 1, same }), event('x'.repeat(2000), { n: 2, same })],
    })) {
      assert.deepEqual(
        told(bySubject, events),
        events.map(() => undefined),
        what,
      );
    }
  });

  it('alone have a base: one that was published is taken off', () => {
    const given = event('a', { n: 1, same }, { extensions: { base: '0', region: 'eu' } });
    assert.deepEqual(bySubject.apply([given])[0]?.extensions, { region: 'eu' });
    assert.match(given.frame(bySubject.format(counting())).toString(), /^e\d+< /);
    assert.match(given.frame(new Delta(Projection.of('n'), readEventKey()).format(counting())).toString(), /^e\d+< \{"n":1\}/);
  });

  it('are those of what a projection leaves', () => {
    const delta = new Delta(Projection.of('same,n'), readEventKey());
    const [whole, change] = delta.apply([event('a', { n: 1, m: 1, same }), event('a', { n: 2, m: 2, same })]);
    assert.equal(Buffer.from(whole?.data ?? []).toString(), `{"n":1,"same":"${same}"}`);
    assert.equal(Buffer.from(change?.data ?? []).toString(), '[{"op":"replace","path":"/n","value":2}]');
  });

  it('are computed and encoded once for all who know the base; the others share the whole', () => {
    const base = counting();
    const format = bySubject.format(base);
    assert.equal(format, bySubject.format(base));
    const changes = new Changes((format.changes as ChangeFormat).coding);
    const [first, second] = [event('a', { n: 1, same }), event('a', { n: 2, same })] as const;
    changes.add([first]);
    assert.deepEqual([changes.oldest, changes.oldestUsed], [first.position, undefined]);
    changes.add([second]);
    assert.deepEqual([changes.oldest, changes.oldestUsed], [second.position, first.position]);
    const all = changes.join([second], format);
    const knows = { knows: (place: Position) => place === first.position };
    assert.equal(all.toString(), `${second.id}<${first.position} [{"op":"replace","path":"/n","value":2}]\n`);
    assert.equal(changes.join([second], format, knows), all);
    assert.equal(base.encoded, 1);
    const whole = changes.join([second], format, { knows: () => false });
    assert.equal(whole, second.frame(base));
    assert.equal(base.encoded, 2);
    assert.equal(changes.join([first, second], format).toString(), `${first.frame(base).toString()}${all.toString()}`);
  });

  it('are compared with ten thousand keys, four megabytes and ten thousand events back at most', () => {
    const changed = (between: readonly Event[]): boolean => {
      const changes = new Changes((bySubject.format(counting()).changes as ChangeFormat).coding);
      const [first, second] = [event('a', { n: 1, same }), event('a', { n: 2, same })] as const;
      changes.add([first, ...between, second]);
      return changes.of(second) !== undefined;
    };
    const keys = (count: number): readonly Event[] => Array.from({ length: count }, (_, n) => event(`s${n}`, { n }));
    const large = (count: number): readonly Event[] =>
      keys(count).map(({ subject }) => event(subject as string, { large: 'x'.repeat(100_000) }));
    const others = (count: number): readonly Event[] => Array.from({ length: count }, (_, n) => event('b', { n }));
    assert.deepEqual([changed(keys(9_000)), changed(keys(10_000))], [true, false]);
    assert.deepEqual([changed(large(9)), changed(large(11))], [true, false]);
    assert.deepEqual([changed(others(9_000)), changed(others(10_000))], [true, false]);
  });
});
