/** A limit as a client may be told of it. */
export interface LimitState {
  /** What is limited, such as `eventCount`. */
  readonly limit: string;
  /** What is counted, such as `deliver`. */
  readonly counts: string;
  readonly quota: number;
  readonly remaining: number;
  /** Seconds of the window; undefined when there is none. */
  readonly window: number | undefined;
  /** Milliseconds until the window starts anew. */
  readonly resetsIn: number | undefined;
}

/** Largest integer of a structured field (RFC 9651, section 3.3.1). */
const maxInteger = 999_999_999_999_999;

/**
 * Value of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10): what was agreed, `"eventCount-deliver";q=100;w=60`.
 * Undefined when no limit has a finite quota: then the header is left out.
 */
export function rateLimitPolicy(limits: readonly LimitState[]): string | undefined {
  return list(limits, ({ quota, window }) => `;q=${integer(quota)}${window === undefined ? '' : `;w=${integer(window)}`}`);
}

/** Value of `RateLimit`: what is left and in how many seconds the quota comes back, `"eventCount-deliver";r=5;t=30`; undefined likewise. */
export function rateLimit(limits: readonly LimitState[]): string | undefined {
  return list(
    limits,
    ({ remaining, resetsIn }) => `;r=${integer(remaining)}${resetsIn === undefined ? '' : `;t=${integer(Math.ceil(resetsIn / 1000))}`}`,
  );
}

function list(limits: readonly LimitState[], parameters: (limit: LimitState) => string): string | undefined {
  const finite = limits.filter((limit) => Number.isFinite(limit.quota));
  if (finite.length === 0) return undefined;
  return finite.map((limit) => `${quoted(`${limit.limit}-${limit.counts}`)}${parameters(limit)}`).join(', ');
}

function integer(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(maxInteger, Math.max(0, Math.floor(value)));
}

/** A String of RFC 9651, section 3.3.3; characters it cannot hold become `?`. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
