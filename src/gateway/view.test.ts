import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Event, type WireFormat } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { eventsOf, formatOf, Views } from './view.ts';

function json(data: unknown): Event {
  return new Event(
    { id: 'e', source: '/s', type: 't', extensions: {}, data: Buffer.from(JSON.stringify(data)), dataKind: 'json' },
    'a',
    '7' as Position,
    5,
  );
}

function counting(): WireFormat & { encoded: number } {
  const format = {
    name: 'counting',
    encoded: 0,
    encode: (event: Event) => {
      format.encoded += 1;
      return Buffer.from(`${event.position} ${Buffer.from(event.data ?? []).toString()}`);
    },
    encodeGap: () => Buffer.from('gap'),
  };
  return format;
}

describe('Views', () => {
  it('are shared by equal requests, parts of them by equal parts', () => {
    const views = new Views();
    assert.equal(views.of({ filter: 'type == "a"' }).filter, views.of({ filter: 'type == "a"' }).filter);
    assert.notEqual(views.of({ filter: 'type == "a"' }).filter, views.of({ filter: 'type == "b"' }).filter);
    const one = views.of({ view: { fields: 'a,b' } });
    assert.equal(one, views.of({ view: { fields: 'a,b' } }));
    assert.equal(one.projection, views.of({ filter: 'type == "a"', view: { fields: 'b,a,b.c', sample: '1/2' } }).projection);
  });

  it('have one text when they are equal, and another when they are not', () => {
    const views = new Views();
    const text = (filter?: string, fields?: string, sample?: string): string | undefined =>
      views.of({ filter, view: { fields, sample } }).text;
    assert.equal(text(), undefined);
    assert.equal(text(undefined, undefined, '1'), undefined);
    assert.equal(text('type == "a"'), 'type == "a"');
    assert.equal(text('type == "a"', 'b,a', '1/2'), text('type == "a"', 'a,b', '0.5'));
    assert.equal(text('true', 'b', '0.5'), 'sample=0.5&fields=b&filter=true');
    const all = [
      text(),
      text('true'),
      text('true', 'a'),
      text(undefined, 'a'),
      text('true', undefined, '0.5'),
      text(undefined, 'a', '0.5'),
    ];
    assert.equal(new Set(all).size, all.length);
  });

  it('are forgotten past a thousand, the one not asked for the longest first', () => {
    const views = new Views();
    const of = (n: number) => views.of({ filter: `id == "${n}"` });
    const first = of(0);
    const second = of(1);
    for (let n = 2; n < 1000; n += 1) of(n);
    assert.equal(of(0), first);
    of(1000);
    assert.equal(of(0), first);
    assert.notEqual(of(1), second);
  });

  it('that are broken are refused, naming what is', () => {
    const views = new Views();
    assert.throws(() => views.of({ filter: 'type ==' }), { code: 'INVALID_FILTER' });
    assert.throws(() => views.of({ view: { fields: 'a,' } }), { code: 'BAD_REQUEST', message: /^fields .*a name is missing/ });
    assert.throws(() => views.of({ view: { sample: '2' } }), { code: 'BAD_REQUEST', message: /^sample / });
  });
});

describe('A projection', () => {
  const views = new Views();

  it('encodes an event once for all who have it, and shares what it leaves as it is', () => {
    const base = counting();
    const format = formatOf(views.of({ view: { fields: 'a' } }), base);
    assert.equal(format, formatOf(views.of({ filter: 'true', view: { fields: 'a' } }), base));
    assert.notEqual(format, formatOf(views.of({ view: { fields: 'a' } }), counting()));
    const event = json({ a: 1, b: 2 });
    assert.equal(event.frame(format).toString(), '7 {"a":1}');
    assert.equal(event.frame(format), event.frame(format));
    assert.equal(base.encoded, 1);
    const scalar = json('text');
    assert.equal(scalar.frame(format), scalar.frame(base));
    assert.equal(format.encodeGap({ after: '1' as Position, upTo: '2' as Position, events: 1, reason: 'dropped' }).toString(), 'gap');
  });

  it('leaves attributes, text and binary data, and the event itself alone', () => {
    const view = views.of({ view: { fields: 'a' } });
    const text = new Event(
      { id: 'e', source: '/s', type: 't', extensions: {}, data: Buffer.from('{"a":1,"b":2}'), dataKind: 'text' },
      'a',
      '1' as Position,
      0,
    );
    const empty = new Event(
      { id: 'e', source: '/s', type: 't', extensions: {}, data: undefined, dataKind: 'json' },
      'a',
      '1' as Position,
      0,
    );
    assert.deepEqual(eventsOf(view, [text, empty]), [text, empty]);
    const event = json({ a: 1, b: 2 });
    const [seen] = eventsOf(view, [event]);
    assert.ok(seen !== undefined && seen !== event);
    assert.equal(Buffer.from(seen.data ?? []).toString(), '{"a":1}');
    assert.deepEqual(
      Object.entries(seen).filter(([name]) => name !== 'data'),
      Object.entries(event).filter(([name]) => name !== 'data'),
    );
    assert.equal(event.bytes, 13);
  });
});
