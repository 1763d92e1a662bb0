import type { GatewayError } from '../../core/errors.ts';

/** The reason of a close frame: the code, when to come back, and the sentence, of which the frame takes what fits. */
export function goodbye({ code, message, retryAfter }: GatewayError): string {
  const retry = retryAfter === undefined ? '' : ` retry-after=${Math.ceil(retryAfter / 1000)}`;
  return `${code}${retry}: ${message}`;
}
