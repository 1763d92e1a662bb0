import type { Socket } from 'node:net';
import type { Hello, Session } from '../../core/entrypoint.ts';
import { toGatewayError } from '../../core/errors.ts';
import { BodyBudget } from '../body-budget.ts';
import { credentialOf, type HttpRequest } from '../../listeners/http-request.ts';
import type { UpgradeHandler } from '../../listeners/dispatch.ts';
import type { EntrypointEnvironment } from '../environment.ts';
import { readOptionsOf } from '../read-options.ts';
import { Connection } from './connection.ts';
import { readHandshake } from './handshake.ts';

/** Largest message in bytes where events may be smaller: room for several in one `publish`. Each API's own limit is checked when an event is published. */
const minMessageBytes = 4 * 1024 * 1024;
/** Envelope and attributes around the data of the largest event, which base64 makes a third larger. */
const envelopeBytes = 64 * 1024;

/** What all messages that have not come whole may hold, and those of one subscription. */
const maxPartialBytes = 256 * 1024 * 1024;
const maxPartialShareBytes = 64 * 1024 * 1024;

/** `GET` with `Upgrade: websocket` (RFC 6455). */
export class WebSocketEntrypoint implements UpgradeHandler {
  readonly protocol = 'websocket';
  readonly token = 'websocket';
  readonly #environment: EntrypointEnvironment;
  readonly #partials = new BodyBudget(maxPartialBytes, maxPartialShareBytes);

  constructor(environment: EntrypointEnvironment) {
    this.#environment = environment;
    environment.http.useUpgrade(this);
  }

  /** Reading begins before the handshake is answered: who sees the connection open gets everything from then on. */
  async upgrade(request: HttpRequest, socket: Socket, head: Buffer): Promise<void> {
    const handshake = readHandshake(request);
    const connection = new Connection({
      socket,
      handshake,
      maxMessageBytes: Math.max(minMessageBytes, Math.ceil((request.route.maxEventBytes * 4) / 3) + envelopeBytes),
      partials: this.#partials,
      environment: this.#environment,
    });
    if (head.length > 0) socket.unshift(head);
    let session: Session;
    try {
      session = await this.#environment.gateway.connect(helloOf(request, connection));
    } catch (error) {
      if (request.raw.headers.origin === undefined) throw error;
      // A page in a browser cannot see an HTTP status: it is let in to be told by close code.
      connection.refuse(toGatewayError(error));
      return;
    }
    connection.admit(session);
    await startReading(request, session, connection);
  }
}

/** A function of its own, so that what the session keeps does not keep the request. */
function helloOf(request: HttpRequest, connection: Connection): Hello {
  return {
    protocol: 'websocket',
    path: request.path,
    credential: credentialOf(request),
    stream: true,
    peer: request.raw.socket,
    onEnd: (reason) => connection.end(reason),
  };
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
