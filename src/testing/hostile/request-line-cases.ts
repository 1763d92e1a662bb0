import { exchange, outcomeOf, requestBytes, type Bytes, type ExchangeOptions } from './exchange.ts';
import type { HostileCase } from './hostile-case.ts';
import { keys } from './victim-world.ts';

interface Row {
  readonly name: string;
  readonly bytes: Bytes;
  /** Of the first answer on the connection; those behind it must be 404. */
  readonly status: number;
  readonly code?: string;
  readonly says?: RegExp;
  readonly options?: ExchangeOptions;
  readonly isSlow?: boolean;
  readonly mayBeCut?: boolean;
}

const notHttp = { status: 400, code: 'BAD_REQUEST', says: /HTTP/ } as const;
const key = `x-api-key: ${keys.CLIENT_KEY}\r\n`;
const get = (target: string, more = ''): string => `GET ${target} HTTP/1.1\r\nhost: x\r\n${key}${more}\r\n`;
const post = (more: string, body = ''): string =>
  `POST /shop/a/commands HTTP/1.1\r\nhost: x\r\n${key}content-type: application/json\r\n${more}\r\n${body}`;

/** What neither port can take for HTTP: the same answer from the gateway and from the management API. */
const anywhere: readonly Row[] = [
  { name: 'a TLS handshake', bytes: Buffer.from('16030100f4010000f00303', 'hex'), ...notHttp },
  { name: 'zeros', bytes: Buffer.alloc(1000), ...notHttp },
  { name: 'every byte there is', bytes: Buffer.from(Array.from({ length: 256 }, (_, at) => 255 - at)), ...notHttp },
  { name: 'HTTP/0.9', bytes: 'GET /\r\n\r\n', status: 404, code: 'NOT_FOUND' },
  { name: 'nearly HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n', ...notHttp },
  { name: 'HTTP/9.9', bytes: 'GET / HTTP/9.9\r\nhost: x\r\n\r\n', ...notHttp },
  { name: 'another protocol', bytes: 'SSH-2.0-OpenSSH_9.6\r\n', ...notHttp },
  { name: 'a method in lower case', bytes: 'get / HTTP/1.1\r\nhost: x\r\n\r\n', ...notHttp },
  { name: 'a method of 100,000 letters', bytes: `${'A'.repeat(100_000)} / HTTP/1.1\r\nhost: x\r\n\r\n`, ...notHttp, mayBeCut: true },
  { name: 'a method that is none', bytes: 'BREW / HTTP/1.1\r\nhost: x\r\n\r\n', ...notHttp },
  { name: 'no target', bytes: 'GET HTTP/1.1\r\nhost: x\r\n\r\n', ...notHttp },
  { name: 'a space in the target', bytes: get('/shop/a b/events'), ...notHttp },
  { name: 'a NUL in the target', bytes: get('/shop/a\0/events'), ...notHttp },
  { name: 'a line feed in the target', bytes: get('/shop/a\n/events'), ...notHttp },
  { name: 'a NUL in a header', bytes: get('/', 'x-a: a\0b\r\n'), ...notHttp },
  { name: 'a bare carriage return in a header', bytes: get('/', 'x-a: a\rb\r\n'), ...notHttp },
  { name: 'a header without a colon', bytes: get('/', 'hello\r\n'), ...notHttp },
  { name: 'a header without a name', bytes: get('/', ': x\r\n'), ...notHttp },
  { name: 'a space in the name of a header', bytes: get('/', 'x a: b\r\n'), ...notHttp },
  { name: 'a space before the colon', bytes: post('transfer-encoding : chunked\r\n', '0\r\n\r\n'), ...notHttp },
  { name: 'a folded header', bytes: get('/', 'x-a: a\r\n b\r\n'), ...notHttp },
  { name: 'lines that end with a line feed alone', bytes: 'GET / HTTP/1.1\nhost: x\n\n', ...notHttp },
  { name: 'two lengths', bytes: post('content-length: 5\r\ncontent-length: 6\r\n', 'hello!'), ...notHttp },
  { name: 'two lengths in one header', bytes: post('content-length: 5, 5\r\n', 'hello'), ...notHttp },
  { name: 'a length and chunks', bytes: post('content-length: 4\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n'), ...notHttp },
  { name: 'chunks and a length', bytes: post('transfer-encoding: chunked\r\ncontent-length: 4\r\n', '0\r\n\r\n'), ...notHttp },
  { name: 'an encoding that is nearly chunked', bytes: post('transfer-encoding: xchunked\r\n', '0\r\n\r\n'), ...notHttp },
  { name: 'chunked, and then something else', bytes: post('transfer-encoding: chunked, identity\r\n', '0\r\n\r\n'), ...notHttp },
  { name: 'chunked in two headers', bytes: post('transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n', '0\r\n\r\n'), ...notHttp },
  { name: 'a chunk of a size in words', bytes: post('transfer-encoding: chunked\r\n', 'five\r\nhello\r\n0\r\n\r\n'), ...notHttp },
  { name: 'a chunk of negative size', bytes: post('transfer-encoding: chunked\r\n', '-1\r\n\r\n'), ...notHttp },
  { name: 'a chunk larger than numbers', bytes: post('transfer-encoding: chunked\r\n', 'fffffffffffffffff\r\n'), ...notHttp },
  { name: 'a chunk longer than its size', bytes: post('transfer-encoding: chunked\r\n', '1\r\nhello\r\n0\r\n\r\n'), ...notHttp },
  {
    name: 'a megabyte behind the size of a chunk',
    bytes: post('transfer-encoding: chunked\r\n', `1;${'x'.repeat(1_000_000)}`),
    ...notHttp,
    mayBeCut: true,
  },
  {
    name: 'a header of 20,000 characters',
    bytes: get('/shop/a/events', `x-a: ${'x'.repeat(20_000)}\r\n`),
    status: 431,
    code: 'HEADERS_TOO_LARGE',
    says: /16 ?KiB|16384 bytes/,
  },
  {
    name: 'headers without end',
    bytes: get('/shop/a/events', 'x-a: b\r\n'.repeat(200_000)),
    status: 431,
    code: 'HEADERS_TOO_LARGE',
    says: /16 ?KiB|16384 bytes/,
    mayBeCut: true,
  },
  {
    name: 'a target of 20,000 characters',
    bytes: get(`/shop/${'a'.repeat(20_000)}`),
    status: 431,
    code: 'HEADERS_TOO_LARGE',
    says: /16 ?KiB|16384 bytes/,
  },
  {
    name: 'trailers without end',
    bytes: post('transfer-encoding: chunked\r\n', `0\r\n${'x-a: b\r\n'.repeat(200_000)}`),
    status: 431,
    says: /./,
    mayBeCut: true,
  },
];

const badRequest = { status: 400, code: 'BAD_REQUEST' } as const;

const targets: readonly Row[] = [
  { name: 'an absolute target', bytes: get('http://evil.example/shop/a/events'), ...badRequest, says: /must be a path/ },
  { name: 'a target that is a host', bytes: get('evil.example:80'), ...notHttp },
  { name: 'an asterisk', bytes: `OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n`, ...badRequest, says: /must be a path/ },
  { name: 'two slashes and a host', bytes: get('//evil.example/shop/a/events'), status: 404, code: 'NOT_FOUND', says: /No API/ },
  { name: 'a broken escape', bytes: get('/shop/%zz/events'), ...badRequest, says: /percent-encoding/ },
  { name: 'half an escape', bytes: get('/shop/a/events%'), ...badRequest, says: /percent-encoding/ },
  { name: 'an escape that is not UTF-8', bytes: get('/shop/%c3%28/events'), ...badRequest, says: /percent-encoding/ },
  { name: 'an overlong escape', bytes: get('/shop/%c0%ae%c0%ae/events'), ...badRequest, says: /percent-encoding/ },
  { name: 'an escaped NUL', bytes: get('/shop/%00/events'), ...badRequest, says: /control character/ },
  { name: 'an escaped slash', bytes: get('/shop/a%2fevents'), ...badRequest, says: /slash/ },
  { name: 'escaped dots', bytes: get('/shop/%2e%2e/events'), ...badRequest, says: /dot segment/ },
  { name: 'dots', bytes: get('/shop/../events'), ...badRequest, says: /dot segment/ },
  { name: 'dots past the root', bytes: get('/../../etc/passwd'), status: 404, code: 'NOT_FOUND', says: /No API/ },
  { name: 'an empty segment', bytes: get('/shop//events'), ...badRequest, says: /empty/ },
  { name: 'a line separator', bytes: get('/shop/%c2%85/events'), ...badRequest, says: /control character/ },
  { name: 'a star within a segment', bytes: get('/shop/a*/nothing'), status: 404, code: 'CHANNEL_NOT_FOUND', says: /no channel/ },
  { name: 'an address of 600 bytes', bytes: get(`/shop/${'a'.repeat(600)}/events`), status: 414, code: 'URI_TOO_LONG', says: /512 bytes/ },
  { name: 'an address of 5,000 segments', bytes: get(`/shop${'/a'.repeat(5000)}`), status: 414, code: 'URI_TOO_LONG', says: /512 bytes/ },
  {
    name: 'an address of 1,600 escaped characters',
    bytes: get(`/shop/${'%e2%82%ac'.repeat(1600)}/events`),
    status: 414,
    code: 'URI_TOO_LONG',
    says: /512 bytes/,
  },
  { name: 'a name of a prototype', bytes: get('/__proto__/a'), status: 404, code: 'NOT_FOUND', says: /No API/ },
  { name: 'an API with an escape in its name', bytes: get('/sh%6fp/a/events'), status: 404, code: 'NOT_FOUND', says: /No API/ },
  {
    name: 'a query of 5,000 parameters',
    bytes: get(`/shop/a/nothing?${'a&'.repeat(5000)}`),
    status: 404,
    code: 'CHANNEL_NOT_FOUND',
    says: /no channel/,
  },
  ...['DELETE', 'PUT', 'PATCH', 'TRACE', 'PROPFIND', 'QUERY'].map((method): Row => ({
    name: method,
    bytes: requestBytes(method, '/shop/a/events', [['x-api-key', keys.CLIENT_KEY]]),
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    says: new RegExp(`${method} means nothing`),
  })),
  {
    name: 'HEAD without a key',
    bytes: requestBytes('HEAD', '/shop/a/events', [['connection', 'close']]),
    status: 401,
    says: /^$/,
    options: { isHead: true },
  },
  { name: 'no host', bytes: `GET /shop/a/events HTTP/1.1\r\n${key}\r\n`, ...badRequest, says: /header Host/ },
  {
    name: 'CONNECT',
    bytes: 'CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n\r\n',
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    says: /CONNECT/,
  },
  { name: 'a wish for the impossible', bytes: post('expect: 200-maybe\r\ncontent-length: 7\r\n', '{"n":1}'), status: 417, says: /^$/ },
  {
    name: 'an upgrade to a chat room',
    bytes: get('/shop/a/events', 'connection: upgrade\r\nupgrade: irc/6.9\r\n'),
    ...badRequest,
    says: /websocket/,
  },
  {
    name: '700 headers',
    bytes: get('/shop/a/nothing', Array.from({ length: 700 }, (_, at) => `x${at}:\r\n`).join('')),
    status: 404,
    code: 'CHANNEL_NOT_FOUND',
    says: /no channel/,
  },
];

const inner = 'DELETE /shop/inner HTTP/1.1\r\nhost: x\r\n\r\n';
const last = 'GET /nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

/** Each has a request hidden in a body, which would be answered 405: it must stay a body. */
const smuggled: readonly Row[] = [
  {
    name: 'a request in a body nobody wants',
    bytes: `POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-length: ${inner.length}\r\n\r\n${inner}${last}`,
    status: 404,
  },
  {
    name: 'a request in the body of a GET',
    bytes: get('/shop/a/nothing', `content-length: ${inner.length}\r\n`) + inner + last,
    status: 404,
  },
  {
    name: 'a request in a body without a key',
    bytes: `POST /shop/a/commands HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${inner.length}\r\n\r\n${inner}${last}`,
    status: 401,
  },
  { name: 'a request in a body that is refused', bytes: post(`content-length: ${inner.length}\r\n`, inner + last), status: 400 },
  {
    name: 'a request in chunks nobody wants',
    bytes: `POST /nothing HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n${last}`,
    status: 404,
  },
  { name: 'a hundred requests at once', bytes: 'GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(99) + last, status: 404 },
].map((row) => ({ ...row, options: { answers: 101 } }));

/** A request may take 30 s, which is looked after every two. */
const dripping = { patience: 90_000 };

const slow: readonly Row[] = [
  {
    name: 'a connection that says nothing',
    bytes: '',
    status: 408,
    code: 'REQUEST_TIMEOUT',
    says: /in time/,
    options: dripping,
    isSlow: true,
  },
  {
    name: 'headers that never end',
    bytes: 'GET / HTTP/1.1\r\nhost: x\r\n',
    status: 408,
    code: 'REQUEST_TIMEOUT',
    says: /in time/,
    options: { ...dripping, drip: { piece: 'x-a: b\r\n', every: 500 } },
    isSlow: true,
  },
  {
    name: 'a body that never comes',
    bytes: post('content-length: 100\r\n'),
    status: 408,
    code: 'REQUEST_TIMEOUT',
    says: /in time/,
    options: dripping,
    isSlow: true,
  },
  {
    name: 'a body that drips',
    bytes: post('content-length: 100000\r\n'),
    status: 408,
    code: 'REQUEST_TIMEOUT',
    says: /in time/,
    options: { ...dripping, drip: { piece: ' ', every: 500 } },
    isSlow: true,
  },
];

function caseOf(
  { name, bytes, status, code, says = /./, options, isSlow = false, mayBeCut = false }: Row,
  port: 'gateway' | 'control',
): HostileCase {
  return {
    door: 'request line',
    name: `${name} (${port})`,
    isSlow,
    expected: { status, says, mayBeCut, ...(code === undefined ? {} : { code }) },
    send: async (victim) => {
      const answers = await exchange(victim[port], bytes, options);
      const later = answers.slice(1).find((answer) => answer.status !== 404);
      return later === undefined ? outcomeOf(answers) : { status: later.status, says: 'a body was taken for a request', all: later.body };
    },
  };
}

/** Bytes where a request line and header fields should be. */
export const requestLineCases: readonly HostileCase[] = [
  ...anywhere.flatMap((row) => [caseOf(row, 'gateway'), caseOf(row, 'control')]),
  ...[...targets, ...smuggled].map((row) => caseOf(row, 'gateway')),
  ...slow.flatMap((row) => (row.name.includes('body') ? [caseOf(row, 'gateway')] : [caseOf(row, 'gateway'), caseOf(row, 'control')])),
];
