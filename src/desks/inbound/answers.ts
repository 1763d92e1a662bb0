import type { DeskAnswer } from '../../core/desk.ts';
import type { ChallengeAnswer } from '../../protocols/provider-webhooks/provider-webhook.ts';

/** Seconds after which a provider may try again where a source, or its subscription, is paused. */
const pausedRetryAfter = '300';

/** What a provider wants to hear once its events are durable; some show the answer to people. */
export function takenAnswer(preset: string, accepted: number): DeskAnswer {
  switch (preset) {
    case 'adyen':
      return { status: 200, headers: { 'content-type': 'text/plain' }, body: '[accepted]' };
    // An empty TwiML document: nothing is to be said or sent.
    case 'twilio':
      return { status: 200, headers: { 'content-type': 'text/xml' }, body: '<Response/>' };
    // Whatever is answered to a command or an interaction is shown in the channel.
    case 'slack':
      return { status: 200, headers: {}, body: '' };
    case 'cloudevents':
    case 'websub':
    case 'websub-sha1':
      return { status: 204, headers: {}, body: '' };
    default:
      return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ accepted }) };
  }
}

export function challengeAnswer({ status, headers, body }: ChallengeAnswer): DeskAnswer {
  return { status, headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])), body };
}

/** Providers try again later after a 503, and go on when the source does. */
export function pausedAnswer(): DeskAnswer {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'retry-after': pausedRetryAfter, 'cache-control': 'no-store' };
  return { status: 503, headers, body: 'Nothing is taken here for now; try again later.\n' };
}
