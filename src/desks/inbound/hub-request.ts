import { readRequestOutcome, subscriptionBody, type SubscriptionWish } from '../../protocols/websub/subscriber.ts';
import { one, type Send } from './topic-discovery.ts';

const maxMoves = 5;
/** Of what a hub says when it refuses. */
const maxReasonChars = 200;

/** Asks a hub for a subscription, or for its end (WebSub, section 5.1), where it is now; a sentence when it refuses. */
export async function askHub(send: Send, hub: string, wish: SubscriptionWish, signal: AbortSignal): Promise<string | undefined> {
  const body = Buffer.from(subscriptionBody(wish));
  let at = hub;
  for (let move = 0; move <= maxMoves; move++) {
    const outcome = await send({
      url: at,
      method: 'POST',
      headers: [['content-type', 'application/x-www-form-urlencoded']],
      body,
      signal,
    });
    if (outcome.kind === 'failed') return `The hub could not be asked: ${outcome.sentence}`;
    const meant = readRequestOutcome(outcome.status, one(outcome.headers, 'location'), at);
    if (meant.kind === 'accepted') return undefined;
    if (meant.kind === 'refused') return `The hub answered ${meant.status}${reasonIn(outcome.body)}`;
    at = meant.hub;
  }
  return `The hub was moved more than ${maxMoves} times.`;
}

function reasonIn(body: Buffer): string {
  const text = body
    .toString('utf8')
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, maxReasonChars);
  return text === '' ? '.' : `: ${text}`;
}
