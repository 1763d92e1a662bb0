import { isIP } from 'node:net';

/** All addresses that agree with `bytes` (4 or 16, network order) in their first `prefix` bits. */
export interface AddressRange {
  readonly bytes: Uint8Array;
  readonly prefix: number;
}

/** The bytes of an address in network order, 4 or 16; undefined for anything else. A zone (`%eth0`) is left out. */
export function addressBytes(text: string): Uint8Array | undefined {
  const family = isIP(text);
  if (family === 0) return undefined;
  return family === 4 ? Uint8Array.from(text.split('.'), Number) : bytesOfV6(text.split('%', 1)[0] ?? '');
}

/** Reads `10.0.0.0/8`, `fd00::/8` or a single address; undefined for anything else. */
export function parseRange(text: string): AddressRange | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const bytes = address.includes('%') ? undefined : addressBytes(address);
  if (bytes === undefined || rest.length > 0) return undefined;
  const bits = bytes.length * 8;
  if (length === undefined) return { bytes, prefix: bits };
  return /^\d{1,3}$/.test(length) && Number(length) <= bits ? { bytes, prefix: Number(length) } : undefined;
}

export function isInRange(address: Uint8Array, { bytes, prefix }: AddressRange): boolean {
  if (address.length !== bytes.length) return false;
  const whole = prefix >> 3;
  for (let at = 0; at < whole; at++) if (address[at] !== bytes[at]) return false;
  const shift = 8 - (prefix & 7);
  return shift === 8 || (address[whole] ?? 0) >> shift === (bytes[whole] ?? 0) >> shift;
}

function bytesOfV6(text: string): Uint8Array {
  const tail = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const groups = tail === null ? text : text.slice(0, tail.index) + hexGroups(tail.slice(1).map(Number));
  const [front = '', back] = groups.split('::');
  const head = numbers(front);
  const end = back === undefined ? [] : numbers(back);
  const bytes = new Uint8Array(16);
  head.forEach((group, index) => writeGroup(bytes, index, group));
  end.forEach((group, index) => writeGroup(bytes, 8 - end.length + index, group));
  return bytes;
}

/** The dotted end of an address (`::ffff:127.0.0.1`) as two groups of hexadecimal digits. */
function hexGroups([a = 0, b = 0, c = 0, d = 0]: readonly number[]): string {
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function numbers(groups: string): readonly number[] {
  return groups === '' ? [] : groups.split(':').map((group) => Number.parseInt(group, 16));
}

function writeGroup(bytes: Uint8Array, index: number, group: number): void {
  bytes[index * 2] = group >> 8;
  bytes[index * 2 + 1] = group & 0xff;
}
