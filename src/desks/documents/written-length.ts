/** Whether JSON of a value has more characters than `most`: what is shared counts wherever it stands, and an escaped character as one. */
export function isLonger(value: unknown, most: number): boolean {
  return leftOf(most, value) < 0;
}

/** Looks no further once nothing is left. */
function leftOf(most: number, value: unknown): number {
  if (typeof value === 'string') return most - value.length - 2;
  if (typeof value !== 'object' || value === null) return most - String(value).length;
  let left = most - 2;
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    left = leftOf(left - 1 - (Array.isArray(value) ? 0 : key.length + 3), member);
    if (left < 0) return left;
  }
  return left;
}
