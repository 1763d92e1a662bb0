import { IncomingMessage } from 'node:http';
import { prefersEventStream } from '../protocols/http/accept.ts';
import type { RequestHead } from './http-request.ts';

/** What becomes of the connection after a request: it goes on in HTTP, changes to another protocol, or carries one stream until it closes. */
export type RequestKind = 'plain' | 'upgrade' | 'stream';

const flag = Symbol('upgrade as parsed');
const kind = Symbol('kind');

/**
 * A request that asks for an event stream passes for an upgrade: `node:http` then lets go of its parser and makes no ServerResponse,
 * which together cost more memory than the stream itself. It does so by the property `upgrade`, which it sets while it parses.
 */
export class StreamAwareMessage extends IncomingMessage {
  // Fields with initial values would overwrite what IncomingMessage sets in its constructor.
  declare [flag]: boolean | null;
  declare [kind]: RequestKind | undefined;

  /** Known once the headers are. */
  get kind(): RequestKind {
    return (this[kind] ??= kindOf(this, this[flag] === true));
  }

  get upgrade(): boolean {
    return this.kind !== 'plain';
  }

  set upgrade(isUpgrade: boolean | null) {
    this[flag] = isUpgrade;
  }
}

/** Upgrading to h2c is not taken up (RFC 9113, section 3.1, has withdrawn it; some clients offer it with every request). */
function kindOf(head: RequestHead, isUpgrade: boolean): RequestKind {
  if (isUpgrade && head.headers.upgrade?.toLowerCase() !== 'h2c') return 'upgrade';
  return asksForStream(head) ? 'stream' : 'plain';
}

/** `GET` with an Accept header that names `text/event-stream`. */
export function asksForStream({ method, headers }: Pick<RequestHead, 'method' | 'headers'>): boolean {
  return method === 'GET' && headers.accept !== undefined && prefersEventStream(headers.accept);
}
