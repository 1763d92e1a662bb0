import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';

/** PING and SETTINGS frames, each of which must be answered, that a client may send between two looks. */
const maxAsked = 100;
/** Milliseconds a connection has to open its first stream, and may stay without one after that. */
const firstStreamTime = 10_000;
const idleTime = 60_000;
/** Milliseconds a request body has to arrive, and a request that is no event stream has in all: the longest poll and time to take its answer. */
const bodyTime = 30_000;
const requestTime = 120_000;

/** What one HTTP/2 connection does with the time and the answers it is given. */
export class Http2Watch {
  readonly #session: ServerHttp2Session;
  /** When each request that must end was opened. */
  readonly #requests = new Map<ServerHttp2Stream, number>();
  #open = 0;
  #asked = 0;
  /** Since when no stream is open, and for how long that may go on. */
  #idleSince = performance.now();
  #mayIdle = firstStreamTime;

  constructor(session: ServerHttp2Session) {
    this.#session = session;
    const asked = (): void => this.#answered();
    session.on('ping', asked);
    session.on('remoteSettings', asked);
  }

  /** `isEndless`: an event stream, which has its own end. */
  opened(stream: ServerHttp2Stream, isEndless: boolean): void {
    this.#open += 1;
    this.#mayIdle = idleTime;
    if (!isEndless) this.#requests.set(stream, performance.now());
    stream.once('close', () => {
      this.#open -= 1;
      this.#requests.delete(stream);
      if (this.#open === 0) this.#idleSince = performance.now();
    });
  }

  /** Ends what has had its time. */
  look(now: number): void {
    this.#asked = 0;
    for (const [stream, since] of this.#requests) {
      if (now - since < bodyTime) break;
      const isUploading = !stream.endAfterHeaders && !stream.readableEnded;
      if (isUploading || now - since >= requestTime) stream.close(constants.NGHTTP2_CANCEL);
    }
    if (this.#open > 0 || now - this.#idleSince < this.#mayIdle) return;
    if (this.#session.closed) this.#session.destroy();
    else this.#session.close();
  }

  #answered(): void {
    this.#asked += 1;
    if (this.#asked <= maxAsked) return;
    this.#session.destroy(new Error('This client asks for too many answers.'), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
