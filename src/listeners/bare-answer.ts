import type { Socket } from 'node:net';
import type { GatewayError } from '../core/errors.ts';
import { endWith, endWithProblem } from './last-words.ts';

type Fields = Readonly<Record<string, string>>;

/** The writing side of a connection or of one stream of it. */
export interface BytePipe {
  /** False: taken, but hold the next back until `drain`. */
  write(bytes: Buffer): boolean;
  end(bytes: Buffer): unknown;
  destroy(): unknown;
  readonly destroyed: boolean;
  /** Bytes taken and not yet handed on. */
  readonly writableLength: number;
  /** Bytes taken since it began. */
  readonly bytesWritten: number;
  on(event: 'drain' | 'close', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** Answers a request that nothing is kept of: with a stream that ends when the connection does, or with a few last bytes. */
export interface BareAnswer {
  readonly pipe: BytePipe;
  /** The head of a stream and what comes first in it; the rest is written to the pipe as it is. */
  begin(status: number, fields: Fields, first: string): void;
  /** An answer that is complete. */
  whole(status: number, fields: Fields, body: Buffer | undefined): void;
  refuse(error: GatewayError, fields: Fields): void;
}

const phrases: Readonly<Record<number, string>> = { 200: 'OK', 204: 'No Content' };

/** The head of an answer after which the connection closes (RFC 9112, section 4). */
function headOf(status: number, fields: Fields): string {
  let head = `HTTP/1.1 ${status} ${phrases[status] ?? ''}\r\nDate: ${new Date().toUTCString()}\r\nConnection: close\r\n`;
  for (const [name, value] of Object.entries(fields)) head += `${name}: ${value}\r\n`;
  return `${head}\r\n`;
}

/** Answers on the bare socket of an HTTP/1 connection; the body ends with the connection, so that no framing stands in between. */
export class Http1Answer implements BareAnswer {
  readonly pipe: Socket;

  constructor(socket: Socket) {
    this.pipe = socket;
  }

  begin(status: number, fields: Fields, first: string): void {
    this.pipe.write(headOf(status, fields) + first, 'latin1');
  }

  whole(status: number, fields: Fields, body: Buffer | undefined): void {
    const head = Buffer.from(headOf(status, fields), 'latin1');
    endWith(this.pipe, body === undefined ? head : Buffer.concat([head, body]));
  }

  refuse(error: GatewayError, fields: Fields): void {
    endWithProblem(this.pipe, error, fields);
  }
}
