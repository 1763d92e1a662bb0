import type { Duplex } from 'node:stream';
import type { GatewayError } from '../core/errors.ts';
import { refusalHeaders } from './respond.ts';

/** Milliseconds a client has to take the answer and to stop sending. Closing at once while bytes still come in would reset the connection and take the answer with it. */
export const lingerTime = 2000;

/** Writes a problem on a socket that no ServerResponse answers on, and closes it once the client has had time to read it. */
export function endWithProblem(socket: Duplex, error: GatewayError, headers: Readonly<Record<string, string>>): void {
  const body = JSON.stringify(error.toProblem());
  const all = {
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...refusalHeaders(error),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  endWith(socket, `HTTP/1.1 ${error.status} ${error.code}\r\n${lines.join('')}\r\n${body}`);
}

/** Writes the last bytes on a socket and closes it once the client has had time to read them. */
export function endWith(socket: Duplex, bytes: Buffer | string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(bytes);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerTime);
  socket.once('end', () => socket.destroy());
  socket.once('close', () => clearTimeout(timer));
}
