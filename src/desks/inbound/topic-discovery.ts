import type { OutgoingRequest } from '../../outgoing/http-sender.ts';
import type { AnswerHeaders } from '../../outgoing/exchange.ts';
import type { Outcome } from '../../outgoing/outcome.ts';
import { discover, discoveryBytes } from '../../protocols/websub/discovery.ts';

export type Send = (request: OutgoingRequest) => Promise<Outcome>;

/** A topic as its publisher names it. */
export interface FoundTopic {
  /** The canonical URL: what is subscribed to. */
  readonly topic: string;
  /** At least one, in the order given. */
  readonly hubs: readonly string[];
}

const maxRedirects = 5;
const redirects = new Set([301, 302, 303, 307, 308]);

/** Asks a topic for its hubs (WebSub, section 4), following redirects by guarded requests; a sentence when there is no way to subscribe. */
export async function discoverTopic(send: Send, url: string, signal: AbortSignal): Promise<FoundTopic | string> {
  let at = url;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const outcome = await send({
      url: at,
      method: 'GET',
      headers: [['accept', '*/*']],
      limits: { maxBodyBytes: discoveryBytes },
      signal,
    });
    if (outcome.kind === 'failed') return `The topic could not be read: ${outcome.sentence}`;
    const { status, headers, body } = outcome;
    if (redirects.has(status)) {
      const location = one(headers, 'location');
      const next = location === undefined ? undefined : URL.parse(location, at)?.href;
      if (next === undefined) return `The topic answered ${status} without saying where it is.`;
      at = next;
      continue;
    }
    if (status < 200 || status > 299) return `The topic answered ${status}.`;
    const { hubs, self } = discover({ url: at, link: headers['link'], contentType: one(headers, 'content-type'), body });
    return hubs.length === 0 ? 'The topic names no hub.' : { topic: self ?? at, hubs };
  }
  return `The topic was moved more than ${maxRedirects} times.`;
}

/** The only value of a header, or the first. */
export function one(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : value?.[0];
}
