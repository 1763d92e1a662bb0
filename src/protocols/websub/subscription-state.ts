import { leaseEnd } from './lease.ts';
import { isConfirmed, type ChallengeAnswer } from './verification.ts';

/** All that a hub has to remember of one topic and callback, as plain data: what holds, what was accepted and is not verified, what is owed. */
export interface SubscriptionState {
  readonly active: ActiveSubscription | undefined;
  /** In the order of acceptance, at most `maxPendingRequests`. */
  readonly pending: readonly PendingRequest[];
  /** The subscriber is still to be told that it is denied. */
  readonly denial: OwedDenial | undefined;
}

interface Names {
  /** The topic as the subscriber wrote it. */
  readonly topicAsGiven: string;
  /** The hub's URL as the subscriber used it: what it discovered, and what distributions name. */
  readonly hub: string;
}

/** What a subscriber gets once it has confirmed. */
interface Terms {
  readonly secret: string | undefined;
  /** As granted by the policy. */
  readonly leaseSeconds: number;
}

/** What the subscriber has confirmed. */
export interface ActiveSubscription extends Names, Terms {
  /** The request that made it what it is; the deliveries made for it bear this. */
  readonly id: string;
  /** Milliseconds; from then on there is no subscription. */
  readonly expiresAt: number;
  /** A delivery was given up: nothing is tried until the topic is updated. */
  readonly waitsForUpdate: boolean;
}

interface RequestFrame extends Names {
  /** Unique among all requests that were ever accepted. */
  readonly id: string;
  /** Milliseconds; a request that nobody has confirmed by then is dropped. */
  readonly deadline: number;
}

/** A request that was answered 202. */
export type AcceptedRequest = RequestFrame & ((Terms & { readonly mode: 'subscribe' }) | { readonly mode: 'unsubscribe' });

/** With its newest verification request; undefined before the first. */
export type PendingRequest = AcceptedRequest & { readonly attempt: VerificationAttempt | undefined };

/** One GET of the callback that asks whether a request was meant. */
export interface VerificationAttempt {
  /** Made for this attempt alone. */
  readonly challenge: string;
  /** Milliseconds; the lease counts from here. */
  readonly sentAt: number;
}

interface OwedDenial {
  readonly topicAsGiven: string;
  readonly reason: string | undefined;
}

/** Most requests for one topic and callback that wait for their verification. */
export const maxPendingRequests = 8;

/** Where every topic and callback begins. */
export const noSubscription: SubscriptionState = { active: undefined, pending: [], denial: undefined };

/** A request is accepted (answered 202); what holds is not touched. `full`: too many are not verified yet, and this one must be refused. */
export function accept(state: SubscriptionState, request: AcceptedRequest): SubscriptionState | 'full' {
  if (state.pending.length >= maxPendingRequests) return 'full';
  return { ...state, pending: [...state.pending, { ...request, attempt: undefined }] };
}

/** A verification request is about to be sent, the first or another; undefined when the request is no longer pending, and nothing is to be sent. */
export function beginVerification(state: SubscriptionState, id: string, attempt: VerificationAttempt): SubscriptionState | undefined {
  const index = state.pending.findIndex((request) => request.id === id);
  const request = state.pending[index];
  return request === undefined ? undefined : { ...state, pending: state.pending.with(index, { ...request, attempt }) };
}

/**
 * The callback answered. The one way in which a request takes effect (WebSub, section 5.1): the answer is to its newest attempt and is
 * the challenge. It overrides what holds and all requests accepted before it; those accepted later are still to come. Any other answer
 * to that attempt drops the request and nothing else. A callback that could not be reached has not answered: it can be asked again.
 */
export function settleVerification(
  state: SubscriptionState,
  id: string,
  answer: ChallengeAnswer & Pick<VerificationAttempt, 'challenge'>,
): SubscriptionState {
  const index = state.pending.findIndex((candidate) => candidate.id === id);
  const request = state.pending[index];
  const attempt = request?.attempt;
  if (request === undefined || attempt?.challenge !== answer.challenge) return state;
  if (!isConfirmed(answer, attempt.challenge)) return { ...state, pending: state.pending.toSpliced(index, 1) };
  return { ...state, active: madeActive(request, attempt), pending: state.pending.slice(index + 1) };
}

/** There is no subscription, or no longer (WebSub, section 5.2): nothing holds or is pending, and the subscriber is to be told. */
export function deny(state: SubscriptionState, reason: string | undefined): SubscriptionState {
  const last = state.pending.at(-1) ?? state.active;
  if (last === undefined) return state;
  return { active: undefined, pending: [], denial: { topicAsGiven: last.topicAsGiven, reason } };
}

/** One request is denied, as a publisher may; what holds and the other requests stay. */
export function denyRequest(state: SubscriptionState, id: string, reason: string | undefined): SubscriptionState {
  const request = state.pending.find((candidate) => candidate.id === id);
  if (request === undefined) return state;
  const pending = state.pending.filter((candidate) => candidate !== request);
  return { ...state, pending, denial: { topicAsGiven: request.topicAsGiven, reason } };
}

/** The subscriber was told, or cannot be. */
export function denialTold(state: SubscriptionState): SubscriptionState {
  return { ...state, denial: undefined };
}

/** A delivery was answered 410 (WebSub, section 7); one made for what does not hold any more says nothing of what does. */
export function callbackGone(state: SubscriptionState, id: string): SubscriptionState {
  return state.active?.id === id ? { ...state, active: undefined } : state;
}

/** A delivery failed for good: the subscription holds until its lease ends (WebSub, section 7), and waits for an update. */
export function deliveryGivenUp(state: SubscriptionState, id: string): SubscriptionState {
  return state.active?.id === id ? { ...state, active: { ...state.active, waitsForUpdate: true } } : state;
}

/** The topic has new content: it is tried again with who was given up. */
export function topicUpdated(state: SubscriptionState): SubscriptionState {
  return state.active?.waitsForUpdate === true ? { ...state, active: { ...state.active, waitsForUpdate: false } } : state;
}

/** What time has ended: the lease, and requests past their deadline. */
export function expire(state: SubscriptionState, now: number): SubscriptionState {
  const pending = state.pending.filter(({ deadline }) => deadline > now);
  const ended = state.active !== undefined && state.active.expiresAt <= now;
  if (!ended && pending.length === state.pending.length) return state;
  return { ...state, active: ended ? undefined : state.active, pending };
}

/** When `expire` has something to do next, in milliseconds; undefined when never. */
export function nextExpiry({ active, pending }: SubscriptionState): number | undefined {
  const times = pending.map(({ deadline }) => deadline);
  if (active !== undefined) times.push(active.expiresAt);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Whom content goes to now, if to anybody; also right when `expire` is late. */
export function receiverAt({ active }: SubscriptionState, now: number): ActiveSubscription | undefined {
  return active === undefined || active.waitsForUpdate || active.expiresAt <= now ? undefined : active;
}

/** Whether nothing is left to remember. */
export function isOver({ active, pending, denial }: SubscriptionState): boolean {
  return active === undefined && pending.length === 0 && denial === undefined;
}

function madeActive(request: PendingRequest, { sentAt }: VerificationAttempt): ActiveSubscription | undefined {
  if (request.mode === 'unsubscribe') return undefined;
  const { id, topicAsGiven, hub, secret, leaseSeconds } = request;
  return { id, topicAsGiven, hub, secret, leaseSeconds, expiresAt: leaseEnd(sentAt, leaseSeconds), waitsForUpdate: false };
}
