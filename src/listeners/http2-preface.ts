import type { Socket } from 'node:net';

/** What an HTTP/2 client sends first (RFC 9113, section 3.4). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** How the parser of `node:http` gives up. */
export interface ParseError extends NodeJS.ErrnoException {
  /** The bytes it was given last, and how many of them it understood. */
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/**
 * Whether a connection began with HTTP/2 by prior knowledge (RFC 9113, section 3.3). The parser of HTTP/1 knows the preface and stops
 * behind it, so that recognising it costs other connections nothing.
 */
export function beginsHttp2({ code, rawPacket, bytesParsed }: ParseError, socket: Socket): boolean {
  if (code !== 'HPE_PAUSED_H2_UPGRADE' || rawPacket === undefined || bytesParsed === undefined) return false;
  return socket.bytesRead - (rawPacket.length - bytesParsed) === preface.length;
}

/** Takes a connection whose preface was recognised away from `node:http`, and puts back what it has read. */
export function leaveHttp1({ rawPacket, bytesParsed }: ParseError, socket: Socket): void {
  // The server's own listener gives the parser back, as if the connection had closed; without it the server would go on counting the seconds.
  for (const closed of socket.listeners('close')) Reflect.apply(closed, socket, []);
  for (const event of socket.eventNames()) socket.removeAllListeners(event);
  socket.setTimeout(0);
  // What is put back must wait for its reader.
  socket.pause();
  socket.unshift(Buffer.concat([preface, rawPacket?.subarray(bytesParsed) ?? Buffer.alloc(0)]));
}
