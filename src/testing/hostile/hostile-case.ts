import type { Victim } from './victim.ts';

/** Where bad input comes in. */
export type Door =
  | 'publish'
  | 'request line'
  | 'read'
  | 'websocket'
  | 'management'
  | 'credential'
  | 'configuration'
  | 'contract'
  | 'arguments';

/** What came back, in the numbers of the door it came out of. */
export interface Outcome {
  /** HTTP status; 0 where the connection was closed without an answer. */
  readonly status?: number;
  /** WebSocket close code. */
  readonly close?: number;
  /** Exit code of a command. */
  readonly exit?: number;
  /** Stable code of the problem document. */
  readonly code?: string | undefined;
  /** The sentence for whoever sent it. */
  readonly says: string;
  /** Everything that came back. */
  readonly all: string;
}

/** What must come back. */
export interface Expected {
  readonly status?: number;
  readonly close?: number;
  readonly exit?: number;
  readonly code?: string;
  readonly says: RegExp;
  /**
   * Whether the connection may be cut instead: whoever goes on sending after it was answered and closed is told so by
   * a reset, which can overtake the answer (RFC 9112, section 9.6).
   */
  readonly mayBeCut?: boolean;
}

/** One piece of bad input and the one right answer to it. It may be sent any number of times, at the same time as any other. */
export interface HostileCase {
  readonly door: Door;
  readonly name: string;
  readonly expected: Expected;
  /** Whether the answer is due only after a timeout of the server's, so that it is sent once. */
  readonly isSlow?: boolean;
  send(victim: Victim): Promise<Outcome>;
}

/** Longest answer to bad input, in characters: a refusal must not cost more than what it refuses. */
const maxAnswer = 40_000;

/** Traces of our insides that no stranger may be shown. */
const insides = /\bat [^\n]*\.[tj]s:\d|node_modules|SQLITE_|\/src\/|\[object Object\]|\bundefined\b|\bNaN\b/;

/** What is wrong with an outcome; undefined when it is as expected. `secrets` must not be in it. */
export function complaintAbout({ expected }: HostileCase, outcome: Outcome, secrets: readonly string[]): string | undefined {
  if (expected.mayBeCut === true && outcome.status === 0) return undefined;
  for (const number of ['status', 'close', 'exit'] as const) {
    if (outcome[number] !== expected[number]) return `${number} ${outcome[number]} instead of ${expected[number]}`;
  }
  if (expected.code !== undefined && outcome.code !== expected.code) return `code ${outcome.code} instead of ${expected.code}`;
  if (!expected.says.test(outcome.says))
    return `it says ${JSON.stringify(outcome.says.slice(0, 500))}, which ${expected.says} does not match`;
  if (insides.test(outcome.all)) return `it shows insides: ${insides.exec(outcome.all)?.[0]}`;
  if (outcome.all.length > maxAnswer) return `an answer of ${outcome.all.length} characters`;
  if (secrets.some((secret) => outcome.all.includes(secret))) return 'it shows a secret';
  return undefined;
}
