import type { FlushSpec } from '../../store/resources.ts';
import { duration, size } from './quantities.ts';
import { integer } from './scalars.ts';
import type { Shape } from './shape.ts';
import { object, optional } from './shape.ts';

/** Bounds of the policy itself: a smaller write costs more than it saves, a larger one holds up all other readers. */
const maxDelay = 1_000;
const minBytes = 4_096;
const maxBytes = 16_777_216;

const delay: Shape<number> = {
  decode(value, place) {
    const milliseconds = duration.decode(value, place);
    if (milliseconds === undefined || milliseconds <= maxDelay) return milliseconds;
    return place.report(`must be at most 1s, not ${place.quote(value)}`);
  },
  schema: (form) => ({ ...duration.schema(form), ...(form === 'body' ? { minimum: 0, maximum: maxDelay } : {}), examples: ['5ms'] }),
};

const bytes: Shape<number> = {
  decode(value, place) {
    const number = size.decode(value, place);
    if (number === undefined || (number >= minBytes && number <= maxBytes)) return number;
    return place.report(`must be between 4KiB and 16MiB, not ${place.quote(value)}`);
  },
  schema: (form) => ({ ...size.schema(form), minimum: minBytes, maximum: maxBytes, examples: ['256KiB'] }),
};

/** How a plan's events are gathered into writes. */
export const flush: Shape<FlushSpec> = object({
  maxDelay: optional(delay, 'Most time an event waits for others to share its write, up to 1s; 0ms never waits. Default: 25ms.'),
  maxBytes: optional(bytes, 'Most bytes in one write, 4KiB to 16MiB; a larger event goes out alone. Default: 256KiB.'),
  maxEvents: optional(integer({ min: 1, max: 100_000 }), 'Most events in one write. Default: 1000.'),
});
