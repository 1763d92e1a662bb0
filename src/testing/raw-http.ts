import { connect, type Socket } from 'node:net';

/** The head of a response as it came. */
export interface RawHead {
  readonly status: number;
  /** Names in lower case; repeated fields joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
}

/** One HTTP/1.1 exchange on a socket of its own, for what HTTP clients hide: stalls, cuts, bytes out of place. */
export class RawHttp {
  readonly socket: Socket;
  #onHead: (head: RawHead) => void = () => undefined;
  #onBody: (chunk: Buffer) => void = () => undefined;
  #early: Buffer[] = [];
  #rest = Buffer.alloc(0);
  #head: RawHead | undefined;
  /** How often the server asked to go on with the body. */
  continues = 0;
  readonly head = new Promise<RawHead>((resolve) => (this.#onHead = resolve));
  /** Resolves when the socket is closed, whoever closed it. */
  readonly closed: Promise<void>;

  /** `receive` gets the bytes behind the head; without it `body` collects them. */
  constructor(gateway: string, receive?: (chunk: Buffer) => void) {
    const { hostname, port } = new URL(gateway);
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: false });
    this.socket.on('error', () => undefined);
    this.socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    this.#onBody = receive ?? ((chunk) => void this.#early.push(chunk));
  }

  /** Sends a request line and header fields; a body follows by `socket.write`. */
  send(method: string, target: string, headers: Readonly<Record<string, string>>): void {
    const lines = Object.entries({ host: 'gateway', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
  }

  /** Bytes behind the head so far, where nobody else receives them. */
  get body(): Buffer {
    return Buffer.concat(this.#early);
  }

  #receive(chunk: Buffer): void {
    if (this.#head !== undefined) {
      this.#onBody(chunk);
      return;
    }
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end === -1) return;
    const head = parseHead(this.#rest.subarray(0, end).toString('latin1'));
    const rest = this.#rest.subarray(end + 4);
    this.#rest = Buffer.alloc(0);
    if (head.status === 100) {
      this.continues += 1;
      if (rest.length > 0) this.#receive(rest);
      return;
    }
    this.#head = head;
    this.#onHead(head);
    if (rest.length > 0) this.#onBody(rest);
  }
}

function parseHead(text: string): RawHead {
  const [first = '', ...lines] = text.split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { status: Number(first.split(' ')[1]), headers };
}
