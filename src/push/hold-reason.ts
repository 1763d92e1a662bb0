/** Why deliveries are held back instead of sent, with a sentence for the endpoint's owner. They stay, and stay replayable, until retention takes them. */
export const holdReasons = {
  GONE: 'The receiver answered 410 Gone. Deliveries are held; start the endpoint again if that was a mistake.',
  STOPPED_BY_RECEIVER:
    'The receiver asked to be disabled with "webhook-delivery: disable". Deliveries are held until the endpoint is started again.',
  STOPPED_AFTER_FAILURES:
    'No delivery has succeeded for a long time, so the endpoint was stopped. Deliveries are held until it is started again.',
  STOPPED_BY_OPERATOR: 'The endpoint was stopped by hand. Deliveries are held until it is started again.',
  UNVERIFIED:
    'The receiver has not confirmed yet that it wants these deliveries. They are held until it does; it is asked again from time to time.',
  PAUSED_BY_RECEIVER: 'The receiver asked for a pause with Retry-After or answered 429. Deliveries go on by themselves afterwards.',
  PAUSED_BY_OPERATOR: 'The endpoint is paused. Deliveries are held until it goes on.',
  BREAKER_OPEN: 'Too many deliveries in a row failed. One is tried from time to time, and the others follow when it succeeds.',
} as const satisfies Readonly<Record<StopReason | PauseReason | 'BREAKER_OPEN' | 'UNVERIFIED', string>>;

/** Why an endpoint is stopped: only starting it again ends that. */
export type StopReason = 'GONE' | 'STOPPED_BY_RECEIVER' | 'STOPPED_AFTER_FAILURES' | 'STOPPED_BY_OPERATOR';

export type PauseReason = 'PAUSED_BY_RECEIVER' | 'PAUSED_BY_OPERATOR';
