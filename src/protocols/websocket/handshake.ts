import { hash } from 'node:crypto';

/** RFC 6455, section 1.3. */
const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const keyForm = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Whether a Sec-WebSocket-Key is the base64 of 16 bytes (section 4.2.1, item 5). */
export function isHandshakeKey(key: string | undefined): key is string {
  return key !== undefined && keyForm.test(key);
}

/** The Sec-WebSocket-Accept that answers a key (section 4.2.2, item 5.4). */
export function acceptKey(key: string): string {
  return hash('sha1', key + acceptSuffix, 'base64');
}

/** The subprotocols a client offers, in its order of preference (section 4.1, item 10); undefined when the header is malformed. */
export function parseSubprotocols(header: string | undefined): readonly string[] | undefined {
  if (header === undefined) return [];
  const offered = header.split(',').map((name) => name.replace(/^[ \t]+|[ \t]+$/g, ''));
  if (!offered.every((name) => token.test(name)) || new Set(offered).size !== offered.length) return undefined;
  return offered;
}

/** The first subprotocol offered that is spoken here. */
export function chooseSubprotocol<Name extends string>(offered: readonly string[], spoken: readonly Name[]): Name | undefined {
  for (const name of offered) {
    const match = spoken.find((candidate) => candidate === name);
    if (match !== undefined) return match;
  }
  return undefined;
}
