import { encodeMaskedFrame, opcodes } from '../../protocols/websocket/encode-frame.ts';
import { rawFrames } from '../raw-websocket-frames.ts';
import { exchange, outcomeOf, requestBytes } from './exchange.ts';
import type { Expected, HostileCase } from './hostile-case.ts';
import { keys } from './victim-world.ts';
import { frameExchange, type FrameExchange } from './frame-exchange.ts';

type Header = readonly [string, string];
type Changes = Readonly<Record<string, string | undefined>>;

const standard = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'x-api-key': keys.CLIENT_KEY,
} as const;

function headersWith(changes: Changes): readonly Header[] {
  return Object.entries<string | undefined>({ ...standard, ...changes }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
}

type HandshakeRow = readonly [name: string, changes: Changes, status: number, code: string | undefined, says: RegExp, target?: string];

const bad = [400, 'BAD_REQUEST'] as const;

const handshakes: readonly HandshakeRow[] = [
  ['no version', { 'sec-websocket-version': undefined }, ...bad, /Version must be 13/],
  ['version 8', { 'sec-websocket-version': '8' }, ...bad, /Version must be 13/],
  ['version 13 twice', { 'sec-websocket-version': '13, 13' }, ...bad, /Version must be 13/],
  ['no key', { 'sec-websocket-key': undefined }, ...bad, /16 bytes in base64/],
  ['a short key', { 'sec-websocket-key': 'AAAA' }, ...bad, /16 bytes in base64/],
  ['a key that is no base64', { 'sec-websocket-key': '!!!!!!!!!!!!!!!!!!!!!!==' }, ...bad, /16 bytes in base64/],
  ['a key of 10,000 characters', { 'sec-websocket-key': 'A'.repeat(10_000) }, ...bad, /16 bytes in base64/],
  ['a protocol that is not spoken', { 'sec-websocket-protocol': 'mqtt' }, ...bad, /offer cloudevents\.json or sluice\.v1\.json/],
  ['a protocol twice', { 'sec-websocket-protocol': 'sluice.v1.json, sluice.v1.json' }, ...bad, /distinct tokens/],
  ['an empty protocol', { 'sec-websocket-protocol': 'sluice.v1.json,,' }, ...bad, /distinct tokens/],
  ['protocols that are no tokens', { 'sec-websocket-protocol': 'a b/c' }, ...bad, /distinct tokens/],
  [
    '5,000 protocols',
    { 'sec-websocket-protocol': Array.from({ length: 2500 }, (_, at) => `p${at}`).join(',') },
    ...bad,
    /offer cloudevents/,
  ],
  ['a page of somewhere else', { origin: 'https://evil.example' }, 403, 'FORBIDDEN', /Pages of https:\/\/evil\.example may not/],
  ['an origin of 5,000 characters', { origin: `https://${'e'.repeat(5000)}` }, 403, 'FORBIDDEN', /may not use this API/],
  ['an opaque origin', { origin: 'null' }, 403, 'FORBIDDEN', /Pages of null/],
  ['no credential', { 'x-api-key': undefined }, 401, 'UNAUTHENTICATED', /Send an API key/],
  ['a wrong key', { 'x-api-key': 'x'.repeat(40) }, 401, 'UNAUTHENTICATED', /not known here/],
  ['a channel that is not there', {}, 404, 'CHANNEL_NOT_FOUND', /no channel/, '/shop/a/nothing'],
  ['a dot segment', {}, 400, 'BAD_REQUEST', /dot segment/, '/shop/../events'],
  ['an API that is not there', {}, 404, 'NOT_FOUND', /No API/, '/nothing/a'],
  ['an API that does not offer it', {}, 406, 'NOT_ACCEPTABLE', /does not offer websocket/, '/only-poll/a/events'],
  ['POST instead of GET', {}, 405, 'METHOD_NOT_ALLOWED', /opened with GET/],
];

const mask = Buffer.from([0x5a, 0xa5, 0x3c, 0xc3]);
const text = (message: string): Buffer => encodeMaskedFrame(opcodes.text, Buffer.from(message), mask);
const event = (changes: Readonly<Record<string, unknown>> = {}): object => ({
  specversion: '1.0',
  id: 'w-1',
  source: '/hostile',
  type: 'test.command',
  data: { n: 1 },
  ...changes,
});

type MessageRow = readonly [name: string, message: string, code: string, says: RegExp];

/** Said without a subprotocol: the connection stays, and an event of type dev.sluice.error comes back. */
const plainMessages: readonly MessageRow[] = [
  ['words', 'hello', 'INVALID_EVENT', /not JSON/],
  ['an empty text', '', 'INVALID_EVENT', /JSON object/],
  ['a batch', JSON.stringify([event()]), 'INVALID_EVENT', /JSON object/],
  ['an event without a type', JSON.stringify(event({ type: undefined })), 'INVALID_EVENT', /type/],
  ['100,000 open brackets', '['.repeat(100_000), 'INVALID_EVENT', /JSON object|nesting/],
  ['data in 100,000 brackets', JSON.stringify(event()).replace('{"n":1}', '['.repeat(100_000)), 'INVALID_EVENT', /nesting/],
  ['an event that breaks the contract', JSON.stringify(event({ data: {} })), 'EVENT_REJECTED', /n/],
  ['an event of 1 MiB', JSON.stringify(event({ data: { n: 1, note: 'a'.repeat(1024 * 1024) } })), 'TOO_LARGE', /at most 262144/],
];

/** Said under sluice.v1.json: an `error` comes back. */
const opMessages: readonly MessageRow[] = [
  ['words, as an operation', 'hello', 'BAD_REQUEST', /not JSON/],
  ['an event instead of an operation', JSON.stringify(event()), 'BAD_REQUEST', /no operation has such a member|op/],
  ['an operation nobody knows', '{"op":"shutdown"}', 'BAD_REQUEST', /must be publish, ack, renew or limits/],
  ['an operation named like a method', '{"op":"constructor"}', 'BAD_REQUEST', /must be publish/],
  ['an operation named __proto__', '{"op":"__proto__"}', 'BAD_REQUEST', /must be publish/],
  ['an operation twice', '{"op":"limits","op":"ack"}', 'BAD_REQUEST', /more than once/],
  ['an operation that is a list', '["op","limits"]', 'BAD_REQUEST', /JSON object/],
  ['a member of another operation', '{"op":"limits","position":"x"}', 'BAD_REQUEST', /no such member/],
  [
    'an operation of 10,000 members',
    `{${Array.from({ length: 10_000 }, (_, at) => `"m${at}":1`).join(',')}}`,
    'BAD_REQUEST',
    /no operation has such a member/,
  ],
  ['publishing nothing', '{"op":"publish"}', 'BAD_REQUEST', /needs event or events/],
  ['publishing both ways', JSON.stringify({ op: 'publish', event: event(), events: [] }), 'BAD_REQUEST', /exclude each other/],
  ['publishing a string', '{"op":"publish","event":"x"}', 'INVALID_EVENT', /JSON object/],
  [
    'publishing to another channel',
    JSON.stringify({ op: 'publish', address: 'a/nothing', event: event() }),
    'CHANNEL_NOT_FOUND',
    /a\/nothing/,
  ],
  ['publishing to a pattern', JSON.stringify({ op: 'publish', address: '*/commands', event: event() }), 'BAD_REQUEST', /pattern/],
  ['publishing upwards', JSON.stringify({ op: 'publish', address: '../../etc', event: event() }), 'BAD_REQUEST', /dot segment/],
  ['publishing to a NUL', JSON.stringify({ op: 'publish', address: 'a\0/commands', event: event() }), 'BAD_REQUEST', /control character/],
  ['publishing to dots', JSON.stringify({ op: 'publish', address: '../commands', event: event() }), 'BAD_REQUEST', /dot segment/],
  ['publishing to an empty segment', JSON.stringify({ op: 'publish', address: '/commands', event: event() }), 'BAD_REQUEST', /empty/],
  [
    'publishing to a line separator',
    JSON.stringify({ op: 'publish', address: 'a\u0085/commands', event: event() }),
    'BAD_REQUEST',
    /control character/,
  ],
  [
    'publishing to 9,000 characters',
    JSON.stringify({ op: 'publish', address: 'a'.repeat(9000), event: event() }),
    'BAD_REQUEST',
    /1 to 8192/,
  ],
  [
    'publishing to 8,000 characters',
    JSON.stringify({ op: 'publish', address: `${'a'.repeat(8000)}/commands`, event: event() }),
    'URI_TOO_LONG',
    /512 bytes/,
  ],
  [
    'publishing 10,001 events',
    JSON.stringify({ op: 'publish', events: Array.from({ length: 10_001 }, () => event()) }),
    'INVALID_EVENT',
    /at most \d+ events/,
  ],
  ['a ref that is an object', JSON.stringify({ op: 'publish', ref: {}, event: event() }), 'BAD_REQUEST', /ref/],
  ['a ref past safe numbers', '{"op":"publish","ref":1e300,"events":[]}', 'BAD_REQUEST', /ref/],
  ['an acknowledgement of nonsense', '{"op":"ack","position":"nonsense"}', 'BAD_REQUEST', /position|acknowledge/],
  ['an acknowledgement without a position', '{"op":"ack"}', 'BAD_REQUEST', /needs the position/],
  ['an acknowledgement of a number', '{"op":"ack","position":7}', 'BAD_REQUEST', /must be a string/],
  ['renewing with nothing', '{"op":"renew"}', 'BAD_REQUEST', /needs the new credential/],
  ['renewing with a wrong key', '{"op":"renew","credential":"wrong-key-wrong-key"}', 'UNAUTHENTICATED', /not known here/],
  ['renewing with the key of somebody else', JSON.stringify({ op: 'renew', credential: keys.NARROW_KEY }), 'FORBIDDEN', /same application/],
  ['renewing with an expired key', JSON.stringify({ op: 'renew', credential: keys.EXPIRED_KEY }), 'CREDENTIAL_REVOKED', /expired/],
  [
    'renewing with a kind that is none',
    '{"op":"renew","credential":{"kind":"root","value":"x"}}',
    'BAD_REQUEST',
    /api-key, bearer or ticket/,
  ],
];

type CloseRow = readonly [name: string, opening: Omit<FrameExchange, 'until'>, close: number, says: RegExp];

/** After which the connection is closed. */
const closings: readonly CloseRow[] = [
  ['a binary frame', { frames: [encodeMaskedFrame(opcodes.binary, Buffer.of(1, 2, 3), mask)] }, 4400, /binary frame/],
  ['an 8-byte length past all numbers', { frames: [Buffer.from('82ffffffffffffffffff00000000', 'hex')] }, 1002, /^$/],
  ['5 MiB announced', { frames: [Buffer.from('81ff000000000050000000000000', 'hex')] }, 1009, /^$/],
  [
    '5 MiB in fragments',
    { frames: Array.from({ length: 5 }, (_, at) => encodeMaskedFrame(at === 0 ? 1 : 0, Buffer.alloc(1024 * 1024, 0x61), mask, false)) },
    1009,
    /^$/,
  ],
  ['from nowhere', { query: '?from=nowhere', frames: [] }, 4400, /position/],
  ['after a position of another log', { query: '?after=aaaaaa-3', frames: [] }, 4410, /./],
  ['a filter that is none', { query: '?filter=a%20%3E', frames: [] }, 4400, /./],
  ['a reader with a path for a name', { query: '?reader=../x', frames: [] }, 4400, /\?reader= takes/],
];

/** Cases that hold for a decoder with a smaller limit. */
const notServed = /one byte too many|too many in fragments/;

const channel = '/shop/a/commands';
const events = '/shop/a/events';

function opened(name: string, expected: Expected, exchanged: FrameExchange): HostileCase {
  return { door: 'websocket', name, expected, send: ({ gateway }) => frameExchange(gateway, exchanged) };
}

const frameCases = rawFrames
  .filter(({ name, expected }) => typeof expected.at(-1) === 'number' && !notServed.test(name))
  .map(({ name, frames, expected }) =>
    opened(name, { close: expected.at(-1) as number, says: /^/ }, { path: channel, frames, until: 'close' }),
  );

/** What comes instead of a WebSocket handshake, of frames, and of messages. */
export const websocketCases: readonly HostileCase[] = [
  ...handshakes.map(([name, changes, status, code, says, target = channel]): HostileCase => {
    const method = name.startsWith('POST') ? 'POST' : 'GET';
    const send: HostileCase['send'] = async ({ gateway }) =>
      outcomeOf(await exchange(gateway, requestBytes(method, target, headersWith(changes))));
    return { door: 'websocket', name, expected: { status, says, ...(code === undefined ? {} : { code }) }, send };
  }),
  ...frameCases,
  ...plainMessages.map(([name, message, code, says]) =>
    opened(name, { code, says }, { path: channel, frames: [text(message)], until: 'answer' }),
  ),
  ...opMessages.map(([name, message, code, says]) =>
    opened(name, { code, says }, { path: channel, subprotocol: 'sluice.v1.json', frames: [text(message)], until: 'answer' }),
  ),
  ...closings.map(([name, exchanged, close, says]) =>
    opened(name, { close, says }, { path: exchanged.query === undefined ? channel : events, ...exchanged, until: 'close' }),
  ),
];
