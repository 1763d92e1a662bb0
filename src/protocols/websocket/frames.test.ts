import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mutations, pieces, seededRandom, testSeed } from '../../testing/hostile-input.ts';
import {
  applyMask,
  encodeCloseFrame,
  encodeFrame,
  encodeMaskedFrame,
  encodePing,
  encodePong,
  encodeTextFrame,
  opcodes,
} from './encode-frame.ts';
import { FrameDecoder } from './frame-decoder.ts';
import type { Frame } from './frame-decoder.ts';
import { isCloseCode, MessageAssembler } from './message-assembler.ts';
import type { Message } from './message-assembler.ts';
import { WebSocketProtocolError } from './protocol-error.ts';

const bound = 100_000;
const mask = Buffer.from([1, 2, 3, 4]);
const masked = (opcode: number, payload: string | Uint8Array, fin = true): Buffer =>
  encodeMaskedFrame(opcode, Buffer.from(payload), mask, fin);

/** What a receiver makes of the bytes: messages, then the close code it must fail with, if any. */
function receive(chunks: Iterable<Uint8Array>, role: 'server' | 'client' = 'server', limit = bound): (Message | number)[] {
  const decoder = new FrameDecoder(role, limit);
  const assembler = new MessageAssembler(limit);
  const outcome: (Message | number)[] = [];
  try {
    for (const chunk of chunks) {
      decoder.feed(chunk, (frame) => {
        const message = assembler.take(frame);
        if (message !== undefined) outcome.push(message);
      });
    }
  } catch (thrown) {
    assert.ok(thrown instanceof WebSocketProtocolError, String(thrown));
    outcome.push(thrown.closeCode);
  }
  return outcome;
}

const text = (data: string): Message => ({ kind: 'text', data: Buffer.from(data) });
const closed = (code: number | undefined, reason = ''): Message => ({ kind: 'close', code, reason });
const hex = (bytes: string): Buffer => Buffer.from(bytes.replace(/ /g, ''), 'hex');

/** Frames from a client, as raw bytes, and what a server must do (RFC 6455, section in brackets). */
const table: [string, Buffer[], (Message | number)[]][] = [
  ['[5.7] the masked "Hello" of the RFC', [hex('81 85 37 fa 21 3d 7f 9f 4d 51 58')], [text('Hello')]],
  ['[5.7] "Hello" in two fragments', [masked(1, 'Hel', false), masked(0, 'lo')], [text('Hello')]],
  ['[5.5.2] a ping with a payload', [hex('89 85 37 fa 21 3d 7f 9f 4d 51 58')], [{ kind: 'ping', data: Buffer.from('Hello') }]],
  ['[5.5.3] an unasked pong', [masked(0xa, '')], [{ kind: 'pong', data: Buffer.alloc(0) }]],
  ['[5.6] an empty text', [masked(1, '')], [text('')]],
  ['[5.6] binary', [masked(2, Buffer.from([0, 255]))], [{ kind: 'binary', data: Buffer.from([0, 255]) }]],
  [
    '[5.4] a ping between fragments',
    [masked(1, 'a', false), masked(9, 'p'), masked(0, 'b')],
    [{ kind: 'ping', data: Buffer.from('p') }, text('ab')],
  ],
  ['[5.4] empty fragments', [masked(1, '', false), masked(0, '', false), masked(0, '')], [text('')]],
  ['[8.1] a character cut between fragments', [masked(1, hex('e2 82'), false), masked(0, hex('ac'))], [text('€')]],
  ['[5.2] 126 bytes', [masked(1, 'a'.repeat(126))], [text('a'.repeat(126))]],
  ['[5.2] 65,536 bytes', [masked(1, 'a'.repeat(65_536))], [text('a'.repeat(65_536))]],
  ['[5.1] no mask', [hex('81 01 61')], [1002]],
  ['[5.2] RSV1', [hex('c1 81 00 00 00 00 61')], [1002]],
  ['[5.2] RSV2', [hex('a1 81')], [1002]],
  ['[5.2] RSV3', [hex('91 81')], [1002]],
  ['[5.2] reserved opcode 3', [hex('83 80')], [1002]],
  ['[5.2] reserved opcode 7', [hex('87 80')], [1002]],
  ['[5.2] reserved opcode B', [hex('8b 80')], [1002]],
  ['[5.2] reserved opcode F', [hex('8f 80')], [1002]],
  ['[5.2] 125 written in 16 bits', [hex('81 fe 00 7d 00 00 00 00')], [1002]],
  ['[5.2] 65,535 written in 64 bits', [hex('82 ff 00 00 00 00 00 00 ff ff 00 00 00 00')], [1002]],
  ['[5.2] highest bit of 64', [hex('82 ff 80 00 00 00 00 00 00 00 00 00 00 00')], [1002]],
  ['[10.4] 2^62 bytes announced', [hex('82 ff 40 00 00 00 00 00 00 00 00 00 00 00')], [1009]],
  ['[10.4] one byte too many announced', [hex('82 ff 00 00 00 00 00 01 86 a1 00 00 00 00')], [1009]],
  ['[10.4] too many in fragments', [masked(1, 'a'.repeat(60_000), false), masked(0, 'a'.repeat(60_000))], [1009]],
  ['[5.5] a fragmented ping', [masked(9, '', false)], [1002]],
  ['[5.5] a fragmented close', [masked(8, '', false)], [1002]],
  ['[5.5] a ping of 126 bytes', [hex('89 fe 00 7e')], [1002]],
  ['[5.4] a continuation of nothing', [masked(0, 'a')], [1002]],
  ['[5.4] a text within a text', [masked(1, 'a', false), masked(1, 'b')], [1002]],
  ['[5.4] a continuation after the end', [masked(1, 'a', false), masked(0, 'b'), masked(0, 'c')], [text('ab'), 1002]],
  ['[8.1] text that is not UTF-8', [masked(1, hex('ff'))], [1007]],
  ['[8.1] an overlong form', [masked(1, hex('c0 80'))], [1007]],
  ['[8.1] a surrogate', [masked(1, hex('ed a0 80'))], [1007]],
  ['[8.1] past U+10FFFF', [masked(1, hex('f4 90 80 80'))], [1007]],
  ['[8.1] a character cut at the end', [masked(1, hex('e2 82'), false), masked(0, '')], [1007]],
  ['[5.5.1] an empty close', [masked(8, '')], [closed(undefined)]],
  ['[5.5.1] a close with reason', [masked(8, Buffer.concat([hex('03 e8'), Buffer.from('bye €')]))], [closed(1000, 'bye €')]],
  ['[5.5.1] a close of one byte', [masked(8, hex('03'))], [1002]],
  ['[5.5.1] a reason that is not UTF-8', [masked(8, hex('03 e8 ff'))], [1007]],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code): [string, Buffer[], number[]] => [
    `[7.4] close code ${code}`,
    [masked(8, Buffer.of(code >> 8, code & 255))],
    [1002],
  ]),
  ...[1000, 1003, 1007, 1012, 1014, 3000, 4401, 4999].map((code): [string, Buffer[], Message[]] => [
    `[7.4] close code ${code}`,
    [masked(8, Buffer.of(code >> 8, code & 255))],
    [closed(code)],
  ]),
];

describe('a server that is sent raw frames', () => {
  for (const [name, frames, expected] of table) {
    it(name, () => {
      const stream = Buffer.concat(frames);
      assert.deepEqual(receive([stream]), expected, 'whole');
      if (stream.length < 1000) assert.deepEqual(receive([...stream].map((byte) => Buffer.of(byte))), expected, 'byte by byte');
    });
  }

  it('waits for the rest of a frame cut anywhere', () => {
    const stream = Buffer.concat([masked(1, 'a'.repeat(200), false), masked(9, 'ping'), masked(0, 'é')]);
    const whole = receive([stream]);
    for (let cut = 0; cut < stream.length; cut += 1) {
      assert.equal(receive([stream.subarray(0, cut)]).includes(1002), false);
      assert.deepEqual(receive([stream.subarray(0, cut), stream.subarray(cut)]), whole, `cut at ${cut}`);
    }
  });

  it('reacts the same to any cut of damaged frames, and never in another way than a close code', () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    const sample = Buffer.concat([
      masked(1, 'Hello', false),
      masked(9, 'p'),
      masked(0, ' €'),
      masked(2, 'b'.repeat(130)),
      masked(8, hex('03 e8 62')),
    ]);
    for (const stream of mutations(sample, 3000, random)) {
      const whole = receive([stream]);
      assert.deepEqual(receive(pieces(stream, 7, random)), whole, `seed ${seed}: ${stream.toString('hex')}`);
    }
  });

  it('does not change or keep the bytes it is fed', () => {
    const stream = masked(1, 'Hello');
    const before = Buffer.from(stream);
    const frames: Frame[] = [];
    new FrameDecoder('server', bound).feed(stream, (frame) => frames.push(frame));
    assert.deepEqual(stream, before);
    stream.fill(0);
    assert.equal(frames[0]?.payload.toString('utf8'), 'Hello');
  });

  it('sets nothing aside for what is only announced', () => {
    const announced = hex('82 ff 00 00 00 ff 00 00 00 00 00 00 00 00');
    assert.deepEqual(receive([announced, Buffer.from('abc')], 'server', 2 ** 40), []);
  });
});

describe('a client', () => {
  it('refuses masked frames and reads what a server encodes', () => {
    assert.deepEqual(receive([masked(1, 'a')], 'client'), [1002]);
    const stream = [
      encodeTextFrame(Buffer.from('é')),
      encodePing(Buffer.from('p')),
      encodePong(),
      encodeCloseFrame(4401, 'no'),
      encodeCloseFrame(),
    ];
    assert.deepEqual(receive(stream, 'client'), [
      text('é'),
      { kind: 'ping', data: Buffer.from('p') },
      { kind: 'pong', data: Buffer.alloc(0) },
      closed(4401, 'no'),
      closed(undefined),
    ]);
  });
});

describe('encoding frames', () => {
  it('gives the bytes of the examples in section 5.7', () => {
    assert.deepEqual(encodeTextFrame(Buffer.from('Hello')), hex('81 05 48 65 6c 6c 6f'));
    assert.deepEqual(
      Buffer.concat([encodeFrame(1, Buffer.from('Hel'), false), encodeFrame(0, Buffer.from('lo'))]),
      hex('01 03 48 65 6c 80 02 6c 6f'),
    );
    assert.deepEqual(encodeFrame(opcodes.binary, Buffer.alloc(256)).subarray(0, 4), hex('82 7e 01 00'));
    assert.deepEqual(encodeFrame(opcodes.binary, Buffer.alloc(65_536)).subarray(0, 10), hex('82 7f 00 00 00 00 00 01 00 00'));
  });

  it('round-trips any payload, masked or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 300 }), fc.uint8Array({ minLength: 4, maxLength: 4 }), (payload, key) => {
        const expected = [{ kind: 'binary', data: Buffer.from(payload) }];
        assert.deepEqual(receive([encodeMaskedFrame(2, payload, key)]), expected);
        assert.deepEqual(receive([encodeFrame(2, payload)], 'client'), expected);
      }),
    );
    for (const length of [125, 126, 127, 65_535, 65_536]) {
      assert.deepEqual(receive([masked(2, Buffer.alloc(length, 7))]), [{ kind: 'binary', data: Buffer.alloc(length, 7) }]);
    }
  });

  it('cuts a close reason to 123 bytes between two characters', () => {
    const reasonOf = (reason: string): string => {
      const [message] = receive([encodeCloseFrame(1000, reason)], 'client');
      assert.ok(typeof message === 'object' && message.kind === 'close');
      return message.reason;
    };
    assert.equal(reasonOf('a'.repeat(200)), 'a'.repeat(123));
    assert.equal(reasonOf(`a${'€'.repeat(60)}`), `a${'€'.repeat(40)}`);
    assert.equal(reasonOf('😀'.repeat(60)), '😀'.repeat(30));
    assert.equal(reasonOf('a'.repeat(123)), 'a'.repeat(123));
  });

  it('refuses a ping that is too long', () => {
    assert.throws(() => encodePing(Buffer.alloc(126)), RangeError);
    assert.throws(() => encodePong(Buffer.alloc(126)), RangeError);
  });

  it('unmasks in the middle of a payload', () => {
    const payload = Buffer.from('abcdefgh');
    const whole = Buffer.from(payload);
    applyMask(whole, mask);
    const tail = Buffer.from(payload.subarray(3));
    applyMask(tail, mask, 3);
    assert.deepEqual(tail, whole.subarray(3));
  });

  it('knows the codes a close frame may carry', () => {
    assert.deepEqual([1000, 1005, 1006, 1013, 1015, 3999, 5000].map(isCloseCode), [true, false, false, true, false, true, false]);
  });
});
