import { setTimeout as wait } from 'node:timers/promises';
import {
  confirmByPost,
  endingOf,
  eventOf,
  Inbox,
  targetOf,
  type Ending,
  type Reading,
  type ReadingProtocol,
  type ReadingRequest,
  type Told,
} from './reading-client.ts';

/** Long poll: page after page by `Link: rel="next"`. */
export const readingByPoll: ReadingProtocol = {
  name: 'poll',
  lacks: {
    overflow: 'a page is asked for when there is room for it, so nothing waits for a slow client',
    connections: 'a page is a request, and connections are counted and timed only where they stay open',
  },
  read: (request) => new PollReading(request),
};

class PollReading implements Reading {
  readonly #request: ReadingRequest;
  readonly #inbox = new Inbox();
  readonly #gone = new AbortController();

  constructor(request: ReadingRequest) {
    this.#request = request;
    void this.#follow();
  }

  get ready(): Promise<void> {
    return this.#inbox.ready;
  }

  next(): Promise<Told> {
    return this.#inbox.next();
  }

  confirm(position: string): Promise<void> {
    return confirmByPost(this.#request, position);
  }

  stall(): void {
    throw new Error('A poll has nothing to stall.');
  }

  unstall(): void {
    throw new Error('A poll has nothing to stall.');
  }

  close(): void {
    this.#gone.abort();
  }

  async #follow(): Promise<void> {
    const { query = {}, resume } = this.#request;
    let target: string | undefined = targetOf({
      path: this.#request.path,
      query: resume === undefined ? query : { ...query, after: resume },
    });
    try {
      while (target !== undefined) {
        target = await this.#page(target);
        this.#inbox.begun();
        // Asking for the next page confirms this one.
        if (query['reader'] !== undefined) await this.#inbox.wanted();
        if (target !== undefined && !target.includes('wait=')) target += '&wait=20s';
      }
    } catch {
      this.#inbox.put({ kind: 'end', code: 'GONE', number: 0, retryAfter: undefined });
    }
  }

  /** The next page's target; undefined when reading is over. */
  async #page(target: string): Promise<string | undefined> {
    const { gateway, key } = this.#request;
    const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const response = await fetch(`${gateway}${target}`, { headers, signal: this.#gone.signal });
    const body: unknown = await response.json();
    if (response.status !== 200) return this.#refused(endingOf(body, response.status), response.headers.get('retry-after'), target);
    for (const event of body as unknown[]) this.#inbox.put(eventOf(event));
    return /^<([^>]+)>; rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1];
  }

  /** A limit that is over in seconds only holds a client that polls; anything else ends it. */
  async #refused(ending: Ending, retryAfter: string | null, target: string): Promise<string | undefined> {
    if (ending.code !== 'LIMIT_REACHED' || Number(retryAfter) > 2) {
      this.#inbox.put(ending);
      return undefined;
    }
    const milliseconds = Number(retryAfter) * 1000;
    this.#inbox.put({ kind: 'held', until: new Date(Date.now() + milliseconds).toISOString() });
    await wait(milliseconds, undefined, { signal: this.#gone.signal });
    return target;
  }
}
