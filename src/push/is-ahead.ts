import type { Backbone } from '../core/backbone.ts';
import { GatewayError } from '../core/errors.ts';
import type { Position } from '../core/position.ts';

/** Whether a place that was kept still lies before a reader. One that is damaged, or of a log that is no more, does not: nobody reads on to it. */
export function isAhead(backbone: Pick<Backbone, 'compare'>, kept: Position, cursor: Position): boolean {
  try {
    return backbone.compare(kept, cursor) > 0;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'BAD_REQUEST') return false;
    throw error;
  }
}
