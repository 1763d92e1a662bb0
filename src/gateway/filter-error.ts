import { GatewayError } from '../core/errors.ts';

/** INVALID_FILTER for what is wrong at `offset` characters into the expression. */
export function invalidFilter(what: string, expression: string, offset: number, cause?: unknown): GatewayError {
  const before = expression.slice(0, offset).split('\n');
  const line = before.length;
  const column = (before.at(-1) ?? '').length + 1;
  const place = line === 1 ? `column ${column}` : `line ${line}, column ${column}`;
  return new GatewayError('INVALID_FILTER', `The filter is not valid at ${place}: ${what}.`, { details: { line, column }, cause });
}
