import { GatewayError } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import type { ApiRuntime } from '../../gateway/catalogue.ts';
import type { Log } from '../../observe/log.ts';
import type { OutgoingRequest } from '../../outgoing/http-sender.ts';
import type { Outcome } from '../../outgoing/outcome.ts';
import type { HubCounts, LookResult } from './hub-counts.ts';
import { pause } from './pause.ts';
import type { Topic } from './topic.ts';
import { lookAt, publishContent } from './topic-content.ts';
import type { KnownTopic, TopicTable } from './topic-table.ts';

interface FetcherParts {
  readonly table: TopicTable;
  readonly apis: () => Iterable<ApiRuntime>;
  readonly clock: Clock;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  readonly send: (request: OutgoingRequest) => Promise<Outcome>;
  readonly counts?: Pick<HubCounts, 'looked'> | undefined;
  readonly log: Log;
  readonly onBug: (error: unknown) => void;
}

/** Milliseconds from a look at a topic that failed to the next one. */
const retryDelays = [10_000, 60_000, 600_000];
/** Milliseconds between two looks at a topic, however often its publisher pings. */
const restAfterLook = 2_000;
/** The same after the store failed, or something of ours. */
const restAfterBug = 30_000;

/** Looks at topics of others when their publishers say that they are new, and publishes what is (WebSub, section 6). A ping is on disk before it is answered. */
export class TopicFetcher {
  readonly #parts: FetcherParts;
  /** By API and topic; true: pinged again since the look began. */
  readonly #looking = new Map<string, { isPinged: boolean }>();
  readonly #work = new Set<Promise<void>>();
  readonly #abort = new AbortController();

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    const { table, apis } = this.#parts;
    await table.keep([...apis()].map(({ resource }) => resource.id));
    for (const { api, topic } of await table.pinged()) this.#begin(api, topic);
  }

  /** Resolves when the pings are on disk; rejects with the store's error. */
  async ping({ resource }: ApiRuntime, topics: readonly Pick<Topic, 'self'>[]): Promise<void> {
    // An earlier ping that no look has answered yet is on disk, and stands for this one: anybody may ping, however often.
    const urls = topics.map(({ self }) => self).filter((url) => this.#looking.get(keyOf(resource.id, url))?.isPinged !== true);
    if (urls.length === 0) return;
    await this.#parts.table.ping(resource.id, urls, this.#parts.clock.now());
    for (const url of urls) this.#begin(resource.id, url);
  }

  /** Ends looks under way; they are made again at the next start. */
  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#work);
  }

  #begin(api: string, topic: string): void {
    const key = keyOf(api, topic);
    const looking = this.#looking.get(key);
    if (looking !== undefined) {
      looking.isPinged = true;
      return;
    }
    const state = { isPinged: true };
    this.#looking.set(key, state);
    const work = this.#lookAsPinged(api, topic, state)
      .catch((error: unknown) => (this.#abort.signal.aborted ? undefined : this.#parts.onBug(error)))
      .finally(() => {
        this.#looking.delete(key);
        this.#work.delete(work);
        // Pinged since it last looked at that.
        if (state.isPinged && !this.#abort.signal.aborted) this.#begin(api, topic);
      });
    this.#work.add(work);
  }

  async #lookAsPinged(api: string, topic: string, state: { isPinged: boolean }): Promise<void> {
    const { signal } = this.#abort;
    while (state.isPinged && !signal.aborted) {
      state.isPinged = false;
      const rest = await this.#look(api, topic).then(
        () => restAfterLook,
        (error: unknown) => {
          if (!signal.aborted) this.#parts.onBug(error);
          // The ping is on disk, and whoever sent it was told that there will be a look.
          state.isPinged = true;
          return restAfterBug;
        },
      );
      await pause(rest, { ...this.#parts, signal });
    }
  }

  async #look(id: string, topic: string): Promise<void> {
    const { signal } = this.#abort;
    for (const delay of [0, ...retryDelays]) {
      if (delay > 0) await pause(delay, { ...this.#parts, signal });
      const known = await this.#parts.table.get(id, topic);
      if (known === undefined || signal.aborted) return;
      const next = await this.#tried(known);
      if (signal.aborted) return;
      if (next === 'again') continue;
      await this.#parts.table.looked(next);
      return;
    }
    const known = await this.#parts.table.get(id, topic);
    if (known !== undefined) await this.#parts.table.looked(known);
  }

  async #tried(known: KnownTopic): Promise<KnownTopic | 'again'> {
    const api = [...this.#parts.apis()].find(({ resource }) => resource.id === known.api);
    const address = api?.resource.spec.websub?.topics[known.topic];
    // Nobody wants it any more.
    if (api === undefined || address === undefined) return known;
    const { result, next } = await this.#lookOnce(known, api, address);
    if (!this.#abort.signal.aborted) this.#parts.counts?.looked(api.resource.name, result);
    return result === 'failed' ? 'again' : next;
  }

  /** `next` is what is known from then on. */
  async #lookOnce(
    known: KnownTopic,
    api: ApiRuntime,
    address: string,
  ): Promise<{ readonly result: LookResult; readonly next: KnownTopic }> {
    const { send, clock, log } = this.#parts;
    const { topic } = known;
    const look = await lookAt(known, { send, signal: this.#abort.signal, maxBytes: api.resource.spec.maxEventBytes });
    if (look.kind === 'unchanged') return { result: 'unchanged', next: known };
    if (look.kind !== 'content') {
      if (!this.#abort.signal.aborted)
        log.warn({ api: api.resource.name, topic, why: look.sentence }, 'a WebSub topic could not be fetched');
      return { result: look.kind === 'again' ? 'failed' : 'given-up', next: known };
    }
    try {
      await publishContent(api, address, look, clock.now());
      return { result: 'published', next: look.known };
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      log.warn(
        { api: api.resource.name, topic, code: error.code },
        `the content of a WebSub topic could not be published: ${error.message}`,
      );
      return { result: error.advice === 'never' ? 'given-up' : 'failed', next: known };
    }
  }
}

function keyOf(api: string, topic: string): string {
  return JSON.stringify([api, topic]);
}
