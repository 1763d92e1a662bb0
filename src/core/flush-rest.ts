/** So many times as long as a flush took nothing is written after it: enough for what clients send in answer to become part of the next. */
const share = 1.5;

/** Milliseconds until the next flush may begin, at most the plan's `maxDelay` after the last one, which took `took` and ended `since` milliseconds ago. */
export function restAfter(took: number, since: number, maxDelay: number): number {
  return Math.min(share * took, maxDelay) - since;
}
