import type { Gateway, Session } from '../../core/entrypoint.ts';
import { GatewayError } from '../../core/errors.ts';
import type { EventDraft } from '../../core/event.ts';
import { credentialOf, type HttpRequest } from '../../listeners/http-request.ts';
import type { RawRequest, RequestHandler } from '../../listeners/dispatch.ts';
import { respondJson, type PlainAnswer } from '../../listeners/respond.ts';
import type { EntrypointEnvironment } from '../environment.ts';
import { limitHeaders } from '../limit-headers.ts';
import { nameOf } from '../read-options.ts';
import { BodyBudget } from '../body-budget.ts';
import { decodeBody } from './decode-body.ts';
import { readBody, type BodyLimits } from '../read-body.ts';

/** Largest body in bytes where events may be smaller: room for a batch. */
const minBodyBytes = 4 * 1024 * 1024;
/** Envelope and attributes around the data of the largest event, which base64 makes a third larger. */
const envelopeBytes = 64 * 1024;
/** What all bodies on their way may hold, and those of one subscription. */
const maxBodiesBytes = 256 * 1024 * 1024;
const maxShareBytes = 64 * 1024 * 1024;

/** Any of them makes durable readers, which are then confirmed here. */
const readingProtocols = ['poll', 'sse', 'websocket'];

/** `POST` on a channel: 202 once the events are durable. With an empty body, `?reader=` and `Ack:` it confirms instead. */
export class PublishEntrypoint implements RequestHandler {
  readonly protocol = 'publish';
  readonly #gateway: Gateway;
  readonly #bodies = new BodyBudget(maxBodiesBytes, maxShareBytes);

  constructor({ gateway, http }: EntrypointEnvironment) {
    this.#gateway = gateway;
    http.use(this);
  }

  accepts({ raw }: HttpRequest<RawRequest>): boolean {
    return raw.method === 'POST';
  }

  async handle(request: HttpRequest<RawRequest>, response: PlainAnswer): Promise<void> {
    const { raw, path, query, route, cors } = request;
    const name = nameOf(query.get('reader'));
    const protocol = name === undefined ? this.protocol : (readingProtocols.find((known) => route.entrypoints.includes(known)) ?? 'poll');
    const session = await this.#gateway.connect({
      protocol,
      path,
      credential: credentialOf(request),
      stream: false,
    });
    const reservation = this.#bodies.reserve(session.subscription);
    const limits: BodyLimits = {
      maxBytes: Math.max(minBodyBytes, Math.ceil((route.maxEventBytes * 4) / 3) + envelopeBytes),
      take: (bytes) => reservation.take(bytes),
      begin: () => {
        if (raw.headers.expect !== undefined) response.writeContinue();
      },
    };
    try {
      if (name !== undefined) {
        const position = confirmedPosition(raw.headers['ack'], await readBody(raw, limits));
        await session.confirm(name, position);
        respondJson(response, 200, JSON.stringify({ confirmed: position }), cors);
        return;
      }
      const placed = await session.publish(session.address, await readEvents(raw, limits, session));
      const duplicates = placed.reduce((count, { duplicate }) => count + (duplicate ? 1 : 0), 0);
      const answer = {
        accepted: placed.length - duplicates,
        positions: placed.map(({ position }) => position),
        ...(duplicates === 0 ? {} : { duplicates }),
      };
      respondJson(response, 202, JSON.stringify(answer), { ...limitHeaders(await session.limits()), ...cors });
    } finally {
      reservation.release();
      session.close();
    }
  }
}

/** The events of a request; what cannot be read as events is a publishing error too. */
async function readEvents(raw: RawRequest, limits: BodyLimits, session: Session): Promise<readonly EventDraft[]> {
  try {
    return await decodeBody(raw, await readBody(raw, limits), session.defaults);
  } catch (error) {
    if (error instanceof GatewayError) await session.malformed(error);
    throw error;
  }
}

function confirmedPosition(ack: string | string[] | undefined, body: Buffer): string {
  if (body.length > 0 || typeof ack !== 'string' || ack === '') {
    throw new GatewayError(
      'BAD_REQUEST',
      'With ?reader= a POST confirms: send an empty body and the header Ack: <position>. To publish, leave ?reader= out.',
    );
  }
  return ack;
}
