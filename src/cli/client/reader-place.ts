import { CliError } from '../exit-code.ts';
import { answerError, readBody, send } from './http.ts';

/** How often a durable reader tells the server how far it has got, in milliseconds. */
const confirmInterval = 1000;

/** How far a durable reader has got, told to the server now and then and at the end. */
export class ReaderPlace {
  readonly #url: URL;
  readonly #key: string | undefined;
  #position: string | undefined;
  #confirmed: string | undefined;
  #confirmedAt = 0;

  /** The channel with `reader` in its query. */
  constructor(url: URL, key: string | undefined) {
    this.#url = url;
    this.#key = key;
  }

  /** The last position reached; undefined before the first. */
  get position(): string | undefined {
    return this.#position;
  }

  async reached(position: string | undefined): Promise<void> {
    this.#position = position ?? this.#position;
    if (Date.now() - this.#confirmedAt >= confirmInterval) await this.confirm();
  }

  /** Answers what went wrong; works after an abort too, so that what was printed last is not printed again. */
  async confirm(): Promise<CliError | undefined> {
    const position = this.#position;
    if (position === undefined || position === this.#confirmed) return undefined;
    this.#confirmedAt = Date.now();
    try {
      await this.#send(position);
      this.#confirmed = position;
      return undefined;
    } catch (error) {
      if (error instanceof CliError) return error;
      throw error;
    }
  }

  async #send(position: string): Promise<void> {
    const headers: Record<string, string> = { ack: position, 'content-length': '0' };
    if (this.#key !== undefined) headers['authorization'] = `Bearer ${this.#key}`;
    const response = await send({ method: 'POST', url: this.#url, headers, timeout: 5000 });
    const body = await readBody(response, this.#url, 5000);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw answerError(status, body, this.#url);
  }
}
