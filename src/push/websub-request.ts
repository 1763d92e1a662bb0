import type { OutgoingRequest } from '../outgoing/http-sender.ts';
import { signStandardWebhook } from '../protocols/standard-webhooks/sign.ts';
import { distributionHeaders } from '../protocols/websub/distribution.ts';
import type { SignatureMethod } from '../protocols/websub/signature.ts';
import type { PushTarget } from './push-target.ts';

/** What a WebSub subscriber is told with each delivery. */
export interface WebSubTerms {
  /** The hub's URL as the subscriber discovered it. */
  readonly hub: string;
  /** The topic's canonical URL. */
  readonly self: string;
  readonly method: SignatureMethod;
  /** Opened; undefined: deliveries are not signed as WebSub says. */
  readonly secret: string | undefined;
}

interface Content {
  /** `webhook-id`. */
  readonly id: string;
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
}

/** The request of one attempt to distribute a topic's content (WebSub, section 7); signed as a webhook besides where the endpoint has secrets for that. */
export function websubRequest(target: PushTarget, terms: WebSubTerms, { id, contentType, body }: Content, at: number): OutgoingRequest {
  const { hub, self, method, secret } = terms;
  const secrets = target.secrets(at);
  const webhook = secrets.length === 0 ? {} : signStandardWebhook({ id, timestamp: Math.floor(at / 1000), body, secrets });
  return {
    url: target.url,
    method: 'POST',
    headers: Object.entries({ ...distributionHeaders({ hubs: [hub], self, contentType, body, secret, method }), ...webhook }),
    body,
    limits: { totalMs: target.timeout, answerMs: target.timeout },
  };
}
