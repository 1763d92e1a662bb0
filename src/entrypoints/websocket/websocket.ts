import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Session } from '../../core/entrypoint.ts';
import { GatewayError, toGatewayError } from '../../core/errors.ts';
import { isAllowedOrigin } from '../../listeners/cors.ts';
import { credentialOf, remoteOf, type HttpRequest } from '../../listeners/http-request.ts';
import type { UpgradeHandler } from '../../listeners/http.ts';
import { chooseSubprotocol, isHandshakeKey, parseSubprotocols } from '../../protocols/websocket/handshake.ts';
import { sluiceV1 } from '../../protocols/websocket/sluice-v1.ts';
import type { EntrypointEnvironment } from '../environment.ts';
import { readOptionsOf } from '../read-options.ts';
import { Connection } from './connection.ts';
import { cloudEventsDialect, sluiceDialect, type Dialect } from './dialect.ts';

const spoken = ['cloudevents.json', sluiceV1] as const;

/** Largest message in bytes; each API's own limit is checked when the event is published. */
const maxMessageBytes = 4 * 1024 * 1024;

/** `GET` with `Upgrade: websocket` (RFC 6455). */
export class WebSocketEntrypoint implements UpgradeHandler {
  readonly protocol = 'websocket';
  readonly token = 'websocket';
  readonly #environment: EntrypointEnvironment;
  readonly #server: WebSocketServer;

  constructor(environment: EntrypointEnvironment) {
    this.#environment = environment;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: maxMessageBytes,
      handleProtocols: (offered) => chooseSubprotocol([...offered], spoken) ?? false,
    });
    environment.http.useUpgrade(this);
  }

  async upgrade(request: HttpRequest, socket: Socket, head: Buffer): Promise<void> {
    checkHandshake(request);
    const { raw, path } = request;
    const { gateway } = this.#environment;
    let connection: Connection | undefined;
    const onEnd = (reason: GatewayError): void => connection?.end(reason);
    let session: Session;
    try {
      session = await gateway.connect({ protocol: this.protocol, path, credential: credentialOf(request), stream: true, remote: remoteOf(raw), onEnd });
    } catch (error) {
      if (raw.headers.origin === undefined) throw error;
      this.#refuseOpen(request, socket, head, toGatewayError(error));
      return;
    }
    connection = await this.#accept(request, socket, head, session);
    if (connection !== undefined) await startReading(request, session, connection);
  }

  /** Undefined when the client went away meanwhile. The connection listens before the first byte behind the handshake is read. */
  #accept(request: HttpRequest, socket: Socket, head: Buffer, session: Session): Promise<Connection | undefined> {
    const { now, schedule, onBug } = this.#environment;
    return new Promise((resolve) => {
      const onClose = (): void => {
        session.close();
        resolve(undefined);
      };
      socket.once('close', onClose);
      if (socket.destroyed) {
        onClose();
        return;
      }
      this.#server.handleUpgrade(request.raw, socket, head, (webSocket) => {
        socket.off('close', onClose);
        resolve(new Connection({ socket, webSocket, session, dialect: dialectOf(webSocket), now, schedule, onBug }));
      });
    });
  }

  /** A page in a browser cannot see an HTTP status: it is let in to be told by close code. */
  #refuseOpen({ raw }: HttpRequest, socket: Socket, head: Buffer, reason: GatewayError): void {
    this.#server.handleUpgrade(raw, socket, head, (webSocket) => {
      webSocket.on('error', () => undefined);
      webSocket.close(reason.close, `${reason.code}: ${reason.message}`.slice(0, 100));
    });
  }
}

async function startReading(request: HttpRequest, session: Session, connection: Connection): Promise<void> {
  if (!session.mayRead) return;
  try {
    const options = readOptionsOf(session.address, request.query, undefined);
    connection.attach(await session.read(options, connection));
  } catch (error) {
    connection.end(toGatewayError(error));
  }
}

function dialectOf(webSocket: WebSocket): Dialect {
  return webSocket.protocol === sluiceV1 ? sluiceDialect : cloudEventsDialect;
}

function checkHandshake({ raw, route }: HttpRequest): void {
  const { headers } = raw;
  if (raw.method !== 'GET') throw new GatewayError('METHOD_NOT_ALLOWED', 'A WebSocket is opened with GET.');
  if (headers['sec-websocket-version'] !== '13') throw new GatewayError('BAD_REQUEST', 'Sec-WebSocket-Version must be 13 (RFC 6455).');
  if (!isHandshakeKey(headers['sec-websocket-key'])) throw new GatewayError('BAD_REQUEST', 'Sec-WebSocket-Key must be 16 bytes in base64 (RFC 6455, section 4.1).');
  const offered = parseSubprotocols(headers['sec-websocket-protocol']);
  if (offered === undefined) throw new GatewayError('BAD_REQUEST', 'Sec-WebSocket-Protocol is not a list of distinct tokens.');
  if (offered.length > 0 && chooseSubprotocol(offered, spoken) === undefined) {
    throw new GatewayError('BAD_REQUEST', `None of the offered subprotocols is spoken here; offer ${spoken.join(' or ')}, or none.`);
  }
  const { origin, host } = headers;
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}` && !isAllowedOrigin(route.cors, origin)) {
    throw new GatewayError('FORBIDDEN', `Pages of ${origin.slice(0, 200)} may not use this API; its cors setting lists the origins that may.`);
  }
}
