import type { DeskRequest } from '../core/desk.ts';
import { GatewayError } from '../core/errors.ts';

/** Throws unless a request has one of the methods; with `rest`, unless nothing stands behind the desk's name as well. */
export function requireMethod({ method }: DeskRequest, allowed: readonly string[], rest: readonly string[] = []): void {
  if (rest.length > 0) throw new GatewayError('NOT_FOUND', 'There is nothing at this path.');
  if (!allowed.includes(method))
    throw new GatewayError('METHOD_NOT_ALLOWED', `This path takes ${allowed.join(', ')}; ${method} means nothing here.`);
}
