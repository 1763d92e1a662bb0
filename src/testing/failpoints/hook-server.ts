import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import type { Hook } from './hook.ts';

/** Where all hooks are called, each at the path of its name. */
export class HookServer {
  readonly hooks = new Map<string, Hook>();
  /** The how-manieth process it is that calls now. */
  life = 0;
  /** `performance.now()` of the first request of this life. */
  firstAt: number | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((request, response) => {
      void this.#take(request, response).catch(() => response.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  url(name: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${name}`;
  }

  /** Resolves when nothing that a dead process has sent is still to be read. */
  async quiet(): Promise<void> {
    // Connections the process had made and nobody had accepted yet come within a turn or two.
    for (let calm = 0; calm < 3;) {
      await pause(1);
      calm = this.#sockets.size === 0 ? calm + 1 : 0;
    }
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { life } = this;
    const body = (await buffer(request)).toString();
    const hook = this.hooks.get(request.url?.slice(1) ?? '');
    if (hook === undefined) throw new Error(`Nobody is at ${request.url}.`);
    const at = performance.now();
    this.firstAt ??= at;
    const answer = hook.arrive({ headers: request.headers as Record<string, string>, body, life, at });
    if (answer.delay !== undefined) await pause(answer.delay);
    if (answer.destroy === true) response.destroy();
    else response.writeHead(answer.status, answer.headers).end();
  }
}
