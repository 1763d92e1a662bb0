import { errors } from 'undici';
import type { AddressRefusal } from './address-guard.ts';
import type { UrlFault } from './outgoing-url.ts';
import type { Phase } from './phases.ts';

/**
 * What became of a request that has no answer. `blocked`: our own rules refuse it and nothing was sent; `overloaded`: no room
 * here; `aborted`: the caller or the end of this process called it off; `reset`: the other side hung up; `protocol`: what came is not
 * HTTP/1.1; `authentication`: what the other side wants to be shown could not be had, and nothing was sent.
 */
export type FailureClass =
  | 'blocked'
  | 'overloaded'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'reset'
  | 'protocol'
  | 'aborted'
  | 'authentication';

interface FailureOptions {
  /** For operators: the rule that refused it. */
  readonly reason?: AddressRefusal | UrlFault | undefined;
  readonly retry?: 'unsent' | 'stale' | undefined;
  readonly cause?: unknown;
}

/** Why there is no answer. The message is a sentence a tenant may read: it never names an address that was not in the URL. */
export class OutgoingFailure extends Error {
  override readonly name = 'OutgoingFailure';
  readonly class: FailureClass;
  readonly reason: AddressRefusal | UrlFault | undefined;
  /** A connection used before was dead: nothing was written yet (`unsent`), or no byte of an answer came (`stale`). */
  readonly retry: 'unsent' | 'stale' | undefined;

  constructor(failureClass: FailureClass, sentence: string, options: FailureOptions = {}) {
    super(sentence, options.cause === undefined ? undefined : { cause: options.cause });
    this.class = failureClass;
    this.reason = options.reason;
    this.retry = options.retry;
  }
}

const refused: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nobody listens there: the connection was refused.',
  EHOSTUNREACH: 'There is no way to the host.',
  ENETUNREACH: 'There is no way to the network of the host.',
  ECONNRESET: 'The other side closed the connection at once.',
};

const untrusted: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'The certificate is for another host name.',
  CERT_HAS_EXPIRED: 'The certificate has expired.',
  CERT_NOT_YET_VALID: 'The certificate is not valid yet.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'The certificate vouches for itself; nobody known here does.',
  SELF_SIGNED_CERT_IN_CHAIN: 'The certificate leads to an authority that is not known here.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'The certificate leads to an authority that is not known here.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'The server does not send the certificates between its own and a known authority.',
  ECONNRESET: 'The other side closed the connection during the TLS handshake.',
};

const hungUp = ['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT', 'UND_ERR_SOCKET', 'UND_ERR_INFO', 'UND_ERR_DESTROYED'];

/** What the network threw, as a failure of the phase it happened in; the thrown thing stays as the cause. What has no code is a bug and thrown on. */
export function failureOf(thrown: unknown, phase: Phase): OutgoingFailure {
  if (thrown instanceof OutgoingFailure) return thrown;
  const options = { cause: thrown };
  const unreadable = new OutgoingFailure('protocol', 'What came back is not an HTTP/1.1 answer.', options);
  if (thrown instanceof errors.HTTPParserError) return unreadable;
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (typeof code !== 'string') throw thrown;
  if (phase === 'connect') {
    if (code === 'ETIMEDOUT') return new OutgoingFailure('timeout', 'The host does not take the connection.', options);
    return new OutgoingFailure('connect', refused[code] ?? `The connection could not be made (${code}).`, options);
  }
  if (phase === 'tls' || /^ERR_(SSL|TLS)_/.test(code) || code === 'EPROTO')
    return new OutgoingFailure('tls', untrusted[code] ?? `The TLS handshake failed (${code}).`, options);
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return new OutgoingFailure('protocol', 'The head of the answer is too large.', options);
  if (hungUp.includes(code) && !message.startsWith('bad '))
    return new OutgoingFailure('reset', 'The other side closed the connection before its answer was there.', options);
  return unreadable;
}
