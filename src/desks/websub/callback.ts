import type { OutgoingRequest } from '../../outgoing/http-sender.ts';
import type { Outcome } from '../../outgoing/outcome.ts';
import type { ChallengeAnswer } from '../../protocols/websub/verification.ts';

/** What became of a question to a callback: an answer, whatever it says; none, so that it can be asked again; or one that must not be asked. */
export type CallbackAnswer = ChallengeAnswer | 'unreachable' | 'forbidden';

/** Milliseconds for one question. */
const totalMs = 10_000;
/** Room for a challenge; a longer answer is none. */
const maxBodyBytes = 1_024;

/** The host whose rate and bounds a callback counts for, whatever the port. */
export function hostOf(callback: string): string {
  return new URL(callback).hostname;
}

/** GETs a callback's URL through the guarded door: addresses are judged, redirects not followed, and everything has a bound. */
export async function askCallback(
  url: string,
  { send, signal }: { readonly send: (request: OutgoingRequest) => Promise<Outcome>; readonly signal: AbortSignal },
): Promise<CallbackAnswer> {
  const outcome = await send({ url, method: 'GET', headers: [['accept', '*/*']], limits: { totalMs, maxBodyBytes }, signal });
  if (outcome.kind === 'failed') return outcome.class === 'blocked' ? 'forbidden' : 'unreachable';
  const { status, body, truncated } = outcome;
  // What broke off may have gone on after the challenge.
  return truncated === undefined ? { status, body } : { status, body: Buffer.concat([body, Buffer.from('…')]) };
}
