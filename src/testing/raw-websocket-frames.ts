import { encodeMaskedFrame } from '../protocols/websocket/encode-frame.ts';
import type { Message } from '../protocols/websocket/message-assembler.ts';

/** Frames as a client may send them, and what a server that takes messages of up to `maxRawMessage` bytes must make of them. */
export interface RawFrameCase {
  /** Led by the section of RFC 6455. */
  readonly name: string;
  readonly frames: readonly Buffer[];
  /** Messages in order, then the close code it must fail the connection with, if any. */
  readonly expected: readonly (Message | number)[];
}

/** Largest message in bytes that the server under test takes. */
export const maxRawMessage = 100_000;

const mask = Buffer.from([1, 2, 3, 4]);
const masked = (opcode: number, payload: string | Uint8Array, fin = true): Buffer =>
  encodeMaskedFrame(opcode, Buffer.from(payload), mask, fin);
const text = (data: string): Message => ({ kind: 'text', data: Buffer.from(data) });
const closed = (code: number | undefined, reason = ''): Message => ({ kind: 'close', code, reason });
const hex = (bytes: string): Buffer => Buffer.from(bytes.replace(/ /g, ''), 'hex');

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

/** The cases, for the decoder here and for whatever serves WebSocket. */
export const rawFrames: readonly RawFrameCase[] = table.map(([name, frames, expected]) => ({ name, frames, expected }));
