import { GatewayError, errorKinds, type ErrorCode } from '../../core/errors.ts';

/** An endpoint as the management API shows it to its application. */
export interface Endpoint {
  readonly id: string;
  readonly name: string;
  readonly subscription: string;
  readonly address: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly state: string;
  readonly createdAt: number;
  readonly version: number;
  /** Shown once, when it is made. */
  readonly secret?: string;
}

/** One request to the management API, in this process. */
export type Manage = (request: {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload?: object;
}) => Promise<{ readonly statusCode: number; readonly body: string }>;

const pageSize = 200;
/** Of an endpoint, in characters. */
const longestId = 40;

/** What an application may do with its endpoints by its own key: the management API checks, decides and keeps the audit. */
export class OwnEndpoints {
  readonly #manage: Manage;

  constructor(manage: Manage) {
    this.#manage = manage;
  }

  async list(apiKey: string): Promise<readonly Endpoint[]> {
    const found: Endpoint[] = [];
    for (let after: string | null = ''; after !== null;) {
      const cursor: string = after === '' ? '' : `&after=${encodeURIComponent(after)}`;
      const page = (await this.#ask('GET', `/endpoints?limit=${pageSize}${cursor}`, apiKey)) as { items: Endpoint[]; next?: string | null };
      found.push(...page.items);
      after = page.next ?? null;
    }
    return found;
  }

  /** Undefined where the application has none of this id. */
  async get(apiKey: string, id: string): Promise<Endpoint | undefined> {
    if (id.length > longestId) return undefined;
    try {
      return (await this.#ask('GET', `/endpoints/${encodeURIComponent(id)}`, apiKey)) as Endpoint;
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  async create(apiKey: string, wanted: object): Promise<Endpoint> {
    return (await this.#ask('POST', '/endpoints', apiKey, { payload: wanted })) as Endpoint;
  }

  async delete(apiKey: string, { id, version }: Pick<Endpoint, 'id' | 'version'>): Promise<void> {
    await this.#ask('DELETE', `/endpoints/${id}`, apiKey, { ifMatch: `"${version}"` });
  }

  /** Only ever as the application: a key goes into a header where no administrator's token is looked for. */
  async #ask(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    apiKey: string,
    { payload, ifMatch }: { readonly payload?: object; readonly ifMatch?: string } = {},
  ): Promise<unknown> {
    const headers = { 'x-api-key': apiKey, ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) };
    const request = { method, url: `/api/v1${path}`, headers };
    const { statusCode, body } = await this.#manage(payload === undefined ? request : { ...request, payload });
    if (statusCode < 300) return body === '' ? undefined : JSON.parse(body);
    throw refusalOf(body);
  }
}

/** What the management API refused, said in its own words. */
function refusalOf(body: string): GatewayError {
  const { code, detail, retryAfter, problems } = JSON.parse(body) as Readonly<Record<string, unknown>>;
  const isKnown = typeof code === 'string' && Object.hasOwn(errorKinds, code);
  return new GatewayError(isKnown ? (code as ErrorCode) : 'INTERNAL', String(detail), {
    retryAfter: typeof retryAfter === 'number' ? retryAfter * 1000 : undefined,
    details: problems === undefined ? {} : { problems },
  });
}
