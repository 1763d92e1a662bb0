import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { maxRawMessage as bound, rawFrames } from '../../testing/raw-websocket-frames.ts';
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

const mask = Buffer.from([1, 2, 3, 4]);
const masked = (opcode: number, payload: string | Uint8Array, fin = true): Buffer =>
  encodeMaskedFrame(opcode, Buffer.from(payload), mask, fin);

/** What a receiver makes of the bytes: messages, then the close code it must fail with, if any. */
function receive(chunks: Iterable<Uint8Array>, role: 'server' | 'client' = 'server', limit = bound): (Message | number)[] {
  const decoder = new FrameDecoder({ role, maxPayloadBytes: limit, deflate: false });
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

describe('a server that is sent raw frames', () => {
  for (const { name, frames, expected } of rawFrames) {
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
    new FrameDecoder({ role: 'server', maxPayloadBytes: bound, deflate: false }).feed(stream, (frame) => frames.push(frame));
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
