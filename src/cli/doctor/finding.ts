/** What a check found, in one sentence, and what to do about it. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly sentence: string;
  readonly remedy?: string;
}

export function ok(check: string, sentence: string): Finding {
  return { check, state: 'ok', sentence };
}

export function warn(check: string, sentence: string, remedy: string): Finding {
  return { check, state: 'warn', sentence, remedy };
}

export function fail(check: string, sentence: string, remedy: string): Finding {
  return { check, state: 'fail', sentence, remedy };
}
