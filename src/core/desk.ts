/** A request at a desk: what the gateway is asked besides reading and publishing, with its whole body. */
export interface DeskRequest {
  readonly method: string;
  /** Without query, still percent-encoded. */
  readonly path: string;
  /** As it was sent, without the question mark; empty when there is none. */
  readonly query: string;
  /** Names in lower case, as `node:http` gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
  /** Scheme and host as the client wrote them: `https://api.example.com`. */
  readonly origin: string;
}

export interface DeskAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/** The segment that parts desks from channels on an API's path: `/orders/-/hooks`. No channel can be reached under it. */
export const deskSegment = '-';
