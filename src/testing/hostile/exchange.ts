import { connect } from 'node:net';
import type { Outcome } from './hostile-case.ts';

export type Bytes = string | Uint8Array;

/** One answer on the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ExchangeOptions {
  /** Source address, for servers that count by it. */
  readonly from?: string | undefined;
  /** Answers to wait for before hanging up; the other side may hang up before. */
  readonly answers?: number | undefined;
  /** Milliseconds until silence is a failure. */
  readonly patience?: number;
  /** Bytes sent one piece every so many milliseconds, after the first ones, for as long as they are taken. */
  readonly drip?: { readonly piece: string; readonly every: number };
  /** Closes the sending side behind the bytes. */
  readonly half?: boolean;
  /** The answer has no body, whatever its head says. */
  readonly isHead?: boolean;
}

/** A request with exactly these header fields; strings are Latin-1. `host` comes first unless it is given. */
export function requestBytes(method: string, target: string, headers: readonly (readonly [string, string])[], body: Bytes = ''): Buffer {
  const host = headers.some(([name]) => name.toLowerCase() === 'host') ? '' : 'host: gateway\r\n';
  const fields = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const payload = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  return Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${host}${fields}\r\n`, 'latin1'), payload]);
}

/** Writes bytes on a connection of its own and reads what is answered, in order. Rejects when the other side stays silent. */
export function exchange(base: string, bytes: Bytes, options: ExchangeOptions = {}): Promise<readonly RawAnswer[]> {
  const { from, answers = 1, patience = 30_000, drip, half = false, isHead = false } = options;
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), ...(from === undefined ? {} : { localAddress: from }) });
    const chunks: Buffer[] = [];
    let dripping: NodeJS.Timeout | undefined;
    const finish = (error?: Error): void => {
      clearTimeout(silence);
      clearInterval(dripping);
      socket.destroy();
      if (error === undefined) resolve(readAnswers(Buffer.concat(chunks), { isOver: true, isHead }));
      else reject(error);
    };
    const silence = setTimeout(
      () =>
        finish(
          new Error(
            `nothing more came within ${patience} ms, after ${JSON.stringify(Buffer.concat(chunks).toString('latin1').slice(0, 300))}`,
          ),
        ),
      patience,
    );
    socket.on('error', () => undefined);
    socket.on('close', () => finish());
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      if (readAnswers(Buffer.concat(chunks), { isOver: false, isHead }).length >= answers) finish();
    });
    const first = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    if (half) socket.end(first);
    else socket.write(first);
    if (drip !== undefined) dripping = setInterval(() => socket.writable && socket.write(drip.piece), drip.every);
  });
}

interface Reading {
  /** The other side has closed the connection. */
  readonly isOver: boolean;
  readonly isHead: boolean;
}

/** The whole answers in these bytes; at the end of a connection also the one that the end completes. */
function readAnswers(bytes: Buffer, reading: Reading): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) return answers;
    const { status, headers } = readHead(rest.subarray(0, end).toString('latin1'));
    rest = rest.subarray(end + 4);
    if (status === 100) continue;
    const body = readBody({ status, headers }, rest, reading);
    if (body === undefined) return answers;
    answers.push({ status, headers, body: body.bytes.toString('utf8') });
    rest = rest.subarray(body.end);
  }
}

interface Body {
  readonly bytes: Buffer;
  /** Offset of what comes behind it. */
  readonly end: number;
}

/** Undefined while it is not whole. A stream that was let in is whole with its first `retry:`. */
function readBody({ status, headers }: Omit<RawAnswer, 'body'>, rest: Buffer, { isOver, isHead }: Reading): Body | undefined {
  const first = (length: number): Body | undefined => (rest.length < length ? undefined : { bytes: rest.subarray(0, length), end: length });
  if (isHead || status === 204 || status === 304 || status === 101) return first(0);
  if (headers['content-length'] !== undefined) return first(Number(headers['content-length']));
  if (headers['transfer-encoding'] === 'chunked') return readChunks(rest);
  const isLetIn = headers['content-type'] === 'text/event-stream' && rest.includes('retry:');
  return isOver || isLetIn ? first(rest.length) : undefined;
}

function readChunks(rest: Buffer): Body | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const line = rest.indexOf('\r\n', at);
    if (line === -1) return undefined;
    const size = parseInt(rest.subarray(at, line).toString('latin1'), 16);
    const end = line + 2 + size;
    if (rest.length < end + 2) return undefined;
    if (size === 0) return { bytes: Buffer.concat(chunks), end: end + 2 };
    chunks.push(rest.subarray(line + 2, end));
    at = end + 2;
  }
}

function readHead(text: string): Pick<RawAnswer, 'status' | 'headers'> {
  const [first = '', ...lines] = text.split('\r\n');
  const fields = lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()] as const);
  return { status: Number(first.split(' ')[1]), headers: Object.fromEntries(fields) };
}

/** An answer as an outcome: the problem document in the body, or in the stream's last words. */
export function outcomeOf(answers: readonly RawAnswer[]): Outcome {
  const answer = answers[0];
  if (answer === undefined) return { status: 0, says: '', all: '' };
  const { status, headers, body } = answer;
  const all = `${JSON.stringify(headers)}\n${body}`;
  if (headers['content-type'] === 'text/event-stream') {
    const data = /event: ?sluice\.error\n(?:.*\n)*?data: ?(.*)\n/.exec(body)?.[1];
    const problem = data === undefined ? {} : (JSON.parse(data) as { code?: string; detail?: string });
    return { status, code: problem.code, says: problem.detail ?? body, all };
  }
  if (headers['content-type'] !== 'application/problem+json' || body === '') return { status, says: body, all };
  const { code, detail, status: said } = JSON.parse(body) as { code: string; detail: string; status: number };
  return { status, code, says: said === status ? detail : `the document says ${said}: ${detail}`, all };
}
