import { GatewayError } from '../core/errors.ts';

/** Most patterns and characters repeated in a sentence, so that no client can make an error large. */
const NAMED_PATTERNS = 10;
const NAMED_CHARACTERS = 200;

/** FORBIDDEN for an address outside the patterns of `allow`; says nothing of whether the contract has a channel there. */
export function outOfScope(access: 'read' | 'publish', address: string, allowed: readonly string[]): GatewayError {
  const verb = access === 'read' ? 'read' : 'publish to';
  const named = allowed.slice(0, NAMED_PATTERNS).map(quoted);
  if (allowed.length > named.length) named.push(`${allowed.length - named.length} more`);
  const instead = named.length === 0 ? `it may ${verb} nothing` : `it may ${verb} ${named.join(', ')}`;
  return new GatewayError('FORBIDDEN', `This subscription may not ${verb} ${quoted(address)}; ${instead}.`, {
    details: { allowed: allowed.slice(0, NAMED_PATTERNS) },
  });
}

function quoted(address: string): string {
  return JSON.stringify(address.length > NAMED_CHARACTERS ? `${address.slice(0, NAMED_CHARACTERS)}…` : address);
}
