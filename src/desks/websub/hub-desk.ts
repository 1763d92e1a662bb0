import { randomUUID } from 'node:crypto';
import { plainWebSub } from '../../control/config/websub-shape.ts';
import { refusalFor } from '../../control/problems.ts';
import type { DeskAnswer, DeskRequest } from '../../core/desk.ts';
import { GatewayError } from '../../core/errors.ts';
import type { ApiRuntime } from '../../gateway/catalogue.ts';
import { checkOutgoingUrl, type UrlRules } from '../../outgoing/outgoing-url.ts';
import { parseHubRequest, type HubRequest, type SubscribeRequest, type UnsubscribeRequest } from '../../protocols/websub/hub-request.ts';
import { grantLease } from '../../protocols/websub/lease.ts';
import type { AcceptedRequest } from '../../protocols/websub/subscription-state.ts';
import { requireMethod } from '../desk-method.ts';
import type { Desk, Visit } from '../desk.ts';
import { patience, type Hub } from './hub.ts';
import type { HubCounts } from './hub-counts.ts';
import { RequestRates } from './request-rates.ts';
import type { Subscribers } from './subscribers.ts';
import { topicOf, undistributed } from './topic.ts';
import type { TopicFetcher } from './topic-fetcher.ts';
import type { Wish } from './wish.ts';

interface HubDeskParts {
  readonly hub: Hub;
  readonly subscribers: Subscribers;
  readonly fetcher: TopicFetcher;
  readonly rules: UrlRules;
  readonly seal: (text: string) => string;
  readonly now: () => number;
  readonly counts?: Pick<HubCounts, 'asked'> | undefined;
  /** What stands against it now that this is read under this subscription; undefined when nothing does. */
  readonly refusalOf: (wish: Pick<Wish, 'subscription' | 'address'>) => GatewayError | undefined;
}

/** The hub of an API's channels at `{API}/-/websub`: subscribing, unsubscribing, and publishers' pings (WebSub, sections 5.1 and 6). */
export class HubDesk implements Desk {
  readonly name = 'websub';
  readonly #parts: HubDeskParts;
  readonly #rates: RequestRates;

  constructor(parts: HubDeskParts) {
    this.#parts = parts;
    this.#rates = new RequestRates(parts);
  }

  /** Refusals are sentences, as the specification wants them (section 5.1.2). */
  async answer(visit: Visit): Promise<DeskAnswer> {
    let mode = 'unknown';
    const answer = await this.#answer(visit, ({ kind }) => (mode = kind)).catch(refusalAnswer);
    this.#parts.counts?.asked(visit.api.resource.name, mode, answer.status);
    return answer;
  }

  /** `onRead` is told what it is once that can be told. */
  async #answer({ request, api, apiUrl, rest }: Visit, onRead: (asked: HubRequest) => void): Promise<DeskAnswer> {
    const { name, spec } = api.resource;
    if (!spec.entrypoints.includes('websub'))
      throw new GatewayError('NOT_ACCEPTABLE', `The API ${name} does not offer websub; it offers ${spec.entrypoints.join(', ')}.`);
    requireMethod(request, ['POST'], rest);
    const asked = parseHubRequest(single(request.headers['content-type']), request.body);
    if (asked.kind === 'refused') return sentence(asked.status, asked.sentence);
    onRead(asked);
    if (asked.kind === 'publish') {
      const topics = asked.topics.map((url) => topicOf(url, api, apiUrl));
      await this.#parts.fetcher.ping(
        api,
        topics.filter(({ isExternal }) => isExternal),
      );
      return sentence(202, 'The topics will be looked at.');
    }
    await this.#parts.hub.accept(this.#wishOf(asked, { request, api, apiUrl }));
    return sentence(202, 'The callback will be asked whether this was meant.');
  }

  #wishOf(asked: SubscribeRequest | UnsubscribeRequest, { request, api, apiUrl }: Pick<Visit, 'request' | 'api' | 'apiUrl'>): Wish {
    const { subscribers, rules, refusalOf } = this.#parts;
    const subscription = subscribers.subscriptionOf(request, api);
    this.#count(subscription);
    const { self, address, isExternal } = topicOf(asked.topic, api, apiUrl);
    const checked = checkOutgoingUrl(asked.callback, rules);
    if ('refusal' in checked) throw new GatewayError('BAD_REQUEST', `hub.callback cannot be called: ${checked.refusal.sentence}`);
    const wish = { subscription, address, self, callback: asked.callback };
    const refusal = asked.kind === 'subscribe' ? refusalOf(wish) : undefined;
    if (refusal !== undefined) throw isExternal && refusal.code === 'FORBIDDEN' ? undistributed(apiUrl) : refusal;
    return { request: this.#accepted(asked, api, `${apiUrl}/-/${this.name}`), ...wish };
  }

  /** Throws OVERLOADED. */
  #count(subscription: string): void {
    const wait = this.#rates.take(subscription);
    if (wait > 0) throw new GatewayError('OVERLOADED', 'Too many requests at once; try again in a moment.', { retryAfter: wait });
  }

  #accepted(asked: SubscribeRequest | UnsubscribeRequest, api: ApiRuntime, hub: string): AcceptedRequest {
    const { now, seal } = this.#parts;
    const frame = { id: randomUUID(), topicAsGiven: asked.topicAsGiven, hub, deadline: now() + patience };
    if (asked.kind === 'unsubscribe') return { ...frame, mode: 'unsubscribe' };
    const { lease } = api.resource.spec.websub ?? plainWebSub;
    const policy = { defaultSeconds: lease.default / 1000, minSeconds: lease.min / 1000, maxSeconds: lease.max / 1000 };
    const secret = asked.secret === undefined ? undefined : seal(asked.secret);
    return { ...frame, mode: 'subscribe', leaseSeconds: grantLease(asked.leaseSeconds, policy), secret };
  }
}

/** A refusal as an answer; a bug of ours goes to the operator's log by the way of all bugs. */
function refusalAnswer(error: unknown): DeskAnswer {
  const { code, status, message, retryAfter } = refusalFor(error);
  if (code === 'INTERNAL') throw error;
  const headers = {
    ...(status === 401 ? { 'www-authenticate': 'Bearer realm="sluice"' } : {}),
    ...(status === 405 ? { allow: 'POST' } : {}),
    ...(retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter / 1000)) }),
  };
  return sentence(status, message, headers);
}

function single(value: DeskRequest['headers'][string]): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}

function sentence(status: number, text: string, headers: Readonly<Record<string, string>> = {}): DeskAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers }, body: `${text}\n` };
}
