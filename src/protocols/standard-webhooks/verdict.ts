/** Why a webhook is not believed; the sentence beside it may be told to its sender. */
export type RefusalCode =
  | 'NO_SECRET'
  | 'HEADER_MISSING'
  | 'HEADER_REPEATED'
  | 'HEADER_MALFORMED'
  | 'TIMESTAMP_TOO_OLD'
  | 'TIMESTAMP_TOO_NEW'
  | 'NO_KNOWN_SIGNATURE'
  | 'SIGNATURE_MISMATCH'
  | 'ORIGIN_REFUSED'
  | 'BODY_UNSIGNED'
  | 'BODY_MALFORMED';

/** A webhook that holds: one of the secrets made its signature. */
export interface Believed {
  readonly ok: true;
  /** What replay protection goes by, the same for every attempt of one delivery: the sender's own id, else a hash of what was signed. */
  readonly id?: string | undefined;
  /** When the sender signed, in Unix seconds; undefined where the scheme signs no time. */
  readonly timestamp?: number | undefined;
  /** Which of the secrets matched, counted from 0. */
  readonly secret: number;
}

export interface Refused {
  readonly ok: false;
  readonly code: RefusalCode;
  readonly sentence: string;
}

export type Verdict = Believed | Refused;

/** What the time of a signature is measured by. */
export interface Believing {
  /** Wall time in milliseconds since 1970. */
  readonly now: number;
  /** How far a signature's time may lie from now, either way; 300 when left out, as in the senders' own libraries. */
  readonly toleranceSeconds?: number | undefined;
}

const defaultToleranceSeconds = 300;

/** A refusal, to be returned. */
export function refused(code: RefusalCode, sentence: string): Refused {
  return { ok: false, code, sentence };
}

/** Whether a step of verifying ended in a refusal instead of a value. */
export function isRefused(value: unknown): value is Refused {
  return typeof value === 'object' && value !== null && 'ok' in value && value.ok === false;
}

/** The secret that matches, by its index; empty secrets match nothing, so that a setting left blank opens no door. */
export function matchSecret<Secret>(secrets: readonly Secret[], matches: (secret: Secret) => boolean): number | Refused {
  if (secrets.length === 0) return refused('NO_SECRET', 'No secret is configured here, so that nothing can be verified.');
  const index = secrets.findIndex((secret) => secret !== '' && matches(secret));
  if (index === -1) {
    return refused('SIGNATURE_MISMATCH', 'The signature does not fit the request: a wrong secret, or bytes that changed on the way.');
  }
  return index;
}

/** Reads a time in Unix seconds (or milliseconds), written as an integer without sign, and refuses what lies too far from now. */
export function readTimestamp(text: string, { now, toleranceSeconds }: Believing, unit: 's' | 'ms' = 's'): number | Refused {
  if (!/^(?:0|[1-9]\d{0,14})$/.test(text)) return refused('HEADER_MALFORMED', 'The timestamp must be an integer of Unix time.');
  const seconds = unit === 's' ? Number(text) : Math.floor(Number(text) / 1000);
  const tolerance = toleranceSeconds ?? defaultToleranceSeconds;
  const age = Math.floor(now / 1000) - seconds;
  if (age > tolerance) return refused('TIMESTAMP_TOO_OLD', `The request was signed ${age} s ago; at most ${tolerance} s are allowed.`);
  if (age < -tolerance) {
    return refused(
      'TIMESTAMP_TOO_NEW',
      `The request is signed for ${-age} s from now; at most ${tolerance} s are allowed. Are both clocks right?`,
    );
  }
  return seconds;
}
