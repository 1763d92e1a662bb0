/** What a reading client was told, in the order it was told. */
export type Told =
  | { readonly kind: 'event'; readonly id: string; readonly type: string; readonly position: string; readonly data: unknown }
  | { readonly kind: 'gap'; readonly events: number; readonly upTo: string; readonly reason: string }
  /** A limit holds delivery until then; reading goes on by itself. */
  | { readonly kind: 'held'; readonly until: string }
  | Ending;

/** Why reading is over. */
export interface Ending {
  readonly kind: 'end';
  /** A GatewayError's code; `GONE` when the other side closed without a word. */
  readonly code: string;
  /** The protocol's own number: HTTP status or WebSocket close code. */
  readonly number: number;
  /** Milliseconds after which to come back, where the protocol said so. */
  readonly retryAfter: number | undefined;
}

export interface ReadingRequest {
  /** Base URL of the gateway. */
  readonly gateway: string;
  /** Path of the channel or pattern, percent-encoded. */
  readonly path: string;
  readonly key: string | undefined;
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** The last position seen, handed over as the protocol does it. */
  readonly resume?: string | undefined;
}

/** One client that reads. */
export interface Reading {
  /** Resolves once whatever is published from now on will be delivered, or once it has ended. */
  readonly ready: Promise<void>;
  next(): Promise<Told>;
  /** Everything up to here was dealt with. */
  confirm(position: string): Promise<void>;
  /** Stops taking bytes from the socket, so that the server's side fills up. */
  stall(): void;
  unstall(): void;
  close(): void;
}

/** A protocol under test: how a client of it reads. */
export interface ReadingProtocol {
  readonly name: string;
  /** Why a capability is missing; what is not named is there. */
  readonly lacks: Partial<Record<'overflow' | 'connections' | 'refusal', string>>;
  read(request: ReadingRequest): Reading;
}

/** What was told and not yet asked for, in order. */
export class Inbox {
  readonly #told: Told[] = [];
  readonly #waiting: ((told: Told) => void)[] = [];
  #markWanted: () => void = () => undefined;
  #markReady: () => void = () => undefined;
  readonly ready = new Promise<void>((resolve) => (this.#markReady = resolve));
  #isOver = false;

  put(told: Told): void {
    if (this.#isOver) return;
    if (told.kind === 'end') {
      this.#isOver = true;
      this.#markReady();
    }
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#told.push(told);
    else waiting(told);
  }

  begun(): void {
    this.#markReady();
  }

  next(): Promise<Told> {
    const told = this.#told.shift();
    if (told !== undefined) return Promise.resolve(told);
    this.#markWanted();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves once somebody waits for more than there is. */
  wanted(): Promise<void> {
    if (this.#waiting.length > 0) return Promise.resolve();
    return new Promise((resolve) => (this.#markWanted = resolve));
  }
}

interface Problem {
  readonly code: string;
  readonly status: number;
  readonly retryAfter?: number;
}

/** A problem document as an ending; `number` replaces its HTTP status where the protocol has another. */
export function endingOf(problem: unknown, number?: number): Ending {
  const { code, status, retryAfter } = problem as Problem;
  return { kind: 'end', code, number: number ?? status, retryAfter: retryAfter === undefined ? undefined : retryAfter * 1000 };
}

interface JsonEvent {
  readonly id: string;
  readonly type: string;
  readonly position: string;
  readonly data?: unknown;
  readonly data_base64?: string;
}

/** A delivered CloudEvent in the JSON format. */
export function eventOf(json: unknown): Told {
  const { id, type, position, data, data_base64: binary } = json as JsonEvent;
  return { kind: 'event', id, type, position, data: binary === undefined ? data : Buffer.from(binary, 'base64') };
}

/** The request target of a reading request. */
export function targetOf({ path, query = {} }: Pick<ReadingRequest, 'path' | 'query'>): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Confirms a durable reader's position by a request of its own. */
export async function confirmByPost(request: ReadingRequest, position: string): Promise<void> {
  const target = targetOf({ path: request.path, query: { reader: request.query?.['reader'] ?? '' } });
  const response = await fetch(`${request.gateway}${target}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${request.key}`, ack: position },
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`Confirming ${position} was answered ${response.status}: ${text}`);
}
