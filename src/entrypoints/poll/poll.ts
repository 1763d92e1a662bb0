import type { Gateway, Page } from '../../core/entrypoint.ts';
import { GatewayError } from '../../core/errors.ts';
import { credentialOf, type HttpRequest } from '../../listeners/http-request.ts';
import type { RawRequest, RequestHandler } from '../../listeners/dispatch.ts';
import { respondJson, type PlainAnswer } from '../../listeners/respond.ts';
import { joinBatch } from '../../protocols/cloudevents/encode.ts';
import { formatLink } from '../../protocols/http/link.ts';
import type { EntrypointEnvironment } from '../environment.ts';
import { eventJson } from '../event-json.ts';
import { limitHeaders } from '../limit-headers.ts';
import { readOptionsOf } from '../read-options.ts';

const defaultLimit = 100;
const maxLimit = 1000;
/** Longest wait in milliseconds: what most proxies let a request be silent. */
const maxWait = 60_000;

/** Any other `GET`: a page of events, at once when there are some, else after `?wait=` at the latest. */
export class PollEntrypoint implements RequestHandler {
  readonly protocol = 'poll';
  readonly #gateway: Gateway;

  constructor({ gateway, http }: EntrypointEnvironment) {
    this.#gateway = gateway;
    http.use(this);
  }

  accepts({ raw }: HttpRequest<RawRequest>): boolean {
    return raw.method === 'GET';
  }

  async handle(request: HttpRequest<RawRequest>, response: PlainAnswer): Promise<void> {
    const { path, query, cors } = request;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const session = await this.#gateway.connect({
      protocol: this.protocol,
      path,
      credential: credentialOf(request),
      stream: false,
    });
    try {
      const options = readOptionsOf(session.address, query, undefined);
      const page = await session.page({
        ...options,
        limit: limitOf(query.get('limit')),
        wait: waitOf(query.get('wait')),
        signal: gone.signal,
      });
      const link = formatLink(`${path}?${nextQuery(query, page).toString()}`, 'next');
      const body = joinBatch(page.events.map((event) => event.frame(eventJson)));
      const headers = {
        'content-type': 'application/cloudevents-batch+json',
        'cache-control': 'no-store',
        ...limitHeaders(await session.limits()),
        ...cors,
        link: cors['link'] === undefined ? link : `${link}, ${cors['link']}`,
      };
      respondJson(response, 200, body, headers);
    } finally {
      session.close();
    }
  }
}

/** The same request from where this page ended; asking for it confirms a durable reader's page. */
function nextQuery(query: URLSearchParams, page: Page): URLSearchParams {
  const next = new URLSearchParams(query);
  next.delete('from');
  next.delete('ticket');
  next.set('after', page.position);
  return next;
}

function limitOf(text: string | null): number {
  if (text === null) return defaultLimit;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= maxLimit) return limit;
  throw new GatewayError('BAD_REQUEST', `?limit= takes a whole number from 1 to ${maxLimit}.`);
}

function waitOf(text: string | null): number {
  if (text === null) return 0;
  const match = /^(\d{1,6})(ms|s|m)$/.exec(text);
  const unit = { ms: 1, s: 1000, m: 60_000 }[match?.[2] ?? 's'] ?? 1000;
  if (match === null) throw new GatewayError('BAD_REQUEST', '?wait= takes a duration such as 30s, at most 60s.');
  return Math.min(maxWait, Number(match[1]) * unit);
}
