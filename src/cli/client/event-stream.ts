import type { Ending } from './ending.ts';
import { isCloudEvent, parseJson, type JsonObject } from './json.ts';

/** What comes out of a stream of events. */
export type Received =
  /** The server has taken us as a reader. */
  | { readonly kind: 'open' }
  /** `text` is the CloudEvent as JSON, as it came. */
  | { readonly kind: 'event'; readonly text: string; readonly event: JsonObject; readonly position: string | undefined }
  | { readonly kind: 'gap'; readonly gap: unknown; readonly position: string | undefined }
  /** Delivery is held by a limit for a while. */
  | { readonly kind: 'held'; readonly limit: unknown; readonly position?: undefined }
  /** Nothing to show, but this is where we are now. */
  | { readonly kind: 'place'; readonly position: string };

/** Where and how to read; `position` is where an earlier connection had got to. */
export interface StreamRequest {
  /** The channel with `reader` and `filter` in its query. */
  readonly url: URL;
  readonly key: string | undefined;
  readonly from: string | undefined;
  readonly position: string | undefined;
  readonly signal: AbortSignal;
}

/** One connection in one protocol: what it received, and at last why it ended. Never rejects for anything the other side does. */
export type OpenStream = (request: StreamRequest) => AsyncGenerator<Received, Ending>;

/** A stream on which nothing at all was heard for so long, not even a heartbeat, is taken for dead. */
export const silenceMilliseconds = 90_000;

/** Largest event a client takes, in bytes of its encoding. */
export const maxReceivedBytes = 64 * 1024 * 1024;

/** A received CloudEvent in JSON; undefined when it is none. */
export function receivedEvent(text: string, id = ''): Extract<Received, { readonly kind: 'event' }> | undefined {
  const event = parseJson(text)?.value;
  if (!isCloudEvent(event)) return undefined;
  const own = event['position'];
  const position = id !== '' ? id : typeof own === 'string' ? own : undefined;
  return { kind: 'event', text, event, position };
}

/** Headers that every reading request carries. */
export function readHeaders(request: StreamRequest, accept: string): Record<string, string> {
  return { accept, ...(request.key === undefined ? {} : { authorization: `Bearer ${request.key}` }) };
}
