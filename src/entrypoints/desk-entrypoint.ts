import type { DeskRequest } from '../core/desk.ts';
import type { Gateway } from '../core/entrypoint.ts';
import type { RawRequest, RequestHandler } from '../listeners/dispatch.ts';
import type { HttpListener } from '../listeners/http.ts';
import { originOf, type HttpRequest } from '../listeners/http-request.ts';
import type { PlainAnswer } from '../listeners/respond.ts';
import { BodyBudget } from './body-budget.ts';
import { readBody } from './read-body.ts';

/** Largest body in bytes, where the API's own events may not be larger: what the largest of the webhook providers sends. */
const minBodyBytes = 4 * 1024 * 1024;
/** Around the data of the largest event. */
const envelopeBytes = 64 * 1024;
/** What bodies on their way to desks may hold, and those of one path. */
const maxBodiesBytes = 64 * 1024 * 1024;
const maxShareBytes = 32 * 1024 * 1024;

interface DeskParts {
  readonly gateway: Gateway;
  readonly http: HttpListener;
  readonly isTls: boolean;
}

/** Brings whole requests to the gateway's desks, and their answers back. It stands before every protocol, as no path is both. */
export class DeskEntrypoint implements RequestHandler {
  readonly protocol = 'desk';
  readonly #gateway: Gateway;
  readonly #isTls: boolean;
  readonly #bodies = new BodyBudget(maxBodiesBytes, maxShareBytes);

  constructor({ gateway, http, isTls }: DeskParts) {
    this.#gateway = gateway;
    this.#isTls = isTls;
    http.use(this);
  }

  accepts({ route }: HttpRequest<RawRequest>): boolean {
    return route.isDesk === true;
  }

  async handle({ raw, path, route, cors }: HttpRequest<RawRequest>, response: PlainAnswer): Promise<void> {
    const reservation = this.#bodies.reserve(path);
    try {
      const body = await readBody(raw, {
        maxBytes: Math.max(minBodyBytes, route.maxEventBytes + envelopeBytes),
        take: (bytes) => reservation.take(bytes),
        begin: () => {
          if (raw.headers.expect !== undefined) response.writeContinue();
        },
      });
      const answer = await this.#gateway.ask(this.#requestOf(raw, path, body));
      const bytes = Buffer.from(answer.body as Uint8Array);
      response.writeHead(answer.status, {
        ...(answer.status === 204 ? {} : { 'content-length': String(bytes.length) }),
        'x-content-type-options': 'nosniff',
        ...answer.headers,
        ...cors,
      });
      response.end(bytes);
    } finally {
      reservation.release();
    }
  }

  #requestOf(raw: RawRequest, path: string, body: Uint8Array): DeskRequest {
    const { method = '', url = '', headers } = raw;
    const mark = url.indexOf('?');
    // What HTTP/2 puts before the headers is no header.
    const named = Object.entries(headers).filter(([name]) => !name.startsWith(':'));
    return {
      method,
      path,
      query: mark === -1 ? '' : url.slice(mark + 1),
      headers: Object.fromEntries(named),
      body,
      origin: originOf(headers, this.#isTls),
    };
  }
}
