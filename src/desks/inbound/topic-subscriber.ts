import { randomBytes } from 'node:crypto';
import type { TopicStatus } from '../../control/services.ts';
import type { Log } from '../../observe/log.ts';
import { answerCallback, renewalTime, type CallbackAnswer } from '../../protocols/websub/subscriber.ts';
import type { Resource, ResourceStore } from '../../store/resources.ts';
import { askHub } from './hub-request.ts';
import { discoverTopic, type Send } from './topic-discovery.ts';
import { afterFailure, isOver, notVerified, statusOf, type TopicSubscription } from './topic-subscription.ts';
import type { InboundTopicTable } from './topic-table.ts';

interface SubscriberParts {
  readonly store: Pick<ResourceStore, 'list' | 'get' | 'watch'>;
  readonly table: InboundTopicTable;
  readonly send: Send;
  /** Unseals a secret. */
  readonly open: (sealed: string) => string;
  /** Wall time in milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly onBug: (error: unknown) => void;
}

/** Hubs and topics asked at once. */
const maxAsking = 8;
/** Milliseconds a hub that accepted has for its verification before it is asked again. */
const verificationTime = 60_000;
/** Milliseconds after which a hub that denied is asked again. */
const denialRest = 3_600_000;
const tokenBytes = 24;

/** Keeps the subscriptions that sources with a topic have at the hubs of others: asks for them, answers the hubs, renews them in time, ends them. */
export class TopicSubscriber {
  readonly #parts: SubscriberParts;
  /** By token. */
  readonly #known = new Map<string, TopicSubscription>();
  readonly #asking = new Map<string, Promise<void>>();
  readonly #abort = new AbortController();
  #origin = '';
  #stopWatching: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(parts: SubscriberParts) {
    this.#parts = parts;
  }

  /** `origin` is where hubs reach the gateway: scheme and host. */
  async start(origin: string): Promise<void> {
    this.#origin = origin;
    for (const subscription of await this.#parts.table.all(this.#parts.onBug)) this.#known.set(subscription.token, subscription);
    this.#stopWatching = this.#parts.store.watch((changes) => {
      if (changes.some(({ resource: { kind } }) => kind === 'source' || kind === 'api')) this.#follow();
    });
    this.#follow();
  }

  /** How a source does; undefined where it subscribes to nothing. */
  status(source: string): TopicStatus | undefined {
    const subscription = [...this.#known.values()].find((one) => one.source === source && one.wanted === 'subscribe');
    return subscription && statusOf(subscription, this.#parts.now());
  }

  /** How those do that are wanted. */
  *states(): Iterable<TopicStatus['state']> {
    for (const one of this.#known.values()) if (one.wanted === 'subscribe') yield statusOf(one, this.#parts.now()).state;
  }

  /** Whether a callback is one of ours, and whether what comes there is wanted; `over`: the hub may forget it. */
  standing(token: string, application: string, name: string): 'wanted' | 'over' | undefined {
    const subscription = this.#known.get(token);
    if (subscription?.application !== application || subscription.name !== name) return undefined;
    return subscription.wanted === 'subscribe' ? 'wanted' : 'over';
  }

  /** Answers a hub that asks at a callback whether it was meant, or says that there is no subscription; on disk before it is answered. */
  async answer(token: string, query: string): Promise<CallbackAnswer> {
    const subscription = this.#known.get(token);
    const { topic, wanted: mode } = subscription ?? {};
    const answer = answerCallback(query, topic === undefined || mode === undefined ? undefined : { mode, topic });
    if (subscription === undefined || answer.kind === 'refused') return answer;
    if (mode === 'unsubscribe') await this.#forget(token);
    else if (answer.kind === 'denied') await this.#denied(subscription, answer.reason);
    else await this.#confirmed(subscription, answer.leaseSeconds);
    this.#arm();
    return answer;
  }

  /** Ends requests under way; subscriptions stay, and are renewed after the next start. */
  async close(): Promise<void> {
    this.#stopWatching?.();
    this.#abort.abort();
    this.#cancelTimer?.();
    await Promise.all(this.#asking.values());
  }

  async #confirmed(subscription: TopicSubscription, granted: number | undefined): Promise<void> {
    const { now, random, log } = this.#parts;
    const { application, name, topic, hub, lease } = subscription;
    const seconds = granted ?? lease / 1000;
    const dueAt = renewalTime(now(), seconds, random());
    await this.#settle(subscription, { ...subscription, leaseUntil: now() + seconds * 1000, dueAt, failures: 0, reason: undefined });
    log.info({ application, source: name, topic, hub, seconds }, 'a hub has confirmed a subscription of ours');
  }

  async #denied(subscription: TopicSubscription, reason: string | undefined): Promise<void> {
    const { now, random } = this.#parts;
    const failed = this.#failed(subscription, `The hub denied it${reason === undefined ? '.' : `: ${reason}`}`);
    await this.#settle(subscription, { ...failed, leaseUntil: undefined, dueAt: now() + denialRest * (1 + random() / 10) });
  }

  /** What a hub has said holds once it is on disk; before, it cannot be answered, and a hub without an answer takes nothing for verified. */
  async #settle(before: TopicSubscription, next: TopicSubscription): Promise<void> {
    try {
      await this.#save(next);
    } catch (error) {
      if (this.#known.get(next.token) === next) this.#known.set(next.token, before);
      this.#arm();
      throw error;
    }
  }

  /** Brings what is wanted in line with the sources there are. */
  #follow(): void {
    const { store, now } = this.#parts;
    const unclaimed = new Map([...this.#known.values()].filter(({ wanted }) => wanted === 'subscribe').map((one) => [one.source, one]));
    const changed: TopicSubscription[] = [];
    for (const source of store.list('source')) {
      const wish = this.#wishOf(source);
      if (wish === undefined) continue;
      const before = unclaimed.get(source.id);
      if (before?.url !== wish.url) {
        const token = randomBytes(tokenBytes).toString('base64url');
        changed.push({ ...wish, token, callback: `${wish.callback}/${token}`, ...notAsked, dueAt: now() });
        continue;
      }
      unclaimed.delete(source.id);
      const next = { ...before, ...wish, callback: `${wish.callback}/${before.token}` };
      const isSame = next.callback === before.callback && next.lease === before.lease && next.secret === before.secret;
      if (!isSame) changed.push({ ...next, dueAt: now(), failures: 0 });
    }
    // The source of each that is left has gone, or has another topic now.
    for (const over of unclaimed.values()) changed.push({ ...over, wanted: 'unsubscribe', dueAt: now(), failures: 0 });
    for (const subscription of changed) this.#keep(subscription);
    this.#work();
  }

  /** What a source wants, its callback without the token; undefined where it has no topic, or its API is not there. */
  #wishOf({
    id,
    name,
    parent,
    spec,
  }: Resource<'source'>): Pick<TopicSubscription, 'source' | 'application' | 'name' | 'callback' | 'url' | 'lease' | 'secret'> | undefined {
    const { store } = this.#parts;
    const subscription = store.get('subscription', spec.subscription);
    const api = subscription && store.get('api', subscription.spec.api);
    const [secret] = spec.secrets;
    if (spec.topic === undefined || api === undefined || secret === undefined) return undefined;
    const path = api.spec.path === '/' ? '' : api.spec.path;
    const callback = `${this.#origin}${path}/-/in/${encodeURIComponent(parent)}/${encodeURIComponent(name)}`;
    return { source: id, application: parent, name, callback, url: spec.topic.url, lease: spec.topic.lease, secret: secret.sealed };
  }

  /** Begins what is due, as much as may be under way. */
  #work(): void {
    if (this.#abort.signal.aborted) return;
    const due = [...this.#known.values()].filter(({ token, dueAt }) => dueAt <= this.#parts.now() && !this.#asking.has(token));
    for (const { token } of due.toSorted((a, b) => a.dueAt - b.dueAt).slice(0, maxAsking - this.#asking.size)) {
      const asking = this.#ask(token)
        .catch((error: unknown) => this.#parts.onBug(error))
        .finally(() => {
          this.#asking.delete(token);
          this.#work();
        });
      this.#asking.set(token, asking);
    }
    this.#arm();
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#abort.signal.aborted || this.#asking.size >= maxAsking) return;
    const next = Math.min(...[...this.#known.values()].filter(({ token }) => !this.#asking.has(token)).map(({ dueAt }) => dueAt));
    if (next !== Infinity) this.#cancelTimer = this.#parts.schedule(next, () => this.#work());
  }

  async #ask(token: string): Promise<void> {
    const subscription = this.#known.get(token);
    if (subscription === undefined) return;
    if (isOver(subscription, this.#parts.now())) await this.#forget(token);
    else if (subscription.wanted === 'subscribe') await this.#subscribe(subscription);
    else await this.#request(subscription);
  }

  async #subscribe(subscription: TopicSubscription): Promise<void> {
    const found = await discoverTopic(this.#parts.send, subscription.url, this.#abort.signal);
    const current = this.#known.get(subscription.token);
    if (this.#abort.signal.aborted || current?.wanted !== 'subscribe') return;
    if (typeof found === 'string') {
      this.#warn(current, found);
      await this.#save(this.#failed(current, found));
      return;
    }
    for (const hub of found.hubs) if (await this.#request({ ...current, topic: found.topic, hub })) return;
  }

  /** False: the hub refused, and nothing else has happened meanwhile. */
  async #request(subscription: TopicSubscription): Promise<boolean> {
    const { token, wanted, hub, topic, callback, lease, secret } = subscription;
    if (hub === undefined || topic === undefined) return false;
    // On disk before the hub knows: its verification may be here before its answer is.
    const asked = this.#failed(subscription, notVerified);
    await this.#save(asked);
    const more = wanted === 'subscribe' ? { leaseSeconds: Math.round(lease / 1000), secret: this.#parts.open(secret) } : {};
    const refusal = await askHub(this.#parts.send, hub, { mode: wanted, callback, topic, ...more }, this.#abort.signal);
    // Else it has been verified, or is wanted otherwise, or no more.
    const isAsAsked = this.#known.get(token) === asked && !this.#abort.signal.aborted;
    if (!isAsAsked) return true;
    if (refusal === undefined) {
      await this.#save({ ...asked, dueAt: Math.max(asked.dueAt, this.#parts.now() + verificationTime) });
      return true;
    }
    this.#warn(asked, refusal);
    await this.#save({ ...asked, reason: refusal });
    return false;
  }

  #failed(subscription: TopicSubscription, reason: string): TopicSubscription {
    return afterFailure(subscription, reason, this.#parts.now(), this.#parts.random());
  }

  #warn({ application, name, url, hub }: TopicSubscription, reason: string): void {
    this.#parts.log.warn({ application, source: name, topic: url, hub }, `a subscription at a hub came to nothing: ${reason}`);
  }

  /** Counts from now on; what is saved later is on disk later. */
  async #save(subscription: TopicSubscription): Promise<void> {
    this.#known.set(subscription.token, subscription);
    await this.#parts.table.save(subscription);
  }

  #keep(subscription: TopicSubscription): void {
    this.#save(subscription).catch((error: unknown) => this.#parts.onBug(error));
  }

  async #forget(token: string): Promise<void> {
    this.#known.delete(token);
    await this.#parts.table.remove(token);
  }
}

const notAsked = { wanted: 'subscribe', topic: undefined, hub: undefined, leaseUntil: undefined, failures: 0, reason: undefined } as const;
