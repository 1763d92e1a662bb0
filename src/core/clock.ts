/** Where time comes from; tests bring their own. */
export interface Clock {
  /** Wall time in milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

export const systemClock: Clock = { now: Date.now };
