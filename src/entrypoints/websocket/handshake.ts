import { GatewayError } from '../../core/errors.ts';
import { isAllowedOrigin } from '../../listeners/cors.ts';
import type { HttpRequest } from '../../listeners/http-request.ts';
import { acceptKey, chooseSubprotocol, isHandshakeKey, parseSubprotocols } from '../../protocols/websocket/handshake.ts';
import { acceptDeflate } from '../../protocols/websocket/permessage-deflate.ts';
import { WebSocketProtocolError } from '../../protocols/websocket/protocol-error.ts';
import { sluiceV1 } from '../../protocols/websocket/sluice-v1.ts';
import { cloudEventsDialect, sluiceDialect, type Dialect } from './dialect.ts';

const spoken = ['cloudevents.json', sluiceV1] as const;

/** More blanks in a row than a list has: taking them off costs the square of their number, and whoever shakes hands is not known yet. */
const manyBlanks = /[ \t]{64}/;

/** What client and server agree on before the first frame. */
export interface Handshake {
  readonly dialect: Dialect;
  /** Whether messages may be compressed. */
  readonly deflate: boolean;
  /** The head of the answer, 101. */
  readonly answer: string;
}

/** Checks an opening handshake (RFC 6455, section 4.2); throws GatewayError. */
export function readHandshake({ raw, route }: HttpRequest): Handshake {
  const { headers } = raw;
  const key = headers['sec-websocket-key'];
  if (raw.method !== 'GET') throw new GatewayError('METHOD_NOT_ALLOWED', 'A WebSocket is opened with GET.');
  if (headers['sec-websocket-version'] !== '13') throw new GatewayError('BAD_REQUEST', 'Sec-WebSocket-Version must be 13 (RFC 6455).');
  if (!isHandshakeKey(key)) throw new GatewayError('BAD_REQUEST', 'Sec-WebSocket-Key must be 16 bytes in base64 (RFC 6455, section 4.1).');
  for (const name of ['sec-websocket-protocol', 'sec-websocket-extensions'] as const) {
    if (manyBlanks.test(headers[name] ?? ''))
      throw new GatewayError('BAD_REQUEST', `The header ${name} has 64 blanks or more in a row, where a list has none or one.`);
  }
  const subprotocol = subprotocolOf(headers['sec-websocket-protocol']);
  const extensions = extensionsOf(headers['sec-websocket-extensions']);
  const { origin, host } = headers;
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}` && !isAllowedOrigin(route.cors, origin)) {
    throw new GatewayError(
      'FORBIDDEN',
      `Pages of ${origin.slice(0, 200)} may not use this API; its cors setting lists the origins that may.`,
    );
  }
  return {
    dialect: subprotocol === sluiceV1 ? sluiceDialect : cloudEventsDialect,
    deflate: extensions !== undefined,
    answer: [
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n',
      `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n`,
      subprotocol === undefined ? '' : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`,
      extensions === undefined ? '' : `Sec-WebSocket-Extensions: ${extensions}\r\n`,
      '\r\n',
    ].join(''),
  };
}

function subprotocolOf(header: string | undefined): (typeof spoken)[number] | undefined {
  const offered = parseSubprotocols(header);
  if (offered === undefined) throw new GatewayError('BAD_REQUEST', 'Sec-WebSocket-Protocol is not a list of distinct tokens.');
  const chosen = chooseSubprotocol(offered, spoken);
  if (offered.length > 0 && chosen === undefined) {
    throw new GatewayError('BAD_REQUEST', `None of the offered subprotocols is spoken here; offer ${spoken.join(' or ')}, or none.`);
  }
  return chosen;
}

function extensionsOf(header: string | undefined): string | undefined {
  try {
    return acceptDeflate(header);
  } catch (error) {
    if (error instanceof WebSocketProtocolError) throw new GatewayError('BAD_REQUEST', error.message);
    throw error;
  }
}
