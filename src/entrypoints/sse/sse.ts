import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { BareAnswer } from '../../listeners/bare-answer.ts';
import type { StreamHandler } from '../../listeners/dispatch.ts';
import { credentialOf, type HttpRequest, type RequestHead } from '../../listeners/http-request.ts';
import { refusalHeaders } from '../../listeners/respond.ts';
import type { EntrypointEnvironment } from '../environment.ts';
import { limitHeaders } from '../limit-headers.ts';
import { readOptionsOf } from '../read-options.ts';
import { endId, farewell, isFinal } from './farewell.ts';
import { plainSse, typedSse } from './format.ts';
import { SseStream } from './stream.ts';

/** `GET` with `Accept: text/event-stream`: Server-Sent Events as HTML, section 9.2, has them. */
export class SseEntrypoint implements StreamHandler {
  readonly protocol = 'sse';
  readonly #environment: EntrypointEnvironment;

  constructor(environment: EntrypointEnvironment) {
    this.#environment = environment;
    environment.http.useStream(this);
  }

  async stream(request: HttpRequest<RequestHead>, answer: BareAnswer): Promise<void> {
    const lastEventId = lastEventIdOf(request);
    if (lastEventId === endId) {
      answer.whole(204, request.cors, undefined);
      return;
    }
    try {
      await this.#open(request, answer, lastEventId);
    } catch (error) {
      const refusal = toGatewayError(error);
      if (lastEventId === undefined && isFinal(refusal)) throw refusal;
      if (refusal.code === 'INTERNAL') throw refusal;
      this.#refuseInStream(request, answer, refusal);
    }
  }

  async #open(request: HttpRequest<RequestHead>, answer: BareAnswer, lastEventId: string | undefined): Promise<void> {
    const { path, query, cors } = request;
    const { gateway } = this.#environment;
    const stream = new SseStream(answer, formatOf(query.get('event')), this.#environment);
    try {
      const session = await gateway.connect({
        protocol: this.protocol,
        path,
        credential: credentialOf(request),
        stream: true,
        peer: answer.pipe,
        onEnd: stream.onEnd,
      });
      stream.admit(session);
      stream.fields = { ...limitHeaders(await session.limits()), ...cors };
      stream.open(await session.read(readOptionsOf(session.address, query, lastEventId), stream));
    } catch (error) {
      stream.abandon();
      throw error;
    }
  }

  /** EventSource gives up for good on any status but 200: what passes with time is said inside a stream that ends. */
  #refuseInStream({ cors }: HttpRequest<RequestHead>, answer: BareAnswer, refusal: GatewayError): void {
    const fields = {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      ...refusalHeaders(refusal),
      ...cors,
    };
    answer.whole(200, fields, farewell(refusal, this.#environment.random));
  }
}

function lastEventIdOf({ raw }: HttpRequest<RequestHead>): string | undefined {
  const value = raw.headers['last-event-id'];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function formatOf(event: string | null): typeof plainSse {
  if (event === null) return plainSse;
  if (event === 'type') return typedSse;
  throw new GatewayError('BAD_REQUEST', '?event= takes only the word type: the event type is then sent as the SSE event name.');
}
