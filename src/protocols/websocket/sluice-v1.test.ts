import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mutations, seededRandom, testSeed } from '../../testing/hostile-input.ts';
import { FrameDecoder } from './frame-decoder.ts';
import type { Frame } from './frame-decoder.ts';
import { encodeGapFrame } from './gap.ts';
import { encodeAcceptedOp, encodeErrorOp, encodeEventOp, encodeGapOp, encodeLimitsOp, encodeRenewedOp } from './sluice-v1.ts';
import { ClientOpError, parseClientOp } from './sluice-v1-client-op.ts';
import type { ClientOp } from './sluice-v1-client-op.ts';

const event = '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{ "a":1}}';
const parse = (text: string): ClientOp => parseClientOp(text, 3);

function refuses(text: string, path: string, sentence: RegExp, more: { ref?: string | number; invalidEvent?: boolean } = {}): void {
  assert.throws(
    () => parse(text),
    (thrown) => {
      assert.ok(thrown instanceof ClientOpError, String(thrown));
      assert.equal(thrown.path, path, thrown.message);
      assert.match(thrown.message, sentence);
      assert.match(thrown.message, /^[A-Z].*\.$/);
      assert.equal(thrown.ref, more.ref);
      assert.equal(thrown.invalidEvent, more.invalidEvent ?? false);
      return true;
    },
    text,
  );
}

describe('operations of a sluice.v1.json client', () => {
  it('publish one event or several, with the data as the bytes they are', () => {
    const one = parse(`{"event":${event},"op":"publish","ref":"r1","address":"orders/7"}`);
    assert.ok(one.op === 'publish');
    assert.deepEqual([one.ref, one.address, one.events.length], ['r1', 'orders/7', 1]);
    assert.equal(Buffer.from(one.events[0]?.data ?? []).toString('utf8'), '{ "a":1}');
    const several = parse(`{"op":"publish","ref":-7,"events":[${event},${event}]}`);
    assert.ok(several.op === 'publish');
    assert.deepEqual([several.ref, several.address, several.events.length], [-7, undefined, 2]);
  });

  it('acknowledge, renew and ask for limits', () => {
    assert.deepEqual(parse('{"op":"ack","position":"abc-1"}'), { op: 'ack', position: 'abc-1' });
    assert.deepEqual(parse('{"op":"limits"}'), { op: 'limits' });
    assert.deepEqual(parse('{"op":"renew","credential":"tok"}'), { op: 'renew', credential: { kind: 'bearer', value: 'tok' } });
    assert.deepEqual(parse('{"op":"renew","credential":{"value":"k","kind":"api-key"}}'), {
      op: 'renew',
      credential: { kind: 'api-key', value: 'k' },
    });
  });

  it('are refused with a sentence, the member at fault and the ref, wherever it stands', () => {
    refuses('', '', /must be a JSON object/);
    refuses('{"op"', '', /not JSON/);
    refuses('[]', '', /must be a JSON object/);
    refuses('{}', 'op', /missing/);
    refuses('{"op":"subscribe"}', 'op', /publish, ack, renew or limits/);
    refuses('{"op":"constructor"}', 'op', /publish, ack/);
    refuses('{"op":1}', 'op', /must be a string/);
    refuses('{"op":"ack"}', 'position', /needs the position/);
    refuses('{"op":"ack","position":""}', 'position', /1 to 128/);
    refuses(`{"op":"ack","position":"${'x'.repeat(129)}"}`, 'position', /1 to 128/);
    refuses('{"op":"ack","position":"a","ref":"r"}', 'ref', /ack has no such member/, { ref: 'r' });
    refuses('{"op":"limits","foo":1}', 'foo', /no operation has such a member/);
    refuses('{"op":"limits","op":"limits"}', 'op', /more than once/);
    refuses('{"op":"limits"} x', '', /nothing more is expected/);
    refuses('{"op":"publish","ref":5}', 'event', /needs event or events/, { ref: 5 });
    refuses('{"op":"publish","events":{}}', 'events', /must be an array/);
    refuses(`{"op":"publish","event":${event},"events":[${event}],"ref":"z"}`, 'events', /exclude/, { ref: 'z' });
    refuses('{"op":"publish","ref":1.5}', 'ref', /integer/);
    refuses('{"op":"publish","ref":9007199254740993}', 'ref', /integer/);
    refuses('{"op":"publish","ref":"\\ud800"}', 'ref', /surrogate/);
    refuses('{"op":"renew","credential":1}', 'credential', /a token, or an object/);
    refuses('{"op":"renew","credential":{"kind":"password","value":"x"}}', 'credential.kind', /api-key, bearer or ticket/);
    refuses('{"op":"renew","credential":{"kind":"bearer"}}', 'credential.value', /missing/);
    refuses('{"op":"renew","credential":{"kind":"bearer","value":"x","more":1}}', 'credential', /only kind and value/);
  });

  it('name the event and attribute when an event is at fault', () => {
    const bad = event.replace('"id":"1"', '"id":""');
    refuses(`{"op":"publish","event":${bad},"ref":"r"}`, 'event.id', /must not be empty/, { ref: 'r', invalidEvent: true });
    refuses(`{"op":"publish","events":[${event},${bad}],"ref":"r"}`, 'events[1].id', /must not be empty/, { ref: 'r', invalidEvent: true });
    refuses(`{"op":"publish","events":[${event},${event},${event},${event}]}`, 'events[3]', /at most 3 events/, { invalidEvent: true });
    refuses('{"op":"publish","event":[]}', 'event', /must be|is a JSON object/, { invalidEvent: true });
  });

  it('are refused in no other way, cut anywhere or damaged at random', () => {
    const seed = testSeed();
    const sample = Buffer.from(`{"op":"publish","ref":"r","address":"a/b","events":[${event}]}`);
    for (let end = 0; end < sample.length; end += 1) assert.throws(() => parseClientOp(sample.subarray(0, end), 3), ClientOpError);
    for (const bytes of mutations(sample, 10_000, seededRandom(seed))) {
      try {
        parseClientOp(bytes, 3);
      } catch (thrown) {
        assert.ok(thrown instanceof ClientOpError, `seed ${seed}: ${String(thrown)}`);
      }
    }
  });
});

describe('operations of a sluice.v1.json server', () => {
  const said = (frame: Buffer): unknown => {
    const frames: Frame[] = [];
    new FrameDecoder({ role: 'client', maxPayloadBytes: 10_000, deflate: false }).feed(frame, (whole) => frames.push(whole));
    assert.equal(frames.length, 1);
    assert.deepEqual([frames[0]?.fin, frames[0]?.opcode], [true, 1]);
    return JSON.parse(frames[0]?.payload.toString('utf8') ?? '');
  };
  const published = parse(`{"op":"publish","event":${event}}`);
  const gap = { after: 'abc-1', upTo: 'abc-4', events: 3, reason: 'dropped' };

  it('are whole text frames of the agreed objects', () => {
    assert.ok(published.op === 'publish');
    const [draft] = published.events;
    assert.ok(draft);
    const { data, ...attributes } = JSON.parse(event) as Record<string, unknown>;
    assert.deepEqual(said(encodeEventOp(draft, 'abc-9')), { op: 'event', event: { ...attributes, position: 'abc-9', data } });
    assert.deepEqual(said(encodeAcceptedOp('r', ['abc-1', 'abc-2'], 1)), {
      op: 'accepted',
      ref: 'r',
      positions: ['abc-1', 'abc-2'],
      duplicates: 1,
    });
    assert.deepEqual(said(encodeAcceptedOp(undefined, [], 0)), { op: 'accepted', positions: [], duplicates: 0 });
    assert.deepEqual(said(encodeLimitsOp([{ limit: 'eventCount' }], new Date(0))), {
      op: 'limits',
      limits: [{ limit: 'eventCount' }],
      until: '1970-01-01T00:00:00.000Z',
    });
    assert.deepEqual(said(encodeLimitsOp([])), { op: 'limits', limits: [] });
    assert.deepEqual(said(encodeGapOp(gap)), { op: 'gap', ...gap });
    assert.deepEqual(said(encodeErrorOp({ code: 'X', detail: 'é' }, 7)), { op: 'error', ref: 7, problem: { code: 'X', detail: 'é' } });
    assert.deepEqual(said(encodeRenewedOp()), { op: 'renewed' });
  });

  it('have for plain clients a gap that is a CloudEvent', () => {
    const told = said(encodeGapFrame(gap)) as Record<string, unknown>;
    assert.deepEqual([told['type'], told['source'], told['position'], told['data']], ['dev.sluice.gap', '/sluice', 'abc-4', gap]);
  });
});
