import type { Answer } from './exchange.ts';
import type { FailureClass, OutgoingFailure } from './outgoing-failure.ts';
import type { Phase, Timings } from './phases.ts';

interface Facts {
  readonly timings: Timings;
  /** The address at the other end; undefined when no connection was made. Never one the guard refused. */
  readonly remoteAddress: string | undefined;
  /** The connection had carried a request before. */
  readonly reused: boolean;
  /** The request was sent twice, because the first connection turned out dead. */
  readonly resent: boolean;
}

/** There is a status line, so that the other side has decided. */
interface Answered extends Answer, Facts {
  readonly kind: 'answered';
}

/** There is none. In the phases `answer` and `body` the request may have arrived all the same. */
interface Failed extends Facts {
  readonly kind: 'failed';
  readonly class: FailureClass;
  /** How far it had come. */
  readonly phase: Phase;
  /** For whoever gave the URL; names no address that is not in it. */
  readonly sentence: string;
  /** For operators: the rule that refused it. */
  readonly reason: OutgoingFailure['reason'];
  /** For the operator's log: what the system threw. */
  readonly cause: unknown;
}

/** What became of a request. */
export type Outcome = Answered | Failed;
