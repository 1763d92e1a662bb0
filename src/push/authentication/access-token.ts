import type { Outcome } from '../../outgoing/outcome.ts';

/** What a token server gave, and for how many milliseconds. */
interface GrantedToken {
  readonly text: string;
  readonly lifetime: number;
}

/** Longest token in characters: it goes into a header of every attempt. */
const maxLength = 8 * 1024;
/** Of a token whose server does not say how long it lives. */
const defaultLifetime = 300_000;
/** A server that promises more is asked again after a day. */
const maxLifetime = 86_400_000;

/** RFC 6749, section 5.2: other words might repeat what was sent. */
const errorCodes = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
]);

/** Reads what came back from a token server (RFC 6749, sections 5.1 and 5.2); else says in a sentence that quotes nothing secret why there is no token. */
export function readAccessToken(outcome: Outcome): GrantedToken | string {
  if (outcome.kind === 'failed') return outcome.sentence;
  const { status, body, truncated } = outcome;
  const members = truncated === undefined ? jsonObject(body) : undefined;
  if (status < 200 || status > 299) {
    const code = members?.['error'];
    return `The token server answered ${status}${typeof code === 'string' && errorCodes.has(code) ? ` (${code})` : ''}.`;
  }
  if (truncated !== undefined) return 'The answer of the token server is too long, or did not arrive whole.';
  if (members === undefined) return 'The answer of the token server is not a JSON object.';
  const { access_token: text, token_type: type = 'Bearer', expires_in: seconds } = members;
  if (typeof text !== 'string' || !/^[!-~]+$/.test(text) || text.length > maxLength)
    return 'The answer of the token server holds no access token that a header can carry.';
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') return 'The token server gives tokens of another type than Bearer.';
  return { text, lifetime: lifetimeOf(seconds) };
}

/** Some servers write the number as text. */
function lifetimeOf(seconds: unknown): number {
  const given = typeof seconds === 'string' && /^\d{1,15}$/.test(seconds) ? Number(seconds) : seconds;
  if (typeof given !== 'number' || !Number.isFinite(given)) return defaultLifetime;
  return Math.min(Math.max(0, given * 1000), maxLifetime);
}

function jsonObject(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
