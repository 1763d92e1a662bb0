import { createServer } from 'node:net';
import type { KeyPair } from '../listeners/key-pair.ts';
import type { Metrics } from '../observe/metrics.ts';
import { CommonPace } from './common-pace.ts';
import type { Route } from './messages.ts';
import { WorkerLink, type LinkParts } from './worker-link.ts';

/** Milliseconds before a worker that ended is replaced; doubled each time until one has lived for `settled`. */
const firstPause = 100;
const longestPause = 10_000;
const settled = 60_000;

export interface PoolParts extends LinkParts {
  readonly workers: number;
  /** Serve https instead of http. */
  readonly tls?: KeyPair | undefined;
  /** The APIs as they are served now. */
  readonly routes: () => readonly Route[];
  /** A worker ended by itself: for the operator's log. */
  readonly onLost: (worker: number, error: unknown) => void;
}

/** One worker as the operator sees it. */
export interface WorkerStatus {
  readonly connections: number;
  /** How often it was replaced. */
  readonly restarts: number;
}

interface Place {
  link: WorkerLink;
  startedAt: number;
  restarts: number;
  pause: number;
  timer: NodeJS.Timeout | undefined;
}

/** Threads that each listen on the gateway's port and own their clients' sockets. One that dies is replaced; its clients come back. */
export class WorkerPool {
  readonly #parts: PoolParts;
  readonly #places: Place[] = [];
  readonly #pace: SharedArrayBuffer;
  #tls: KeyPair | undefined;
  #host = '';
  #port = 0;
  #isClosed = false;

  constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#tls = parts.tls;
    this.#pace = CommonPace.memoryFor(parts.workers);
  }

  get status(): readonly WorkerStatus[] {
    return this.#places.map(({ link, restarts }) => ({ connections: link.connections, restarts }));
  }

  exportTo(metrics: Metrics): void {
    metrics.gauge('workerConnections', () => this.status.map(({ connections }, worker) => ({ labels: [`${worker}`], value: connections })));
    metrics.beforeScrape(() => {
      for (const [worker, { restarts }] of this.status.entries()) metrics.counter('workerRestarts', `${worker}`).value = restarts;
    });
  }

  /** Resolves to the base URL once all of them take connections; rejects with the system's error. */
  async listen(port: number, host: string): Promise<string> {
    if (port !== 0) await checkFree(port, host);
    this.#host = host;
    this.#port = port;
    const url = await this.#start();
    this.#port = Number(new URL(url).port);
    await Promise.all(Array.from({ length: this.#parts.workers - 1 }, () => this.#start()));
    return url;
  }

  /** The APIs have changed: every worker knows before anything said from now on. */
  changed(): void {
    const routes = this.#parts.routes();
    for (const { link } of this.#places) link.route(routes);
  }

  /** From now on new connections are shown this certificate. */
  renew(pair: KeyPair): void {
    this.#tls = pair;
    for (const { link } of this.#places) link.renew(pair);
  }

  /** Takes no more connections; resolves when the last one has ended. */
  async close(): Promise<void> {
    this.#stopReplacing();
    await Promise.all(this.#places.map(({ link }) => link.close()));
  }

  /** Cuts everything. */
  async closeNow(): Promise<void> {
    this.#stopReplacing();
    await Promise.all(this.#places.map(({ link }) => link.terminate()));
  }

  /** Ends one worker at once, as a crash would. */
  async terminate(worker: number): Promise<void> {
    await this.#places[worker]?.link.terminate();
  }

  #start(): Promise<string> {
    const place: Place = {
      link: this.#open(this.#places.length),
      startedAt: performance.now(),
      restarts: 0,
      pause: firstPause,
      timer: undefined,
    };
    this.#places.push(place);
    this.#keep(place);
    return place.link.url;
  }

  #open(place: number): WorkerLink {
    const routes = this.#parts.routes();
    return new WorkerLink(this.#parts, { host: this.#host, port: this.#port, routes, tls: this.#tls, pace: this.#pace, place });
  }

  #keep(place: Place): void {
    void place.link.ended.then((error) => {
      if (this.#isClosed) return;
      this.#parts.onLost(this.#places.indexOf(place), error);
      if (performance.now() - place.startedAt > settled) place.pause = firstPause;
      place.timer = setTimeout(() => this.#replace(place), place.pause);
      place.pause = Math.min(longestPause, place.pause * 2);
    });
  }

  #replace(place: Place): void {
    place.link = this.#open(this.#places.indexOf(place));
    place.startedAt = performance.now();
    place.restarts += 1;
    this.#keep(place);
  }

  #stopReplacing(): void {
    this.#isClosed = true;
    for (const { timer } of this.#places) clearTimeout(timer);
  }
}

/** Sockets that share a port are not refused it by one another: that nobody else has it is found out first. */
function checkFree(port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ port, host }, () => probe.close(() => resolve()));
  });
}
