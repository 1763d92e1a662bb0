import { OutgoingFailure } from './outgoing-failure.ts';

/** What belongs to the connection and is written by whoever owns it. */
const ownHeaders = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'keep-alive',
  'upgrade',
  'expect',
  'te',
  'trailer',
  'proxy-connection',
  'proxy-authorization',
];
/** Bytes of all names and values: many servers refuse more. */
const maxHeaderBytes = 16 * 1024;

/**
 * Header fields as they go over the wire, names and values in turn; the case of names is kept, which some receivers depend on.
 * Compressed answers are not asked for, so that none can be blown up here. Throws an OutgoingFailure (`blocked`) naming the field at fault.
 */
export function wireHeaders(headers: readonly (readonly [name: string, value: string])[]): readonly string[] {
  const wire: string[] = [];
  let bytes = 0;
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower)) throw new OutgoingFailure('blocked', 'A header has a name that HTTP does not allow.');
    if (ownHeaders.includes(lower)) throw new OutgoingFailure('blocked', `The header ${name} belongs to the connection and cannot be set.`);
    if (/[^\t\u0020-\u007e\u0080-\u00ff]/.test(value))
      throw new OutgoingFailure('blocked', `The header ${name} holds a character that HTTP does not allow.`);
    bytes += name.length + value.length;
    if (bytes > maxHeaderBytes) throw new OutgoingFailure('blocked', `The headers have more than ${maxHeaderBytes / 1024} KiB.`);
    if (lower !== 'accept-encoding') wire.push(name, value);
  }
  wire.push('accept-encoding', 'identity');
  return wire;
}
