import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { RawRequest } from '../listeners/dispatch.ts';
import { ByteBuffer } from '../protocols/byte-buffer.ts';

/** What a body may hold, and who is asked for the room. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** Called before so many bytes more are kept; throws when there is no room for them. */
  readonly take: (bytes: number) => void;
  /** Called once before the first byte is read: who waits to be asked for the body (`Expect: 100-continue`) is asked then. */
  readonly begin: () => void;
}

/** The whole body, at most `maxBytes`; rejects with TOO_LARGE without reading the rest, and when the client goes away. */
export function readBody(request: RawRequest, { maxBytes, take, begin }: BodyLimits): Promise<Buffer> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return Promise.reject(new GatewayError('UNSUPPORTED_MEDIA_TYPE', `Bodies are taken as they are; ${encoding} is not decoded here.`));
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge(maxBytes));
  // Gone while it was being let in: nothing more would be told of it.
  if (request.destroyed && !request.readableEnded)
    return Promise.reject(new GatewayError('BAD_REQUEST', 'The request body did not arrive whole.'));
  begin();
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    // Joined as they come: a body may be sent in pieces of a byte, each of which would be kept with some hundred more.
    const pieces = new ByteBuffer();
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        request.pause();
        reject(tooLarge(maxBytes));
        return;
      }
      try {
        take(chunk.length);
      } catch (error) {
        request.pause();
        reject(toGatewayError(error));
        return;
      }
      if (first === undefined) {
        first = chunk;
        return;
      }
      if (pieces.length === 0) pieces.append(first);
      pieces.append(chunk);
    });
    request.on('end', () => resolve(pieces.length > 0 ? pieces.take() : (first ?? Buffer.alloc(0))));
    request.on('error', (error) => reject(new GatewayError('BAD_REQUEST', 'The request body did not arrive whole.', { cause: error })));
    request.on('close', () => {
      if (!request.readableEnded) reject(new GatewayError('BAD_REQUEST', 'The request body did not arrive whole.'));
    });
  });
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError('TOO_LARGE', `The body has more than ${maxBytes} bytes; send less at once.`, { details: { maxBytes } });
}
