import { GatewayError } from '../core/errors.ts';
import type { Lifecycle, PlanState, SubscriptionState } from '../store/resources.ts';

type Transitions<S extends string> = Readonly<Record<S, readonly S[]>>;

/** Which state an API may go to from which. */
export const apiTransitions: Transitions<Lifecycle> = {
  created: ['pre-released', 'published'],
  'pre-released': ['created', 'published'],
  published: ['created', 'pre-released', 'blocked', 'deprecated'],
  blocked: ['published', 'deprecated'],
  deprecated: ['published', 'retired'],
  retired: [],
};

export const planTransitions: Transitions<PlanState> = {
  staging: ['published', 'closed'],
  published: ['deprecated', 'closed'],
  deprecated: ['published', 'closed'],
  closed: [],
};

export const subscriptionTransitions: Transitions<SubscriptionState> = {
  pending: ['accepted', 'rejected', 'closed'],
  accepted: ['paused', 'closed'],
  rejected: [],
  paused: ['accepted', 'closed'],
  closed: [],
};

/** What the operations on a subscription lead from and to. */
export const subscriptionActions = {
  accept: { from: ['pending'], to: 'accepted' },
  reject: { from: ['pending'], to: 'rejected' },
  pause: { from: ['accepted'], to: 'paused' },
  resume: { from: ['paused'], to: 'accepted' },
  close: { from: ['pending', 'accepted', 'paused'], to: 'closed' },
} as const satisfies Record<string, { readonly from: readonly SubscriptionState[]; readonly to: SubscriptionState }>;

export type SubscriptionAction = keyof typeof subscriptionActions;

/** Subscriptions in these states exist: an application has at most one of them per API and side. */
export function isOpen(state: SubscriptionState): boolean {
  return state !== 'closed' && state !== 'rejected';
}

/** Throws CONFLICT with the allowed states when there is no step from one to the other. */
export function checkTransition<S extends string>(transitions: Transitions<S>, what: string, from: S, to: S): void {
  const allowed = transitions[from];
  if (allowed.includes(to)) return;
  const way = allowed.length === 0 ? 'it stays that way' : `from there it can become ${allowed.join(', ')}`;
  throw new GatewayError('CONFLICT', `${what} is ${from} and cannot become ${to}; ${way}.`, { details: { state: from, allowed } });
}

/** Whether one state leads to another by any number of steps: what a configuration, which knows only the goal, may ask for. */
export function isReachable<S extends string>(transitions: Transitions<S>, from: S, to: S): boolean {
  const reached = new Set<S>([from]);
  for (const state of reached) for (const next of transitions[state]) reached.add(next);
  return reached.has(to);
}
