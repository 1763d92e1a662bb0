import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventDefaults } from '../../core/entrypoint.ts';
import { GatewayError } from '../../core/errors.ts';
import type { EventDraft } from '../../core/event.ts';
import type { RawRequest } from '../../listeners/dispatch.ts';
import { decodeBinary, decodePlain, hasEventHeaders } from '../../protocols/cloudevents/binary.ts';
import { CloudEventError } from '../../protocols/cloudevents/cloud-event-error.ts';
import { bodyForm, isJsonType, parseMediaType } from '../../protocols/cloudevents/content-type.ts';
import { BatchDecoder, decodeBatch, decodeStructured } from '../../protocols/cloudevents/structured.ts';

/** Most events one request may bring: what one commit takes without holding up others. */
export const maxBatchEvents = 10_000;

/** Bytes of a batch read in one turn of the loop: a few milliseconds of small events. */
const turnBytes = 128 * 1024;

/** The events of a request in any of the HTTP binding's content modes, or plain JSON that the contract completes. */
export async function decodeBody(
  request: Pick<RawRequest, 'headers' | 'rawHeaders'>,
  body: Buffer,
  defaults: EventDefaults,
): Promise<readonly EventDraft[]> {
  const { headers } = request;
  const contentType = headers['content-type'];
  try {
    switch (bodyForm(contentType)) {
      case 'structured':
        return [decodeStructured(body)];
      case 'batch':
        return body.length <= turnBytes ? decodeBatch(body, maxBatchEvents) : await decodeInTurns(body);
      case 'plain':
        return [hasEventHeaders(headers) ? decodeBinary(distinct(request.rawHeaders), body) : completePlain(body, contentType, defaults)];
      case 'foreign':
        throw new GatewayError('UNSUPPORTED_MEDIA_TYPE', `Of the CloudEvents formats only JSON is read here, not ${contentType}.`);
    }
  } catch (error) {
    throw invalidEvent(error);
  }
}

async function decodeInTurns(body: Buffer): Promise<readonly EventDraft[]> {
  const decoder = new BatchDecoder(body, maxBatchEvents);
  while (!decoder.readOn(turnBytes)) await nextTurn();
  return decoder.events;
}

/** A codec's complaint as an error a client may see; anything else as it is. */
export function invalidEvent(error: unknown): unknown {
  if (!(error instanceof CloudEventError)) return error;
  return new GatewayError('INVALID_EVENT', `Not a valid CloudEvent: ${error.message}.`.replace(/\.\.$/, '.'), {
    details: { path: error.path },
    cause: error,
  });
}

function completePlain(body: Buffer, contentType: string | undefined, { type, source }: EventDefaults): EventDraft {
  const media = contentType === undefined ? undefined : parseMediaType(contentType);
  if (media === undefined || !isJsonType(media)) {
    const given = contentType === undefined ? 'no Content-Type' : `Content-Type ${contentType}`;
    throw new GatewayError(
      'UNSUPPORTED_MEDIA_TYPE',
      `The request has ${given} and no ce-* headers; send a CloudEvent, or plain JSON as application/json.`,
    );
  }
  if (body.length === 0) throw new GatewayError('INVALID_EVENT', 'The body is empty; send a CloudEvent or a JSON value.');
  if (type === undefined) {
    throw new GatewayError(
      'INVALID_EVENT',
      'This channel has more than one kind of message, so plain JSON does not say which it is; send a CloudEvent, or add the headers ce-specversion, ce-id, ce-source and ce-type.',
    );
  }
  return decodePlain(body, contentType, { type, source, id: randomUUID(), time: new Date().toISOString() });
}

/** Every value of each header field, by name in lower case: a field given twice is then recognised. */
function distinct(rawHeaders: readonly string[]): Record<string, readonly string[]> {
  const headers: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (let at = 0; at < rawHeaders.length; at += 2)
    (headers[(rawHeaders[at] as string).toLowerCase()] ??= []).push(rawHeaders[at + 1] as string);
  return headers;
}
