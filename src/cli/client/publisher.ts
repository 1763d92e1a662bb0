import { answerError, readBody, send } from './http.ts';
import { isObject, parseJson } from './json.ts';

/** One request's worth of events, encoded. */
export interface Publication {
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** Attributes of the binary mode. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface Accepted {
  readonly accepted: number;
  readonly positions: readonly string[];
  /** How many were repeats of events accepted before; their positions are the first ones'. */
  readonly duplicates?: number | undefined;
}

/** Publishes over HTTP to one channel; resolves once the events are durable. */
export class Publisher {
  readonly #url: URL;
  readonly #key: string | undefined;
  readonly #signal: AbortSignal | undefined;

  constructor(channel: URL, key: string | undefined, signal?: AbortSignal) {
    this.#url = channel;
    this.#key = key;
    this.#signal = signal;
  }

  async publish(publication: Publication): Promise<Accepted> {
    const headers: Record<string, string> = { ...publication.headers, 'content-type': publication.contentType, accept: 'application/json' };
    if (this.#key !== undefined) headers['authorization'] = `Bearer ${this.#key}`;
    const response = await send({ method: 'POST', url: this.#url, headers, body: publication.body, signal: this.#signal });
    const body = await readBody(response, this.#url);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw answerError(status, body, this.#url);
    const answer = parseJson(body.toString('utf8'))?.value;
    const { accepted, positions, duplicates } = isObject(answer) ? answer : {};
    return {
      accepted: typeof accepted === 'number' ? accepted : 0,
      positions: Array.isArray(positions) ? positions.map(String) : [],
      ...(typeof duplicates === 'number' ? { duplicates } : {}),
    };
  }
}
