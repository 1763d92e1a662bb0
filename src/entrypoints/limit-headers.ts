import type { LimitStatus } from '../core/policy.ts';
import { rateLimit, rateLimitPolicy } from '../protocols/http/rate-limit.ts';

/** `RateLimit` and `RateLimit-Policy` for the limits as they stand; none for a plan without limits. */
export function limitHeaders(limits: readonly LimitStatus[]): Record<string, string> {
  if (limits.length === 0) return {};
  const policy = rateLimitPolicy(limits);
  const state = rateLimit(limits);
  return { ...(policy === undefined ? {} : { 'ratelimit-policy': policy }), ...(state === undefined ? {} : { ratelimit: state }) };
}
