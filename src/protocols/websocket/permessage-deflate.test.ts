import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { mutations, pieces, seededRandom, testSeed } from '../../testing/hostile-input.ts';
import { encodeDeflatedTextFrame, encodeMaskedFrame, opcodes, rsv1 } from './encode-frame.ts';
import { FrameDecoder } from './frame-decoder.ts';
import { MessageAssembler } from './message-assembler.ts';
import { acceptDeflate, deflateMessage, inflateMessage } from './permessage-deflate.ts';
import { WebSocketProtocolError } from './protocol-error.ts';

const bound = 100_000;
const mask = Buffer.from([1, 2, 3, 4]);
const hex = (bytes: string): Buffer => Buffer.from(bytes.replace(/ /g, ''), 'hex');
const masked = (opcode: number, payload: Uint8Array, fin = true): Buffer => encodeMaskedFrame(opcode, payload, mask, fin);
const deflate = (text: string | Buffer): Buffer => deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
const compressed = opcodes.text | rsv1;

/** What a server with compression makes of the bytes: texts and kinds of other messages, then the close code it must fail with, if any. */
function receive(chunks: Iterable<Uint8Array>, role: 'server' | 'client' = 'server'): (string | number)[] {
  const decoder = new FrameDecoder({ role, maxPayloadBytes: bound, deflate: true });
  const assembler = new MessageAssembler(bound);
  const outcome: (string | number)[] = [];
  try {
    for (const chunk of chunks) {
      decoder.feed(chunk, (frame) => {
        const message = assembler.take(frame);
        if (message !== undefined) outcome.push(message.kind === 'text' ? message.data.toString('utf8') : message.kind);
      });
    }
  } catch (thrown) {
    assert.ok(thrown instanceof WebSocketProtocolError, String(thrown));
    outcome.push(thrown.closeCode);
  }
  return outcome;
}

describe('a server that is sent compressed messages', () => {
  const hello = hex('f2 48 cd c9 c9 07 00');
  const long = 'grün '.repeat(1000);
  const table: [string, Buffer[], (string | number)[]][] = [
    ['[7.2.3.1] one frame', [masked(compressed, hello)], ['Hello']],
    [
      '[7.2.3.1] two fragments, RSV1 on the first',
      [masked(compressed, hello.subarray(0, 3), false), masked(0, hello.subarray(3))],
      ['Hello'],
    ],
    ['[7.2.3.3] a block without compression', [masked(compressed, hex('00 05 00 fa ff 48 65 6c 6c 6f 00'))], ['Hello']],
    ['[7.2.3.4] a final block', [masked(compressed, hex('f3 48 cd c9 c9 07 00 00'))], ['Hello']],
    ['[7.2.3.5] two blocks', [masked(compressed, hex('f2 48 05 00 00 00 ff ff ca c9 c9 07 00'))], ['Hello']],
    ['[7.2.3.6] an empty message', [masked(compressed, hex('00'))], ['']],
    ['an empty message of no bytes at all', [masked(compressed, hex(''))], ['']],
    ['an empty last fragment', [masked(compressed, hello, false), masked(0, hex(''))], ['Hello']],
    [
      'a ping between fragments',
      [masked(compressed, hello.subarray(0, 3), false), masked(9, hex('')), masked(0, hello.subarray(3))],
      ['ping', 'Hello'],
    ],
    [
      'each message by itself, compressed or not',
      [masked(compressed, deflate(long)), masked(1, Buffer.from('plain')), masked(compressed, deflate(long))],
      [long, 'plain', long],
    ],
    [
      'a reference to the message before, whose context is not kept',
      [masked(compressed, hello), masked(compressed, hex('f2 00 11 00 00'))],
      ['Hello', 1007],
    ],
    ['RSV1 on a continuation', [masked(compressed, hello.subarray(0, 3), false), masked(rsv1, hello.subarray(3))], [1002]],
    ['RSV1 on a ping', [masked(opcodes.ping | rsv1, hex(''))], [1002]],
    ['RSV1 on a close', [masked(opcodes.close | rsv1, hex(''))], [1002]],
    ['RSV2', [masked(opcodes.text | 0x20, hex(''))], [1002]],
    ['garbage', [masked(compressed, hex('ff ff ff ff'))], [1007]],
    ['what inflates to text that is not UTF-8', [masked(compressed, deflate(hex('c0 80')))], [1007]],
    ['a message exactly as large as allowed', [masked(compressed, deflate('a'.repeat(bound)))], ['a'.repeat(bound)]],
    ['one that is a byte larger once inflated', [masked(compressed, deflate('a'.repeat(bound + 1)))], [1009]],
    ['a bomb', [masked(compressed, deflate(Buffer.alloc(64 * 1024 * 1024)))], [1009]],
  ];
  for (const [name, frames, expected] of table) {
    it(name, () => {
      const stream = Buffer.concat(frames);
      assert.deepEqual(receive([stream]), expected);
      if (stream.length < 1000) assert.deepEqual(receive([...stream].map((byte) => Buffer.of(byte))), expected, 'byte by byte');
    });
  }

  it('reacts the same to any cut of damaged frames, and never in another way than a close code', () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    const body = deflate(long);
    const sample = Buffer.concat([
      masked(compressed, body.subarray(0, 9), false),
      masked(9, hex('70')),
      masked(0, body.subarray(9)),
      masked(compressed, hello),
    ]);
    for (const stream of mutations(sample, 1000, random)) {
      const whole = receive([stream]);
      assert.deepEqual(receive(pieces(stream, 7, random)), whole, `seed ${seed}: ${stream.toString('hex')}`);
    }
  });
});

describe('compressing a message', () => {
  const text = Buffer.from(JSON.stringify(Array.from({ length: 100 }, (_, n) => ({ symbol: `S${n}`, price: n }))));

  it('gives what any inflater with a window of 4 KiB can read, from nothing', () => {
    const deflated = deflateMessage(text) ?? assert.fail('it was not compressed');
    assert.ok(deflated.length < text.length / 2);
    const whole = Buffer.concat([deflated, hex('00 00 ff ff')]);
    assert.deepEqual(inflateRawSync(whole, { windowBits: 12, finishFlush: constants.Z_SYNC_FLUSH }), text);
    assert.deepEqual(receive([encodeDeflatedTextFrame(deflated)], 'client'), [text.toString('utf8')]);
  });

  it('is left alone where it does not pay: short, very long, or without pattern', () => {
    assert.equal(deflateMessage(text.subarray(0, 1023)), undefined);
    assert.notEqual(deflateMessage(text.subarray(0, 1024)), undefined);
    assert.equal(deflateMessage(Buffer.alloc(256 * 1024 + 1)), undefined);
    const random = seededRandom(testSeed());
    assert.equal(deflateMessage(Buffer.from(Array.from({ length: 5000 }, () => Math.floor(random() * 256)))), undefined);
  });

  it('holds hardly more than the bound to refuse a bomb', () => {
    const bomb = deflate(Buffer.alloc(256 * 1024 * 1024));
    const before = process.memoryUsage().arrayBuffers;
    assert.throws(() => inflateMessage(bomb, bound), { closeCode: 1009 });
    assert.ok(process.memoryUsage().arrayBuffers - before < 8 * bound);
  });
});

describe('the offer of permessage-deflate', () => {
  const base = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
  const table: [string | undefined, string | undefined][] = [
    [undefined, undefined],
    ['', undefined],
    ['x-webkit-deflate-frame', undefined],
    ['permessage-deflate', base],
    ['permessage-deflate; client_max_window_bits', base],
    ['permessage-deflate; client_max_window_bits=9', base],
    ['permessage-deflate;server_no_context_takeover ; client_no_context_takeover', base],
    ['permessage-deflate; server_max_window_bits=15', `${base}; server_max_window_bits=12`],
    ['permessage-deflate; server_max_window_bits="12"', `${base}; server_max_window_bits=12`],
    ['permessage-deflate; server_max_window_bits=11', undefined],
    ['permessage-deflate; server_max_window_bits=10, permessage-deflate', base],
    ['permessage-bzip2; a="b", permessage-deflate', base],
    ['permessage-deflate; server_max_window_bits', undefined],
    ['permessage-deflate; server_max_window_bits=16', undefined],
    ['permessage-deflate; server_max_window_bits=08', undefined],
    ['permessage-deflate; client_max_window_bits=7', undefined],
    ['permessage-deflate; client_no_context_takeover=1', undefined],
    ['permessage-deflate; client_no_context_takeover; client_no_context_takeover', undefined],
    ['permessage-deflate; level=9', undefined],
  ];
  for (const [offered, answer] of table) {
    it(`"${offered}" is ${answer === undefined ? 'declined' : 'accepted'}`, () => assert.equal(acceptDeflate(offered), answer));
  }

  for (const malformed of ['permessage-deflate;', '; a', 'permessage-deflate; =1', 'a b', 'permessage-deflate; a="b c"', 'a="', '\u0000']) {
    it(`${JSON.stringify(malformed)} is malformed`, () => assert.throws(() => acceptDeflate(malformed), { closeCode: 1002 }));
  }
});
