import type { OutboxBound, Overflow, Policy } from '../../core/policy.ts';

const DEFAULT_BYTES = 1_048_576;

export interface BackpressureOptions {
  /** Bytes. */
  readonly maxBuffered?: number | undefined;
  readonly maxEvents?: number | undefined;
  readonly overflow?: Overflow | undefined;
}

/** How much may wait for a slow reader's socket, and what becomes of the reader past that. */
export const backpressure: Policy<BackpressureOptions> = {
  kind: 'backpressure',
  schema: {
    title: 'Backpressure',
    description: 'How much may wait for a reader that reads slowly, and what happens past it. Without options: 1 MiB, then `pause`.',
    type: 'object',
    additionalProperties: false,
    properties: {
      maxBuffered: {
        type: 'integer',
        minimum: 1_024,
        maximum: 1_073_741_824,
        description: 'Bytes that may wait. Default: 1 MiB, unless `maxEvents` is given.',
      },
      maxEvents: { type: 'integer', minimum: 1, maximum: 1_000_000, description: 'Events that may wait. Default: no bound by number.' },
      overflow: {
        enum: ['pause', 'drop-oldest', 'conflate', 'disconnect'],
        default: 'pause',
        description:
          '`pause`: the cursor waits and the reader catches up from the log. `drop-oldest`: the oldest waiting events are given up and the gap is told. `conflate`: of waiting events with the same address and subject (without a subject: type) only the latest is kept, and the gap is told. `disconnect`: the connection ends with `TOO_SLOW`.',
      },
    },
  },
  prepare: (options) => {
    const outbox = boundOf(options);
    return () => ({ outbox });
  },
};

function boundOf({ maxBuffered, maxEvents, overflow = 'pause' }: BackpressureOptions): OutboxBound {
  return { maxBytes: maxBuffered ?? (maxEvents === undefined ? DEFAULT_BYTES : undefined), maxEvents, overflow };
}
