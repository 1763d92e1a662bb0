import type { OutgoingRequest } from '../../outgoing/http-sender.ts';
import type { Outcome } from '../../outgoing/outcome.ts';

/** What came of asking: the receiver wants deliveries, perhaps so many a minute at most, or a sentence that says why that is not known. */
export type Verdict =
  | { readonly isVerified: true; readonly perMinute: number | undefined }
  | { readonly isVerified: false; readonly sentence: string };

/** One question to a receiver, and how its answer is read. */
export interface VerificationCheck {
  readonly request: OutgoingRequest;
  readonly judge: (outcome: Outcome) => Verdict;
}

export function unverified(sentence: string): Verdict {
  return { isVerified: false, sentence };
}
