/** What a client should do about an error: the code decides, the client need not know it. */
export type Advice = 'retry' | 'retry-after' | 'authenticate' | 'never';

interface ErrorKind {
  /** HTTP status of the problem document. */
  readonly status: number;
  /** WebSocket close code. */
  readonly close: number;
  readonly advice: Advice;
  /** One short noun phrase: the problem document's title. */
  readonly title: string;
}

/** Every error a client may see. docs/reference/errors.md is checked against this table by a test. */
export const errorKinds = {
  BAD_REQUEST: { status: 400, close: 4400, advice: 'never', title: 'Bad request' },
  INVALID_EVENT: { status: 400, close: 4400, advice: 'never', title: 'Not a valid CloudEvent' },
  INVALID_FILTER: { status: 400, close: 4400, advice: 'never', title: 'Not a valid filter' },
  UNAUTHENTICATED: { status: 401, close: 4401, advice: 'authenticate', title: 'Not authenticated' },
  CREDENTIAL_REVOKED: { status: 401, close: 4401, advice: 'authenticate', title: 'Credential no longer valid' },
  FORBIDDEN: { status: 403, close: 4403, advice: 'never', title: 'Not allowed' },
  SUBSCRIPTION_INACTIVE: { status: 403, close: 4403, advice: 'never', title: 'Subscription not active' },
  NOT_FOUND: { status: 404, close: 4404, advice: 'never', title: 'Not found' },
  CHANNEL_NOT_FOUND: { status: 404, close: 4404, advice: 'never', title: 'Unknown channel' },
  METHOD_NOT_ALLOWED: { status: 405, close: 4400, advice: 'never', title: 'Method not allowed' },
  NOT_ACCEPTABLE: { status: 406, close: 4400, advice: 'never', title: 'Not offered here' },
  REQUEST_TIMEOUT: { status: 408, close: 4400, advice: 'retry', title: 'Request took too long' },
  DURATION_OVER: { status: 429, close: 4408, advice: 'retry-after', title: 'Duration over' },
  CONFLICT: { status: 409, close: 4400, advice: 'never', title: 'Conflict' },
  READER_TAKEN: { status: 409, close: 4409, advice: 'never', title: 'Reader taken over' },
  POSITION_LOST: { status: 410, close: 4410, advice: 'never', title: 'Position lost' },
  PRECONDITION_FAILED: { status: 412, close: 4400, advice: 'never', title: 'Changed meanwhile' },
  PRECONDITION_REQUIRED: { status: 428, close: 4400, advice: 'never', title: 'Precondition required' },
  TOO_LARGE: { status: 413, close: 4413, advice: 'never', title: 'Too large' },
  URI_TOO_LONG: { status: 414, close: 4400, advice: 'never', title: 'URL too long' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, close: 4400, advice: 'never', title: 'Media type not supported' },
  EVENT_REJECTED: { status: 422, close: 4400, advice: 'never', title: 'Event breaks the contract' },
  INVALID_CONFIGURATION: { status: 422, close: 4400, advice: 'never', title: 'Invalid configuration' },
  INVALID_CONTRACT: { status: 422, close: 4400, advice: 'never', title: 'Invalid contract' },
  LIMIT_REACHED: { status: 429, close: 4429, advice: 'retry-after', title: 'Limit reached' },
  TOO_SLOW: { status: 429, close: 4430, advice: 'retry', title: 'Reading too slowly' },
  HEADERS_TOO_LARGE: { status: 431, close: 4400, advice: 'never', title: 'Headers too large' },
  INTERNAL: { status: 500, close: 1011, advice: 'retry', title: 'Internal error' },
  BACKBONE_UNAVAILABLE: { status: 503, close: 1013, advice: 'retry', title: 'Backbone not available' },
  OVERLOADED: { status: 503, close: 1013, advice: 'retry-after', title: 'Overloaded' },
  RESTARTING: { status: 503, close: 1012, advice: 'retry-after', title: 'Restarting' },
  STORE_FULL: { status: 507, close: 1013, advice: 'retry', title: 'No space left' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

interface ErrorOptions {
  /** Milliseconds until coming back makes sense. */
  readonly retryAfter?: number | undefined;
  /** Further members of the problem document: numbers, positions, paths. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** The one error a client may see: a stable code, a sentence with place and remedy, and when to come back. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly retryAfter: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, sentence: string, options: ErrorOptions = {}) {
    super(sentence, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.details = options.details ?? {};
  }

  get status(): number {
    return errorKinds[this.code].status;
  }

  /** WebSocket close code. */
  get close(): number {
    return errorKinds[this.code].close;
  }

  get advice(): Advice {
    return errorKinds[this.code].advice;
  }

  /** RFC 9457 problem document. */
  toProblem(): Record<string, unknown> {
    const kind = errorKinds[this.code];
    return {
      type: `https://sluice.dev/errors/${this.code}`,
      title: kind.title,
      status: kind.status,
      detail: this.message,
      code: this.code,
      ...(this.retryAfter === undefined ? {} : { retryAfter: Math.ceil(this.retryAfter / 1000) }),
      ...this.details,
    };
  }
}

/** Any thrown thing as a GatewayError: bugs become INTERNAL with the cause kept for the log, never shown. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError('INTERNAL', 'Something went wrong here; the operator finds the cause in the log.', { cause: thrown });
}
