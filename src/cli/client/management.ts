import { CliError } from '../exit-code.ts';
import { answerError, readBody, send } from './http.ts';
import { parseJson } from './json.ts';

/** A JSON object as the management API answers it. */
export type View = Readonly<Record<string, unknown>>;

interface CallOptions {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly ifMatch?: string;
}

/** Speaks the management API under `/api/v1`; every failure is a CliError with the exit code it stands for. */
export class ManagementClient {
  readonly #base: URL;
  readonly #token: string;
  readonly #signal: AbortSignal | undefined;

  constructor(control: URL, token: string, signal?: AbortSignal) {
    this.#base = control;
    this.#token = token;
    this.#signal = signal;
  }

  async get(path: readonly string[], query?: CallOptions['query']): Promise<View> {
    return this.call('GET', path, query === undefined ? {} : { query });
  }

  async post(path: readonly string[], body: unknown): Promise<View> {
    return this.call('POST', path, { body });
  }

  /** Deletes whatever version is there. */
  async remove(path: readonly string[]): Promise<View> {
    return this.call('DELETE', path, { ifMatch: '*' });
  }

  /** All items of a list, page by page, at most `limit` of them. */
  async *items(path: readonly string[], query: CallOptions['query'] = {}, limit = Number.POSITIVE_INFINITY): AsyncGenerator<View> {
    let after: string | undefined;
    let left = limit;
    while (left > 0) {
      const page = await this.get(path, { ...query, limit: String(Math.min(left, 1000)), after });
      const items = Array.isArray(page['items']) ? (page['items'] as View[]) : [];
      for (const item of items.slice(0, left)) yield item;
      left -= items.length;
      if (typeof page['next'] !== 'string' || items.length === 0) return;
      after = page['next'];
    }
  }

  async call(method: string, path: readonly string[], options: CallOptions): Promise<View> {
    const url = this.#url(path, options.query ?? {});
    const headers: Record<string, string> = { authorization: `Bearer ${this.#token}`, accept: 'application/json' };
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    if (options.ifMatch !== undefined) headers['if-match'] = options.ifMatch;
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const response = await send({ method, url, headers, body, signal: this.#signal });
    const answer = await readBody(response, url);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw answerError(status, answer, url);
    return answer.byteLength === 0 ? {} : parseView(answer, url);
  }

  #url(path: readonly string[], query: Readonly<Record<string, string | undefined>>): URL {
    const url = new URL(this.#base);
    const prefix = url.pathname.endsWith('/') ? url.pathname.slice(0, -1) : url.pathname;
    url.pathname = [prefix, 'api', 'v1', ...path.map((segment) => encodeURIComponent(segment))].join('/');
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    return url;
  }
}

function parseView(body: Buffer, url: URL): View {
  // What an event holds is shown as it was published.
  const value = parseJson(body.toString('utf8'))?.value;
  if (typeof value === 'object' && value !== null) return value as View;
  throw new CliError('failed', `${url.origin} did not answer as the management API does; is it the control URL?`);
}
