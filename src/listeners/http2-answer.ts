import { constants, type ServerHttp2Stream } from 'node:http2';
import type { GatewayError } from '../core/errors.ts';
import type { BareAnswer, BytePipe } from './bare-answer.ts';
import { lingerTime } from './last-words.ts';
import { refusalHeaders } from './respond.ts';

type Fields = Readonly<Record<string, string>>;

/** Answers on one stream of an HTTP/2 connection; flow control is the stream's own, so that one that is not read holds up no other. */
export class Http2Answer implements BareAnswer, BytePipe {
  readonly #stream: ServerHttp2Stream;
  bytesWritten = 0;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  get pipe(): BytePipe {
    return this;
  }

  begin(status: number, fields: Fields, first: string): void {
    if (this.destroyed) return;
    this.#stream.respond({ ':status': status, ...fields });
    this.write(Buffer.from(first));
  }

  whole(status: number, fields: Fields, body: Buffer | undefined): void {
    if (this.destroyed) return;
    const stream = this.#stream;
    stream.respond({ ':status': status, ...fields });
    stream.end(body);
    // Whose window takes no body would keep the stream, and with it the connection, without ever having been let in.
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), lingerTime);
    stream.once('close', () => clearTimeout(timer));
  }

  refuse(error: GatewayError, fields: Fields): void {
    const all = { 'content-type': 'application/problem+json', ...refusalHeaders(error), ...fields };
    this.whole(error.status, all, Buffer.from(JSON.stringify(error.toProblem())));
    if (!this.#stream.endAfterHeaders) stopUpload(this.#stream);
  }

  write(bytes: Buffer): boolean {
    this.bytesWritten += bytes.length;
    return this.#stream.write(bytes);
  }

  end(bytes: Buffer): void {
    this.#stream.end(bytes);
  }

  destroy(): void {
    this.#stream.destroy();
  }

  get destroyed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  get writableLength(): number {
    return this.#stream.writableLength;
  }

  on(event: 'drain' | 'close', listener: () => void): void {
    this.#stream.on(event, listener);
  }

  once(event: 'close', listener: () => void): void {
    this.#stream.once(event, listener);
  }
}

/** Once the answer is out, asks for no more of a body that nobody reads (RFC 9113, section 8.1). */
export function stopUpload(stream: ServerHttp2Stream): void {
  stream.resume();
  const stop = (): void => stream.close(constants.NGHTTP2_NO_ERROR);
  if (stream.writableFinished) stop();
  else stream.once('finish', stop);
}
