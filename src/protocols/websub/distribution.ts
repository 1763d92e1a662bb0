import { writeHubLinks } from './links.ts';
import { signBody, type SignatureMethod } from './signature.ts';

/** One POST of a topic's content to a callback. */
export interface Distribution {
  /** As the subscriber discovered them; it may compare them as strings. */
  readonly hubs: readonly string[];
  /** The topic's canonical URL. */
  readonly self: string;
  /** The topic's own, to the letter; undefined when it has none. */
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
  readonly secret: string | undefined;
  /** For subscriptions with a secret. */
  readonly method: SignatureMethod;
}

/** The headers of a content distribution request (WebSub, sections 7 and 7.1); a signature only where there is a secret. */
export function distributionHeaders({ hubs, self, contentType, body, secret, method }: Distribution): Readonly<Record<string, string>> {
  return {
    'Content-Type': contentType ?? 'application/octet-stream',
    Link: writeHubLinks(hubs, self),
    ...(secret === undefined ? {} : { 'X-Hub-Signature': signBody(method, secret, body) }),
  };
}

/** What a callback's status says: 2xx is success, 410 the end of the subscription, all else failure, redirects too (WebSub, section 7). */
export function readDistributionStatus(status: number): 'delivered' | 'gone' | 'failed' {
  if (status >= 200 && status <= 299) return 'delivered';
  return status === 410 ? 'gone' : 'failed';
}
