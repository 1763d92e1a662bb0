/** How long subscriptions of a hub last, in whole seconds; none lasts for ever (WebSub, section 5.3.1). */
export interface LeasePolicy {
  /** For who asks for none. */
  readonly defaultSeconds: number;
  readonly minSeconds: number;
  readonly maxSeconds: number;
}

const day = 86_400;
/** Ten years in seconds: a longer lease would be as good as perpetual. */
export const endlessSeconds = 3_650 * day;

/**
 * Ten days for who asks for none, which section 8.1 of WebSub suggests, and at most thirty. The shortest lease is a second: it costs
 * only who asks for it, since renewing is up to the subscriber.
 */
export const standardLeases: LeasePolicy = { defaultSeconds: 10 * day, minSeconds: 1, maxSeconds: 30 * day };

/** The standard policy with other numbers where given, the default within the others; a RangeError with a sentence where they cannot hold. */
export function leasePolicy(given: Partial<LeasePolicy>): LeasePolicy {
  const { minSeconds = standardLeases.minSeconds, maxSeconds = standardLeases.maxSeconds } = given;
  const { defaultSeconds = Math.min(maxSeconds, Math.max(minSeconds, standardLeases.defaultSeconds)) } = given;
  const policy = { defaultSeconds, minSeconds, maxSeconds };
  for (const [name, seconds] of Object.entries(policy)) {
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > endlessSeconds) {
      throw new RangeError(`${name} of a lease must be a whole number from 1 to ${endlessSeconds}.`);
    }
  }
  if (defaultSeconds < minSeconds || defaultSeconds > maxSeconds) {
    throw new RangeError(
      `The default lease of ${defaultSeconds} s is not between the shortest, ${minSeconds} s, and the longest, ${maxSeconds} s.`,
    );
  }
  return policy;
}

/** The lease a subscriber gets, in seconds: what it asked for as far as the policy allows. */
export function grantLease(requestedSeconds: number | undefined, policy: LeasePolicy): number {
  if (requestedSeconds === undefined) return policy.defaultSeconds;
  return Math.min(policy.maxSeconds, Math.max(policy.minSeconds, requestedSeconds));
}

/** When a lease ends, in milliseconds of the clock that said when the verification request was sent: it counts from there (section 5.3). */
export function leaseEnd(verificationSentAt: number, leaseSeconds: number): number {
  return verificationSentAt + leaseSeconds * 1000;
}
