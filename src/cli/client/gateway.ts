import { channelUrl } from '../servers.ts';
import { answerError, readBody, send } from './http.ts';
import { isObject, type JsonObject } from './json.ts';
import { CliError } from '../exit-code.ts';

/** Asks the gateway, as an application, what it shows to those who are subscribed; every failure is a CliError. */
export class GatewayClient {
  readonly #base: URL;
  readonly #key: string;
  readonly #signal: AbortSignal | undefined;

  constructor(base: URL, key: string, signal?: AbortSignal) {
    this.#base = base;
    this.#key = key;
    this.#signal = signal;
  }

  /** A JSON object, by its path below the gateway's base URL. */
  async get(path: string): Promise<JsonObject> {
    const url = channelUrl(path, this.#base);
    const headers = { authorization: `Bearer ${this.#key}`, accept: 'application/json' };
    const response = await send({ method: 'GET', url, headers, signal: this.#signal });
    const body = await readBody(response, url);
    const status = response.statusCode ?? 0;
    if (status !== 200) throw answerError(status, body, url);
    try {
      const value = JSON.parse(body.toString('utf8')) as unknown;
      if (isObject(value)) return value;
    } catch {
      // Said below: what answered is not a gateway.
    }
    throw new CliError('failed', `${url.origin} did not answer as a gateway does; is it the gateway's URL?`);
  }
}
