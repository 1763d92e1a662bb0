import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What a subscriber has asked of the hub and what it said when it was asked back. */
export interface HubSubscription {
  readonly mode: string;
  readonly callback: string;
  readonly topic: string;
  readonly secret: string;
  readonly leaseSeconds: number;
  readonly challenge: string;
  /** Answer to the verification. */
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

type Page = (request: IncomingMessage, response: ServerResponse) => void;

/** Topics and a hub, as simple as the specification lets them be, for our own subscriber. */
export class LittleHub {
  readonly subscriptions: HubSubscription[] = [];
  /** Requests to the hub, by path. */
  readonly asked: { readonly path: string; readonly form: URLSearchParams }[] = [];
  /** What it grants; undefined: what was asked for. */
  leaseSeconds: number | undefined;
  /** What it waits for before it answers whoever asks it. */
  opening: Promise<void> = Promise.resolve();
  /** Where a request for a subscription is answered otherwise: by path. */
  readonly answers = new Map<string, (form: URLSearchParams, response: ServerResponse) => void>();
  readonly #pages = new Map<string, Page>();
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  page(path: string, page: Page): void {
    this.#pages.set(path, page);
  }

  /** A page with these headers and this body. */
  topic(path: string, headers: Readonly<Record<string, string>>, body = 'content'): void {
    this.page(path, (_request, response) => response.writeHead(200, headers).end(body));
  }

  /** Resolves with the subscription that the hub has last verified, as soon as this is true of one. */
  async verified(is: (subscription: HubSubscription) => boolean): Promise<HubSubscription> {
    for (;;) {
      const found = this.subscriptions.findLast(is);
      if (found !== undefined) return found;
      await this.#something();
    }
  }

  /** Resolves once this is true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#something();
  }

  /** Sends content to a subscriber; the signature is right unless another one, or none, is given. */
  async distribute(
    { callback, topic, secret }: HubSubscription,
    content: string,
    { method = 'sha256', signature }: { readonly method?: string; readonly signature?: string | undefined | null } = {},
  ): Promise<Response> {
    const made = `${method}=${createHmac(method, secret).update(content).digest('hex')}`;
    return await fetch(callback, {
      method: 'POST',
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        link: `<${this.url('/hub')}>; rel="hub", <${topic}>; rel="self"`,
        ...(signature === null ? {} : { 'x-hub-signature': signature ?? made }),
      },
      body: content,
    });
  }

  /** Asks a callback as a hub does. */
  async verify(callback: string, query: Readonly<Record<string, string>>): Promise<Response> {
    return await fetch(`${callback}?${new URLSearchParams(query).toString()}`, { redirect: 'manual' });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    if (request.method !== 'POST') {
      const page = this.#pages.get(path);
      if (page === undefined) response.writeHead(404).end();
      else page(request, response);
      return;
    }
    const form = new URLSearchParams(await text(request));
    this.asked.push({ path, form });
    await this.opening;
    const answer = this.answers.get(path);
    if (answer !== undefined) answer(form, response);
    else {
      response.writeHead(202).end();
      await this.#confirm(form);
    }
    this.#happened();
  }

  async #confirm(form: URLSearchParams): Promise<void> {
    const read = (name: string): string => form.get(`hub.${name}`) ?? '';
    const [mode, callback, topic] = [read('mode'), read('callback'), read('topic')];
    const leaseSeconds = this.leaseSeconds ?? Number(read('lease_seconds'));
    const challenge = randomUUID();
    const lease: Record<string, string> = mode === 'subscribe' ? { 'hub.lease_seconds': String(leaseSeconds) } : {};
    const response = await this.verify(callback, { 'hub.mode': mode, 'hub.topic': topic, 'hub.challenge': challenge, ...lease });
    const body = await response.text();
    const { status, headers } = response;
    this.subscriptions.push({ mode, callback, topic, secret: read('secret'), leaseSeconds, challenge, status, headers, body });
  }

  async #something(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #happened(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
