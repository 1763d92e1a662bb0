import type { Channel } from '../core/backbone.ts';
import { countUpTo, makeBatch, sliceBatch } from '../core/batch.ts';
import type { Page, PageOptions } from '../core/entrypoint.ts';
import type { GatewayError } from '../core/errors.ts';
import type { Event } from '../core/event.ts';
import type { Feed } from '../core/feed.ts';
import { Gathering } from '../core/gathering.ts';
import type { Batch, Meter, ReaderAccount } from '../core/meter.ts';
import type { LimitAnswer } from '../core/policy.ts';
import type { Position } from '../core/position.ts';
import type { ApiRuntime, BoundSubscription } from './catalogue.ts';
import type { Feeds } from './feeds.ts';
import type { LostReaders } from './lost-readers.ts';
import { openAccount, takenOver } from './open-account.ts';
import { eventsOf, type View } from './view.ts';

interface Paging {
  readonly meter: Meter;
  readonly lost: LostReaders;
  readonly feeds: Feeds;
  readonly api: ApiRuntime;
  /** As it is when the page is taken: the plan may change while a client waits. */
  readonly subscription: () => BoundSubscription;
  readonly protocol: string;
  readonly view: View;
}

/** Payload bytes of one page: what a client can hold, and what one answer may keep in memory. */
const pageBytes = 1024 * 1024;
/** Events read at once where a page has only the newest of them. */
const pieceEvents = 512;

/** One page of events, waiting for the first when there is none yet. Charged here: read again, it is redelivered and not billed. */
export async function readPage(
  paging: Paging,
  options: PageOptions,
  onLimited: (error: GatewayError, events: number) => void,
): Promise<Page> {
  const { feeds, api, view } = paging;
  const channel = { log: api.log, address: options.address };
  const taken = new AbortController();
  const { feed, release } = await feeds.borrow(api.backbone, channel);
  try {
    const account = await openAccount({ ...paging, subscription: paging.subscription(), feed, options }, () => taken.abort());
    try {
      const signal = AbortSignal.any([options.signal, taken.signal]);
      const batch = await nextBatch({ api, feed, channel, view, account }, { ...options, signal });
      if (taken.signal.aborted) throw takenOver(options.name);
      // Nobody is there to take it: uncharged, it is the next request's.
      if (options.signal.aborted) return { events: [], position: account.cursor };
      return takePage({ subscription: paging.subscription(), api, view, account }, batch, onLimited);
    } finally {
      account.close();
    }
  } finally {
    release();
  }
}

interface Search {
  readonly api: ApiRuntime;
  readonly feed: Feed;
  readonly channel: Channel;
  readonly view: View;
  readonly account: ReaderAccount;
}

async function nextBatch(search: Search, options: PageOptions): Promise<Batch> {
  const { feed, account } = search;
  const waiting = new Waiting(feed, options);
  let after = account.cursor;
  try {
    for (;;) {
      const next = waiting.next();
      const batch = await readBatch(search, after, options);
      if (batch.events.length > 0 || waiting.isOver) return batch;
      if (batch.filtered > 0) account.charge(batch, 0);
      else await next;
      after = batch.position;
    }
  } finally {
    waiting.close();
  }
}

/** What follows a place: a piece of the log, or where events are conflated the newest of each key up to where the feed stands now. */
async function readBatch(
  { api: { backbone }, feed: { position: end }, channel, view: { filter } }: Search,
  after: Position,
  { limit, signal }: PageOptions,
): Promise<Batch> {
  if (filter?.conflation === undefined) {
    const { events, position } = await backbone.read({ channel, after, limit, maxBytes: pageBytes });
    return makeBatch(events, position, filter);
  }
  const gathering = new Gathering(filter, filter.conflation, after);
  for (;;) {
    const piece = await backbone.read({ channel, after: gathering.position, limit: pieceEvents, maxBytes: pageBytes });
    const isFull = gathering.add(piece);
    if (!isFull && piece.events.length > 0 && !signal.aborted && backbone.compare(piece.position, end) < 0) continue;
    const batch = gathering.take();
    return sliceBatch(batch, 0, countThatFits(batch.events, limit));
  }
}

/** How many events one page holds, at least one where there are any. */
function countThatFits(events: readonly Event[], limit: number): number {
  const most = Math.min(limit, events.length);
  let count = 0;
  for (let bytes = 0; count < most && (count === 0 || bytes < pageBytes); count += 1) bytes += (events[count] as Event).bytes;
  return count;
}

/** A client's patience: until there is something new, its time is up, or it is gone. */
class Waiting {
  readonly #feed: Feed;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #end = (): void => {
    this.#isOver = true;
    this.#wake();
  };
  #isOver: boolean;
  #stop: () => void = () => undefined;
  #wake: () => void = () => undefined;

  constructor(feed: Feed, { wait, signal }: PageOptions) {
    this.#feed = feed;
    this.#signal = signal;
    this.#isOver = wait === 0 || signal.aborted;
    if (this.#isOver) return;
    this.#timer = setTimeout(this.#end, wait);
    signal.addEventListener('abort', this.#end);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when something comes after this call, or the waiting is over. */
  next(): Promise<void> | undefined {
    if (this.#isOver) return undefined;
    this.#stop();
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#stop = this.#feed.onNext(resolve);
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#end);
    this.#stop();
  }
}

interface Taking {
  readonly subscription: BoundSubscription;
  readonly api: ApiRuntime;
  readonly view: View;
  readonly account: ReaderAccount;
}

function takePage(
  { subscription, api, view, account }: Taking,
  whole: Batch,
  onLimited: (error: GatewayError, events: number) => void,
): Page {
  const { stages } = subscription;
  const n = whole.events.length;
  const { allowed, limit } = allowance(subscription, whole);
  if (limit !== undefined) {
    onLimited(limit.error, n - allowed);
    if (allowed === 0) throw limit.error;
  }
  const batch = sliceBatch(whole, 0, allowed);
  stages.delivered(batch.events.length, batch.bytes);
  const isCharged = account.charged === account.cursor;
  account.charge(batch, isCharged ? 0 : countUpTo(batch.events, account.charged, (a, b) => api.backbone.compare(a, b)));
  return { events: eventsOf(view, batch.events), position: batch.position };
}

/** How much of a batch may go now, and the limit that holds the rest; asked again where its window ended in between. */
export function allowance(
  { stages }: Pick<BoundSubscription, 'stages'>,
  { events: { length }, bytes }: Batch,
): { readonly allowed: number; readonly limit?: LimitAnswer } {
  if (length === 0) return { allowed: 0 };
  for (;;) {
    const allowed = stages.allow(length, bytes);
    if (allowed === length) return { allowed };
    const limit = stages.limited();
    if (limit !== undefined) return { allowed, limit };
  }
}
