/**
 * Addresses of channels: segments separated by `/`. A pattern may have `*` for exactly one segment;
 * as a whole pattern, `*` alone stands for every address.
 */

/** Whether an address lies under a pattern; for an inner pattern, whether every address under it does, as a permission check asks. */
export function matchesAddress(pattern: string, address: string): boolean {
  if (pattern === address || pattern === '*') return true;
  if (!pattern.includes('*')) return false;
  const wanted = pattern.split('/');
  const given = address.split('/');
  return wanted.length === given.length && wanted.every((segment, index) => segment === '*' || segment === given[index]);
}

export function isPattern(address: string): boolean {
  return address === '*' || address.split('/').includes('*');
}
