import type { FastifyError, FastifyReply } from 'fastify';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import { StoreError } from '../store/database.ts';

/** JSON Schema of the problem documents (RFC 9457) with which every refusal is answered. */
export const problemSchema = {
  $id: 'Problem',
  type: 'object',
  description: 'Why a request was refused, and what to do: RFC 9457 with a stable code.',
  properties: {
    type: { type: 'string', format: 'uri', description: 'Where the code is explained.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'A sentence that names place and remedy.' },
    code: { type: 'string', description: 'Stable; what programs should look at.' },
    retryAfter: { type: 'integer', description: 'Seconds until coming back makes sense.' },
    problems: {
      type: 'array',
      description: 'Every mistake found, when there may be more than one.',
      items: {
        type: 'object',
        properties: {
          path: { type: 'string', description: 'JSON pointer.' },
          line: { type: 'integer' },
          column: { type: 'integer' },
          sentence: { type: 'string' },
          failure: { type: 'string', description: 'Of a URL that cannot be called: the class of the failure that an attempt would have.' },
        },
        required: ['sentence'],
      },
    },
  },
  required: ['type', 'title', 'status', 'detail', 'code'],
} as const;

/** Any error a request can end with as one that the client may see. */
export function refusalFor(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof StoreError) return storeRefusal(thrown);
  return httpRefusal(thrown as FastifyError) ?? toGatewayError(thrown);
}

export function sendProblem(reply: FastifyReply, error: GatewayError): FastifyReply {
  if (error.code === 'UNAUTHENTICATED') void reply.header('www-authenticate', 'Bearer realm="sluice"');
  if (error.retryAfter !== undefined) void reply.header('retry-after', String(Math.max(1, Math.ceil(error.retryAfter / 1000))));
  return reply
    .code(error.status)
    .type('application/problem+json')
    .send(Buffer.from(JSON.stringify(error.toProblem())));
}

function storeRefusal(error: StoreError): GatewayError {
  const options = { cause: error };
  switch (error.code) {
    case 'CHANGED':
      return new GatewayError(
        'PRECONDITION_FAILED',
        'Somebody else changed this meanwhile; read it again and repeat your change.',
        options,
      );
    case 'CONSTRAINT':
      return new GatewayError('CONFLICT', 'Something like this exists already.', options);
    case 'FULL':
      return new GatewayError('STORE_FULL', 'There is no space left to remember this; nothing was changed.', options);
    case 'OVERLOADED':
      return new GatewayError('OVERLOADED', 'Too much is being written at the moment; nothing was changed.', {
        ...options,
        retryAfter: 1000,
      });
    case 'CLOSED':
      return new GatewayError('RESTARTING', 'The control plane is stopping; nothing was changed.', { ...options, retryAfter: 1000 });
    default:
      return toGatewayError(error);
  }
}

/** What Fastify itself refuses, by its error codes and statuses. */
function httpRefusal(error: Partial<FastifyError>): GatewayError | undefined {
  const options = { cause: error };
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new GatewayError('TOO_LARGE', 'The body is larger than 4 MiB.', options);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new GatewayError('UNSUPPORTED_MEDIA_TYPE', 'Bodies are JSON: send Content-Type: application/json.', options);
    case 'FST_ERR_BAD_URL':
      return new GatewayError('BAD_REQUEST', 'The URL has a percent sign that does not begin a valid escape.', options);
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new GatewayError('URI_TOO_LONG', 'A segment of the URL is too long.', options);
    default:
  }
  if (error.statusCode === 408) return new GatewayError('REQUEST_TIMEOUT', 'The request did not arrive in time.', options);
  if (error.statusCode === 413) return new GatewayError('TOO_LARGE', 'The body is larger than 4 MiB.', options);
  if (error.statusCode === 415)
    return new GatewayError('UNSUPPORTED_MEDIA_TYPE', 'Bodies are JSON: send Content-Type: application/json.', options);
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500)
    return new GatewayError('BAD_REQUEST', `The request cannot be read: ${error.message ?? 'it is malformed'}.`, options);
  return undefined;
}
