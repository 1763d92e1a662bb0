import type { Backbone, Channel } from '../core/backbone.ts';
import { Feed } from '../core/feed.ts';
import type { Tally } from '../core/meter.ts';

interface Shared {
  readonly opening: Promise<Feed>;
  users: number;
  linger: NodeJS.Timeout | undefined;
}

/** How long a feed nobody reads is kept, so that a client that comes and goes does not make a consumer each time. */
const lingerFor = 5000;
/** Past this many feeds none is kept for nobody: a client that asks for ever new addresses must not pile them up. */
const maxLingeringFeeds = 1000;

/** One feed per log and address or pattern, opened for the first reader and closed a little after the last. */
export class Feeds {
  readonly #openTally: () => Tally;
  readonly #shared = new Map<string, Shared>();
  #isClosed = false;

  /** `openTally` makes the books of a group of readers. */
  constructor(openTally: () => Tally) {
    this.#openTally = openTally;
  }

  /** The feed, and how to give it back. */
  async borrow(backbone: Backbone, channel: Channel): Promise<{ readonly feed: Feed; readonly release: () => void }> {
    const key = `${channel.log} ${channel.address}`;
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      shared = { opening: Feed.open(backbone, channel, this.#openTally), users: 0, linger: undefined };
      this.#shared.set(key, shared);
    }
    const held = shared;
    held.users += 1;
    clearTimeout(held.linger);
    try {
      const feed = await held.opening;
      let isReleased = false;
      const release = (): void => {
        if (isReleased) return;
        isReleased = true;
        this.#giveBack(key, held);
      };
      return { feed, release };
    } catch (error) {
      held.users -= 1;
      if (this.#shared.get(key) === held) this.#shared.delete(key);
      throw error;
    }
  }

  /** Feeds open now. */
  get size(): number {
    return this.#shared.size;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const open = [...this.#shared.entries()];
    await Promise.allSettled(open.map(([key, shared]) => this.#end(key, shared)));
  }

  #giveBack(key: string, shared: Shared): void {
    shared.users -= 1;
    if (shared.users > 0) return;
    if (this.#isClosed) return;
    if (this.#shared.size > maxLingeringFeeds) void this.#end(key, shared);
    else shared.linger = setTimeout(() => void this.#end(key, shared), lingerFor).unref();
  }

  async #end(key: string, shared: Shared): Promise<void> {
    clearTimeout(shared.linger);
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
    await shared.opening.then(
      (feed) => feed.close(),
      () => undefined,
    );
  }
}
