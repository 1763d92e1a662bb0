import type { ServerResponse } from 'node:http';
import { GatewayError, toGatewayError } from '../../core/errors.ts';
import { credentialOf, type HttpRequest } from '../../listeners/http-request.ts';
import type { RequestHandler } from '../../listeners/http.ts';
import { refusalHeaders } from '../../listeners/respond.ts';
import { prefersEventStream } from '../../protocols/http/accept.ts';
import type { EntrypointEnvironment } from '../environment.ts';
import { limitHeaders } from '../limit-headers.ts';
import { readOptionsOf } from '../read-options.ts';
import { endId, farewell, isFinal } from './farewell.ts';
import { plainSse, typedSse } from './format.ts';
import { SseStream } from './stream.ts';

/** `GET` with `Accept: text/event-stream`: Server-Sent Events as HTML, section 9.2, has them. */
export class SseEntrypoint implements RequestHandler {
  readonly protocol = 'sse';
  readonly #environment: EntrypointEnvironment;

  constructor(environment: EntrypointEnvironment) {
    this.#environment = environment;
    environment.http.use(this);
  }

  accepts({ raw }: HttpRequest): boolean {
    return raw.method === 'GET' && prefersEventStream(raw.headers.accept);
  }

  async handle(request: HttpRequest, response: ServerResponse): Promise<void> {
    const lastEventId = lastEventIdOf(request);
    if (lastEventId === endId) {
      response.writeHead(204, request.cors).end();
      return;
    }
    try {
      await this.#open(request, lastEventId);
    } catch (error) {
      const refusal = toGatewayError(error);
      if (lastEventId === undefined && isFinal(refusal)) throw refusal;
      if (refusal.code === 'INTERNAL') throw refusal;
      this.#refuseInStream(request, response, refusal);
    }
  }

  async #open(request: HttpRequest, lastEventId: string | undefined): Promise<void> {
    const { raw, path, query, cors } = request;
    const { gateway, http, now, random, schedule } = this.#environment;
    const format = formatOf(query.get('event'));
    let stream: SseStream | undefined;
    const onEnd = (reason: GatewayError): void => stream?.end(reason);
    const session = await gateway.connect({
      protocol: this.protocol,
      path,
      credential: credentialOf(request),
      stream: true,
      onEnd,
    });
    try {
      const headers = { ...limitHeaders(await session.limits()), ...cors };
      stream = new SseStream({ socket: raw.socket, format, headers, now, random, schedule, onClosed: () => session.close() });
      const reader = await session.read(readOptionsOf(session.address, query, lastEventId), stream);
      http.takeOver(raw.socket);
      stream.open(reader);
    } catch (error) {
      stream = undefined;
      session.close();
      throw error;
    }
  }

  /** EventSource gives up for good on any status but 200: what passes with time is said inside a stream that ends. */
  #refuseInStream({ cors }: HttpRequest, response: ServerResponse, refusal: GatewayError): void {
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      connection: 'close',
      ...refusalHeaders(refusal),
      ...cors,
    });
    response.end(farewell(refusal, this.#environment.random));
  }
}

function lastEventIdOf({ raw }: HttpRequest): string | undefined {
  const value = raw.headers['last-event-id'];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function formatOf(event: string | null): typeof plainSse {
  if (event === null) return plainSse;
  if (event === 'type') return typedSse;
  throw new GatewayError('BAD_REQUEST', '?event= takes only the word type: the event type is then sent as the SSE event name.');
}
