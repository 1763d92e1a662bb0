import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one connection that may wait for an earlier one: what clients that pipeline send ahead. */
const maxWaiting = 64;

interface Line {
  readonly last: ServerResponse;
  readonly waiting: number;
}

/**
 * Lets pipelined requests of a connection be handled one after another, as their order may matter
 * (RFC 9112, section 9.3.2): `node:http` itself only keeps their answers in order.
 */
export class Pipeline {
  readonly #lines = new WeakMap<Socket, Line>();

  /** Undefined: it is this request's turn. A promise: it is when that resolves, to false if the client is gone or sent too many ahead. */
  turn(socket: Socket, response: ServerResponse): Promise<boolean> | undefined {
    const line = this.#lines.get(socket);
    const isFirst = response.socket !== null || line === undefined;
    const waiting = isFirst ? 0 : line.waiting + 1;
    this.#lines.set(socket, { last: response, waiting });
    if (isFirst) return undefined;
    if (waiting > maxWaiting) {
      socket.destroy();
      return Promise.resolve(false);
    }
    return new Promise((resolve) => line.last.once('close', () => resolve(!socket.destroyed)));
  }

  /** The same for a request that takes the connection over: undefined when every answer has gone out. */
  turnOfStream(socket: Socket): Promise<void> | undefined {
    const last = this.#lines.get(socket)?.last;
    if (last === undefined || last.destroyed) return undefined;
    return new Promise((resolve) => {
      last.once('close', resolve);
      // The server no longer tells those that wait that the client is gone.
      socket.once('close', resolve);
    });
  }
}
