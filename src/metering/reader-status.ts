/** A reader as people see it. */
export interface ReaderStatus {
  readonly id: string;
  /** Null for a reader that is only a connection with its resumptions. */
  readonly name: string | null;
  readonly subscription: string;
  readonly application: string;
  readonly api: string;
  readonly plan: string | null;
  readonly protocol: string;
  readonly address: string;
  readonly state: 'live' | 'catching-up' | 'paused' | 'closed';
  readonly cursor: string;
  /** Events and age in milliseconds of the oldest one behind the head; null when the position is lost. */
  readonly lag: { readonly events: number; readonly age: number } | null;
  readonly delivered: number;
  readonly bytes: number;
  readonly redelivered: number;
  readonly dropped: number;
  readonly createdAt: number;
  readonly lastDeliveredAt: number | null;
}
