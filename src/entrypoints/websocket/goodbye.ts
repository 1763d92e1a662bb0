import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { GatewayError } from '../../core/errors.ts';

/** Milliseconds a client has to answer a close frame. */
const closeTime = 5000;

interface Goodbye {
  readonly reason: GatewayError;
  readonly now: () => number;
  readonly schedule: (at: number, callback: () => void) => () => void;
}

/** Closes with the code that stands for the reason; cuts a client that does not answer. */
export function sayGoodbye(webSocket: WebSocket, socket: Socket, { reason, now, schedule }: Goodbye): void {
  webSocket.on('error', () => undefined);
  webSocket.close(reason.close, closeReason(reason));
  // A paused socket would never see the answer.
  webSocket.resume();
  const cancel = schedule(now() + closeTime, () => webSocket.terminate());
  socket.once('close', cancel);
}

/** At most 123 bytes (RFC 6455, section 5.5): the code, when to come back, and as much of the sentence as fits. */
function closeReason(reason: GatewayError): string {
  const retry = reason.retryAfter === undefined ? '' : ` retry-after=${Math.ceil(reason.retryAfter / 1000)}`;
  const text = `${reason.code}${retry}: ${reason.message}`;
  let end = Math.min(text.length, 123);
  while (Buffer.byteLength(text.slice(0, end)) > 123) end -= 1;
  return text.slice(0, end).replace(/[\uD800-\uDBFF]$/, '');
}
