import { defaultFlush } from '../../core/lane.ts';
import type { Policy } from '../../core/policy.ts';

export interface FlushOptions {
  /** Milliseconds. */
  readonly maxDelay?: number | undefined;
  /** Bytes. */
  readonly maxBytes?: number | undefined;
  readonly maxEvents?: number | undefined;
}

/** How many events go out to a reader in one write, and how long the first of them may wait for the rest. */
export const flush: Policy<FlushOptions> = {
  kind: 'flush',
  schema: {
    title: 'Flush',
    description:
      'How events are gathered into writes. On a quiet channel the events of one turn of the event loop go out at once. After a write the next one waits one and a half times as long as the last one took, so a busy channel writes larger pieces less often.',
    type: 'object',
    additionalProperties: false,
    properties: {
      maxDelay: {
        type: 'integer',
        minimum: 0,
        maximum: 1_000,
        default: defaultFlush.maxDelay,
        description: `Most milliseconds an event waits for others; 0 never waits. Default: ${defaultFlush.maxDelay}.`,
      },
      maxBytes: {
        type: 'integer',
        minimum: 4_096,
        maximum: 16_777_216,
        default: defaultFlush.maxBytes,
        description: 'Most bytes in one write; a larger event goes out alone. Default: 256 KiB.',
      },
      maxEvents: {
        type: 'integer',
        minimum: 1,
        maximum: 100_000,
        default: defaultFlush.maxEvents,
        description: 'Most events in one write. Default: 1,000.',
      },
    },
  },
  prepare: ({ maxDelay = defaultFlush.maxDelay, maxBytes = defaultFlush.maxBytes, maxEvents = defaultFlush.maxEvents }) => {
    const bound = { maxDelay, maxBytes, maxEvents };
    return () => ({ flush: bound });
  },
};
