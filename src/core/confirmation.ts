import type { Backbone } from './backbone.ts';
import { GatewayError, toGatewayError } from './errors.ts';
import type { Position } from './position.ts';

/** Why a position cannot be confirmed by a reader that was given everything up to `given`; undefined: it can. */
export function refusalToConfirm(position: string, given: Position, backbone: Pick<Backbone, 'compare'>): GatewayError | undefined {
  try {
    if (backbone.compare(position as Position, given) <= 0) return undefined;
    return new GatewayError(
      'BAD_REQUEST',
      `The position ${position} was not delivered to this reader yet; confirm a position it was given.`,
    );
  } catch (error) {
    return toGatewayError(error);
  }
}
