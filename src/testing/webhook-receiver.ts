import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A webhook as it came, its body read as JSON besides. */
export interface Post<Event> {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly event: Event;
}

/** An endpoint on the loopback address that keeps what it is sent, in the order in which it came. */
export class WebhookReceiver<Event> {
  readonly posts: Post<Event>[] = [];
  /** What it answers from now on. */
  status = 204;
  readonly #waiting = new Set<() => void>();
  readonly #server = createServer((request, response) => {
    void buffer(request).then((bytes) => {
      const body = bytes.toString();
      this.posts.push({ headers: request.headers, body, event: JSON.parse(body) as Event });
      response.writeHead(this.status).end();
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
    });
  });

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As if it had been sent nothing yet. */
  reset(): void {
    this.posts.length = 0;
    this.status = 204;
  }

  /** Resolves when so many have come since it was reset. */
  async arrived(count: number): Promise<void> {
    while (this.posts.length < count) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  close(): void {
    this.#server.close();
  }
}
