import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { discover } from '../protocols/websub/discovery.ts';
import { parseLinks } from '../protocols/websub/links.ts';
import { readerKey, serviceKey, worldFiles } from './gateway-world.ts';
import { openSluice, type FixtureOptions, type SluiceFixture } from './sluice-fixture.ts';

/** A hub's question to a callback, or its word that there is no subscription. */
export interface Question {
  /** Path and query as they came. */
  readonly url: string;
  readonly query: URLSearchParams;
}

/** Content that came to a callback. */
export interface Delivered {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

type Answering = (question: Question, response: ServerResponse) => void;

/** What a subscriber does who means it. */
export const confirming: Answering = ({ query }, response) => {
  response.writeHead(200, { 'content-type': 'text/plain' }).end(query.get('hub.challenge') ?? '');
};

/** A subscriber on a socket of its own, without a line of our code between: it keeps what comes, and answers as a test says. */
export class TestSubscriber {
  readonly questions: Question[] = [];
  readonly deliveries: Delivered[] = [];
  answer: Answering = confirming;
  /** Status of the answer to content. */
  status = 200;
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const { url = '', method, headers } = request;
      if (method === 'GET') {
        const question = { url, query: new URLSearchParams(url.slice(url.indexOf('?') + 1)) };
        this.questions.push(question);
        this.#wake();
        this.answer(question, response);
        return;
      }
      void buffer(request).then((body) => {
        this.deliveries.push({ url, headers, body });
        response.writeHead(this.status).end('what a callback answers to content means nothing');
        this.#wake();
      });
    });
  }

  static async open(): Promise<TestSubscriber> {
    const subscriber = new TestSubscriber();
    subscriber.#server.listen(0, '127.0.0.1');
    await once(subscriber.#server, 'listening');
    return subscriber;
  }

  callback(path = '/callback'): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  async asked(count: number): Promise<Question> {
    await this.until(() => this.questions.length >= count);
    return this.questions[count - 1]!;
  }

  async received(count: number): Promise<Delivered> {
    await this.until(() => this.deliveries.length >= count);
    return this.deliveries[count - 1]!;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  forget(): void {
    this.questions.length = 0;
    this.deliveries.length = 0;
    this.answer = confirming;
    this.status = 200;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

export interface WebSubWorldOptions {
  /** Settings of the API as flow YAML. */
  readonly websub?: string;
  readonly fixture?: FixtureOptions;
}

/** A `sluice.yaml` with an API `world` that is a hub, a reader who may have it pushed, and the service that publishes. */
export function websubConfig(websub = '{}'): string {
  return `
apis:
  world:
    contract: ./world.yaml
    path: /world
    websub: ${websub}
    plans:
      push: { mode: push }
applications:
  reader:
    credentials: [{ kind: api-key, value: ${readerKey} }]
    subscriptions: [{ api: world, plan: push, allow: { read: ['*/events', 'posts'] } }]
  public:
    subscriptions: [{ api: world, plan: push, allow: { read: ['open/events'] } }]
  stranger:
    credentials: [{ kind: api-key, value: stranger-key-0123456789 }]
  service:
    credentials: [{ kind: api-key, value: ${serviceKey} }]
    subscriptions: [{ api: world, as: provider }]
`;
}

/** A whole Sluice that is a hub, and everything a subscriber does against it. */
export class WebSubWorld {
  readonly sluice: SluiceFixture;
  /** As a subscriber has discovered it. */
  hub = '';
  readonly #subscriber: TestSubscriber;

  private constructor(sluice: SluiceFixture, subscriber: TestSubscriber) {
    this.sluice = sluice;
    this.#subscriber = subscriber;
  }

  static async open(subscriber: TestSubscriber, { websub, fixture = {} }: WebSubWorldOptions = {}): Promise<WebSubWorld> {
    const options = { files: worldFiles(), openOutgoing: ['127.0.0.0/8'], ...fixture };
    return new WebSubWorld(await openSluice(websubConfig(websub), options), subscriber);
  }

  /** The URL of a topic, found as subscribers find it: by the links of the channel. */
  async topic(room: string): Promise<string> {
    const url = `${this.sluice.gateway}/world/${room}/events`;
    const response = await this.get(url);
    const link = response.headers.get('link') ?? undefined;
    const { hubs, self } = discover({ url, link, contentType: undefined, body: Buffer.alloc(0) });
    assert.equal(hubs.length, 1);
    this.hub = hubs[0]!;
    return self!;
  }

  async get(url: string, key = readerKey): Promise<Response> {
    return await fetch(url, { headers: { 'x-api-key': key } });
  }

  async publish(room: string, body: string | Buffer, contentType = 'application/json'): Promise<void> {
    const ce = { 'ce-specversion': '1.0', 'ce-id': crypto.randomUUID(), 'ce-source': '/test', 'ce-type': 'test.event' };
    const headers = { ...ce, 'x-api-key': serviceKey, 'content-type': contentType };
    const response = await fetch(`${this.sluice.gateway}/world/${room}/events`, { method: 'POST', headers, body });
    assert.equal(response.status, 202, await response.text());
  }

  /** Posts a form to the hub. */
  async ask(
    fields: Readonly<Record<string, string>> | readonly (readonly [string, string])[],
    key: string | undefined = readerKey,
  ): Promise<Response> {
    const form = new URLSearchParams(fields as Record<string, string>);
    return await this.post(form.toString(), {
      'content-type': 'application/x-www-form-urlencoded',
      ...(key === '' ? {} : { 'x-api-key': key }),
    });
  }

  async post(body: string | Buffer, headers: Readonly<Record<string, string>>): Promise<Response> {
    return await fetch(this.hub, { method: 'POST', headers, body });
  }

  async subscribe(topic: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
    const response = await this.ask({ 'hub.mode': 'subscribe', 'hub.callback': this.#subscriber.callback(), 'hub.topic': topic, ...more });
    assert.equal(response.status, 202, await response.text());
  }

  /** Subscribes and resolves once that holds, so that what is published from then on is delivered. */
  async subscribed(topic: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
    const before =
      (await this.subscriptions()).find(({ url }) => url === (more['hub.callback'] ?? this.#subscriber.callback()))?.version ?? 0;
    await this.subscribe(topic, more);
    await this.holds((all) =>
      all.some(({ url, version }) => url === (more['hub.callback'] ?? this.#subscriber.callback()) && version > before),
    );
  }

  /** WebSub subscriptions as the management API shows them. */
  async subscriptions(): Promise<readonly ShownSubscription[]> {
    const { items } = (await this.sluice.client().get(['endpoints'])) as { items: ShownSubscription[] };
    return items;
  }

  async holds(condition: (all: readonly ShownSubscription[]) => boolean): Promise<void> {
    while (!condition(await this.subscriptions())) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  stop(): Promise<void> {
    return this.sluice.stop();
  }
}

export interface ShownSubscription {
  readonly id: string;
  readonly url: string;
  readonly version: number;
  readonly websub: {
    readonly topic: string;
    readonly self: string;
    readonly hub: string;
    readonly leaseUntil: number;
    readonly secret?: object;
  };
}

/** The targets of a Link header by relation, in the order given. */
export function linksOf(header: string | string[] | undefined): { readonly hub: readonly string[]; readonly self: readonly string[] } {
  const links = parseLinks(header);
  const of = (rel: string): readonly string[] => links.filter(({ rels }) => rels.includes(rel)).map(({ target }) => target);
  return { hub: of('hub'), self: of('self') };
}
