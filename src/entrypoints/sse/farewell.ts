import type { GatewayError } from '../../core/errors.ts';
import { encodeSseEvent, encodeSseRetry } from '../../protocols/sse/encode.ts';

/** The id a client is left with when coming back is useless: its next attempt is answered 204, so that EventSource stops. */
export const endId = 'end';

/** Longest `retry:` in milliseconds: a day, after which a client may at least ask. */
const maxRetry = 86_400_000;

/** Whether a client that comes back unchanged would only be refused again. */
export function isFinal({ advice }: GatewayError): boolean {
  return advice === 'never' || advice === 'authenticate';
}

/** The last words on a stream: the problem, and when to come back. */
export function farewell(reason: GatewayError, random: () => number): Buffer {
  const data = JSON.stringify(reason.toProblem());
  if (isFinal(reason)) return encodeSseEvent({ id: endId, event: 'sluice.error', data });
  const retry = Math.min(maxRetry, Math.ceil((reason.retryAfter ?? 1000) + random() * 1000));
  const retryLine = encodeSseRetry(retry);
  if (reason.code === 'RESTARTING') return retryLine;
  return Buffer.concat([encodeSseEvent({ event: 'sluice.error', data }), retryLine]);
}
