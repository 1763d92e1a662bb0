import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Session } from '../../core/entrypoint.ts';
import { GatewayError, toGatewayError } from '../../core/errors.ts';
import { isAllowedOrigin } from '../../listeners/cors.ts';
import { credentialOf, type HttpRequest } from '../../listeners/http-request.ts';
import type { UpgradeHandler } from '../../listeners/http.ts';
import { chooseSubprotocol, isHandshakeKey, parseSubprotocols } from '../../protocols/websocket/handshake.ts';
import { sluiceV1 } from '../../protocols/websocket/sluice-v1.ts';
import type { EntrypointEnvironment } from '../environment.ts';
import { readOptionsOf } from '../read-options.ts';
import { Connection } from './connection.ts';
import { sayGoodbye } from './goodbye.ts';
import { cloudEventsDialect, sluiceDialect, type Dialect } from './dialect.ts';

const spoken = ['cloudevents.json', sluiceV1] as const;

/** Largest message in bytes where events may be smaller: room for several in one `publish`. Each API's own limit is checked when an event is published. */
const minMessageBytes = 4 * 1024 * 1024;
/** Envelope and attributes around the data of the largest event, which base64 makes a third larger. */
const envelopeBytes = 64 * 1024;
/** Bounds remembered: APIs rarely have more than one or two, but their configuration may change for ever. */
const maxServers = 16;

/** `GET` with `Upgrade: websocket` (RFC 6455). */
export class WebSocketEntrypoint implements UpgradeHandler {
  readonly protocol = 'websocket';
  readonly token = 'websocket';
  readonly #environment: EntrypointEnvironment;
  readonly #servers = new Map<number, WebSocketServer>();

  constructor(environment: EntrypointEnvironment) {
    this.#environment = environment;
    environment.http.useUpgrade(this);
  }

  /** Reading begins before the handshake is answered: who sees the connection open gets everything from then on. */
  async upgrade(request: HttpRequest, socket: Socket, head: Buffer): Promise<void> {
    checkHandshake(request);
    const { raw, path } = request;
    const { gateway, now, schedule, onBug } = this.#environment;
    let connection: Connection | undefined;
    const onEnd = (reason: GatewayError): void => connection?.end(reason);
    let session: Session;
    try {
      session = await gateway.connect({
        protocol: this.protocol,
        path,
        credential: credentialOf(request),
        stream: true,
        onEnd,
      });
    } catch (error) {
      if (raw.headers.origin === undefined) throw error;
      this.#refuseOpen(request, socket, head, toGatewayError(error));
      return;
    }
    const accept = (): WebSocket | undefined => this.#accept(request, socket, head);
    connection = new Connection({ socket, accept, session, dialect: dialectOf(request), now, schedule, onBug });
    await startReading(request, session, connection);
  }

  /** Answers the handshake; undefined when the client went away meanwhile. */
  #accept({ raw, route }: HttpRequest, socket: Socket, head: Buffer): WebSocket | undefined {
    let accepted: WebSocket | undefined;
    this.#serverFor(route.maxEventBytes).handleUpgrade(raw, socket, head, (webSocket) => (accepted = webSocket));
    return accepted;
  }

  /** `ws` bounds messages by server, so there is one for each bound in use. */
  #serverFor(maxEventBytes: number): WebSocketServer {
    const maxPayload = Math.max(minMessageBytes, Math.ceil((maxEventBytes * 4) / 3) + envelopeBytes);
    let server = this.#servers.get(maxPayload);
    if (server === undefined) {
      if (this.#servers.size >= maxServers) this.#servers.clear();
      server = new WebSocketServer({
        noServer: true,
        clientTracking: false,
        perMessageDeflate: false,
        maxPayload,
        handleProtocols: (offered) => chooseSubprotocol([...offered], spoken) ?? false,
      });
      this.#servers.set(maxPayload, server);
    }
    return server;
  }

  /** A page in a browser cannot see an HTTP status: it is let in to be told by close code. */
  #refuseOpen(request: HttpRequest, socket: Socket, head: Buffer, reason: GatewayError): void {
    const webSocket = this.#accept(request, socket, head);
    if (webSocket === undefined) return;
    const { now, schedule } = this.#environment;
    sayGoodbye(webSocket, socket, { reason, now, schedule });
  }
}

async function startReading(request: HttpRequest, session: Session, connection: Connection): Promise<void> {
  if (!session.mayRead) {
    connection.open(undefined);
    return;
  }
  try {
    const options = readOptionsOf(session.address, request.query, undefined);
    connection.open(await session.read(options, connection));
  } catch (error) {
    connection.open(undefined);
    connection.end(toGatewayError(error));
  }
}

function dialectOf({ raw }: HttpRequest): Dialect {
  const offered = parseSubprotocols(raw.headers['sec-websocket-protocol']) ?? [];
  return chooseSubprotocol(offered, spoken) === sluiceV1 ? sluiceDialect : cloudEventsDialect;
}

function checkHandshake({ raw, route }: HttpRequest): void {
  const { headers } = raw;
  if (raw.method !== 'GET') throw new GatewayError('METHOD_NOT_ALLOWED', 'A WebSocket is opened with GET.');
  if (headers['sec-websocket-version'] !== '13') throw new GatewayError('BAD_REQUEST', 'Sec-WebSocket-Version must be 13 (RFC 6455).');
  if (!isHandshakeKey(headers['sec-websocket-key']))
    throw new GatewayError('BAD_REQUEST', 'Sec-WebSocket-Key must be 16 bytes in base64 (RFC 6455, section 4.1).');
  const offered = parseSubprotocols(headers['sec-websocket-protocol']);
  if (offered === undefined) throw new GatewayError('BAD_REQUEST', 'Sec-WebSocket-Protocol is not a list of distinct tokens.');
  if (offered.length > 0 && chooseSubprotocol(offered, spoken) === undefined) {
    throw new GatewayError('BAD_REQUEST', `None of the offered subprotocols is spoken here; offer ${spoken.join(' or ')}, or none.`);
  }
  const { origin, host } = headers;
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}` && !isAllowedOrigin(route.cors, origin)) {
    throw new GatewayError(
      'FORBIDDEN',
      `Pages of ${origin.slice(0, 200)} may not use this API; its cors setting lists the origins that may.`,
    );
  }
}
