import type { AcceptedRequest } from '../../protocols/websub/subscription-state.ts';

/** A subscriber's request that was accepted, with what it takes to carry it out; its secret is sealed. */
export interface Wish {
  readonly request: AcceptedRequest;
  /** Id of the push subscription under which it is carried out. */
  readonly subscription: string;
  readonly address: string;
  /** The topic's canonical URL. */
  readonly self: string;
  readonly callback: string;
}

/** Names the WebSub subscription that a wish, or an endpoint, is about: whose it is, topic and callback. */
export function subjectOf({ subscription, self, callback }: Pick<Wish, 'subscription' | 'self' | 'callback'>): string {
  return JSON.stringify([subscription, self, callback]);
}
