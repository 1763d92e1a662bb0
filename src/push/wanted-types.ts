/** Whether an endpoint that names these event types wants one; without any it wants all, and a `.*` at the end stands for every type below. */
export function wantedTypes(types: readonly string[]): (type: string) => boolean {
  if (types.length === 0) return () => true;
  const exact = new Set(types.filter((type) => !type.endsWith('.*')));
  const prefixes = types.filter((type) => type.endsWith('.*')).map((type) => type.slice(0, -1));
  return (type) => exact.has(type) || prefixes.some((prefix) => type.startsWith(prefix));
}
