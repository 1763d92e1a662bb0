import { GatewayError } from '../core/errors.ts';

/** Longest decoded address in bytes: what a channel name may cost in every index that holds it. */
const maxAddressBytes = 512;

/** Segments of a URL path as they stand, without the leading and one trailing slash. */
export function pathSegments(path: string): readonly string[] {
  const trimmed = path.endsWith('/') ? path.slice(1, -1) : path.slice(1);
  return trimmed === '' ? [] : trimmed.split('/');
}

/**
 * The address that percent-encoded segments name. Refuses what could mean two things: empty and dot segments,
 * an encoded slash, control characters, broken encoding.
 */
export function decodeAddress(segments: readonly string[]): string {
  const address = segments.map(decodeSegment).join('/');
  if (Buffer.byteLength(address) > maxAddressBytes) {
    throw new GatewayError('URI_TOO_LONG', `The channel address has more than ${maxAddressBytes} bytes.`);
  }
  return address;
}

function decodeSegment(segment: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    throw new GatewayError('BAD_REQUEST', 'The path has a broken percent-encoding; encode it as UTF-8.');
  }
  if (decoded === '' || decoded === '.' || decoded === '..') {
    throw new GatewayError('BAD_REQUEST', 'The path has an empty or dot segment; name each segment of the channel address.');
  }
  if (/[/\p{Cc}\p{Cs}]/u.test(decoded)) {
    throw new GatewayError('BAD_REQUEST', 'A segment of the path holds a slash or a control character, which no channel address may have.');
  }
  return decoded;
}
