import type { Page, PageOptions, ReadOptions } from '../core/entrypoint.ts';
import type { Channel } from '../core/backbone.ts';
import { countUpTo, makeBatch, sliceBatch, type Filter } from '../core/batch.ts';
import { GatewayError } from '../core/errors.ts';
import type { Feed } from '../core/feed.ts';
import type { Batch, Meter, ReaderAccount } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import type { ApiRuntime, BoundSubscription } from './catalogue.ts';
import type { Feeds } from './feeds.ts';
import { compileFilter } from './filter.ts';

interface Opening {
  readonly api: ApiRuntime;
  readonly feed: Feed;
  readonly subscription: BoundSubscription;
  readonly protocol: string;
  readonly options: ReadOptions;
}

/** The books of whoever reads: a durable reader's cursor, a connection resumed, or a new reader where the client asked to begin. */
export async function openAccount(meter: Meter, opening: Opening, onTaken: () => void): Promise<ReaderAccount> {
  const { api, feed, subscription, protocol, options } = opening;
  const { log } = api;
  const { address, name } = options;
  const resumed = options.resume === undefined ? undefined : await api.backbone.locate(feed.channel, { at: 'position', position: options.resume });
  const isKnown = name !== undefined && meter.knows({ subscription: subscription.resource.id, name, address, log });
  const start = resumed ?? (isKnown ? feed.position : await startOf(api, feed, options));
  const resumes = resumed !== undefined || options.from.at === 'position';
  const account = await meter.open({ subscription: subscription.context, protocol, log, address, name, start, resumes }, onTaken);
  if (isKnown && resumed !== undefined) account.confirm(resumed);
  return account;
}

function startOf(api: ApiRuntime, feed: Feed, { from }: ReadOptions): Promise<Position> | Position {
  return from.at === 'latest' ? feed.position : api.backbone.locate(feed.channel, from);
}

interface Paging {
  readonly meter: Meter;
  readonly feeds: Feeds;
  readonly api: ApiRuntime;
  readonly subscription: BoundSubscription;
  readonly protocol: string;
}

/** Payload bytes of one page: what a client can hold, and what one answer may keep in memory. */
const pageBytes = 1024 * 1024;

/** One page of events, waiting for the first when there is none yet. Charged here: read again, it is redelivered and not billed. */
export async function readPage(paging: Paging, options: PageOptions, onLimited: (error: GatewayError, events: number) => void): Promise<Page> {
  const { meter, feeds, api, subscription, protocol } = paging;
  const filter = options.filter === undefined ? undefined : compileFilter(options.filter);
  const channel = { log: api.log, address: options.address };
  const { feed, release } = await feeds.borrow(api.backbone, channel);
  try {
    const account = await openAccount(meter, { api, feed, subscription, protocol, options }, () => undefined);
    try {
      const batch = await nextBatch({ api, feed, channel, filter, account }, options);
      return takePage({ subscription, api, account }, batch, onLimited);
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
  readonly filter: Filter | undefined;
  readonly account: ReaderAccount;
}

async function nextBatch({ api, feed, channel, filter, account }: Search, options: PageOptions): Promise<Batch> {
  const deadline = AbortSignal.any([options.signal, AbortSignal.timeout(options.wait)]);
  let after = account.cursor;
  for (;;) {
    const next = new Promise<void>((resolve) => {
      const stop = feed.onNext(resolve);
      deadline.addEventListener('abort', () => {
        stop();
        resolve();
      });
    });
    const { events, position } = await api.backbone.read({ channel, after, limit: options.limit, maxBytes: pageBytes });
    const batch = makeBatch(events, position, filter);
    if (batch.events.length > 0 || options.wait === 0 || deadline.aborted) return batch;
    if (events.length > 0) account.charge(batch, 0);
    else await next;
    after = position;
  }
}

interface Taking {
  readonly subscription: BoundSubscription;
  readonly api: ApiRuntime;
  readonly account: ReaderAccount;
}

function takePage({ subscription, api, account }: Taking, whole: Batch, onLimited: (error: GatewayError, events: number) => void): Page {
  const { stages } = subscription;
  const n = whole.events.length;
  const allowed = n === 0 ? 0 : stages.allow(n, whole.bytes);
  if (allowed < n) {
    const error = stages.limited()?.error ?? new GatewayError('LIMIT_REACHED', 'A limit of the plan was reached; its window has just ended.', { retryAfter: 0 });
    onLimited(error, n - allowed);
    if (allowed === 0) throw error;
  }
  const batch = sliceBatch(whole, 0, allowed);
  stages.delivered(batch.events.length, batch.bytes);
  const isCharged = account.charged === account.cursor;
  account.charge(batch, isCharged ? 0 : countUpTo(batch.events, account.charged, (a, b) => api.backbone.compare(a, b)));
  return { events: batch.events, position: batch.position };
}
