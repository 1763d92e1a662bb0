import { isPattern } from '../../core/address.ts';
import type { Gateway, Session } from '../../core/entrypoint.ts';
import { GatewayError } from '../../core/errors.ts';
import type { RawRequest, RequestHandler } from '../../listeners/dispatch.ts';
import { credentialOf, type HttpRequest } from '../../listeners/http-request.ts';
import type { PlainAnswer } from '../../listeners/respond.ts';
import { encodeBinaryHeaders } from '../../protocols/cloudevents/encode.ts';
import type { EntrypointEnvironment } from '../environment.ts';
import { limitHeaders } from '../limit-headers.ts';

/**
 * The publisher's side of WebSub: `GET …?latest` is the content of a topic, the data of the channel's newest event as it is distributed,
 * and `HEAD` says where its hub is. What subscribers ask of the hub is asked at a desk.
 */
export class WebSubEntrypoint implements RequestHandler {
  readonly protocol = 'websub';
  readonly #gateway: Gateway;

  constructor({ gateway, http }: EntrypointEnvironment) {
    this.#gateway = gateway;
    http.use(this);
  }

  accepts({ raw, query, route }: HttpRequest<RawRequest>): boolean {
    return route.hub !== undefined && (raw.method === 'HEAD' || (raw.method === 'GET' && query.has('latest')));
  }

  async handle(request: HttpRequest<RawRequest>, response: PlainAnswer): Promise<void> {
    const { path, cors } = request;
    const session = await this.#gateway.connect({ protocol: this.protocol, path, credential: credentialOf(request), stream: false });
    try {
      if (request.raw.method === 'HEAD') {
        response.writeHead(200, { 'cache-control': 'no-store', ...cors });
        response.end();
        return;
      }
      await answerNewest(session, response, cors);
    } finally {
      session.close();
    }
  }
}

async function answerNewest(session: Session, response: PlainAnswer, cors: HttpRequest['cors']): Promise<void> {
  const { address } = session;
  if (isPattern(address)) throw new GatewayError('BAD_REQUEST', `The newest event is that of one channel: ${address} is a pattern.`);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const { events } = await session.page({ address, from: { at: 'newest' }, limit: 1, wait: 0, signal: gone.signal });
  const headers = { 'cache-control': 'no-store', ...limitHeaders(await session.limits()), ...cors };
  const [event] = events;
  const data = event?.data;
  if (event === undefined || data === undefined || data.byteLength === 0) {
    response.writeHead(204, headers);
    response.end();
    return;
  }
  const { 'content-type': contentType = 'application/octet-stream' } = encodeBinaryHeaders(event, event.position);
  response.writeHead(200, {
    'content-type': contentType,
    'content-length': String(data.byteLength),
    // Whatever a provider has published: no browser shall run it as if it were ours.
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}
