import type { ContractChannel } from '../../contracts/contract.ts';
import { openApiDocument } from '../../contracts/openapi-webhooks.ts';
import type { DeskAnswer } from '../../core/desk.ts';
import type { ContractRuntime } from '../../gateway/contract-runtime.ts';
import { RecentlyUsed } from '../../gateway/recently-used.ts';
import type { Desk, Visit } from '../desk.ts';
import { requireMethod } from '../desk-method.ts';
import { channelsFor, type Visitors } from '../visitors.ts';
import { answerWith, documentOf, etagOf, type Document } from './document.ts';

/** Documents of one contract that are kept ready, each for those who see the same of its channels. */
const mostDocuments = 8;

/** `document` is undefined where it would be too long. */
interface Written {
  readonly document: Document | undefined;
}

/**
 * `GET {API}/-/openapi.json`: the contract as an OpenAPI 3.1 document with its webhooks, for whoever subscribes to the API. Like
 * `channels.json` it tells everybody of the channels that may be read or published to, and of no schema that only others need.
 */
export class OpenApiDesk implements Desk {
  readonly name = 'openapi.json';
  readonly #visitors: Visitors;
  /** By the channels in it. */
  readonly #documents = new WeakMap<ContractRuntime, RecentlyUsed<Written>>();

  constructor(visitors: Visitors) {
    this.#visitors = visitors;
  }

  async answer({ request, api, apiUrl, rest }: Visit): Promise<DeskAnswer> {
    requireMethod(request, ['GET', 'HEAD'], rest);
    const channels = channelsFor(this.#visitors.subscriberOf(request, api), api);
    const document = this.#documentOf(api.contract, channels);
    return answerWith(document && reachedBy(document, apiUrl), 'application/vnd.oai.openapi+json;version=3.1', request);
  }

  #documentOf(contract: ContractRuntime, channels: ReadonlySet<ContractChannel>): Document | undefined {
    const known = this.#documents.get(contract) ?? new RecentlyUsed<Written>(mostDocuments);
    this.#documents.set(contract, known);
    const chosen = contract.contract.channels.filter((channel) => channels.has(channel));
    const key = etagOf(JSON.stringify(chosen.map(({ id }) => id)));
    return known.of(key, () => ({ document: documentOf(openApiDocument({ ...contract.contract, channels: chosen })) })).document;
  }
}

/** The document with the URL the API is reached by, which is the client's word where the operator has said nothing. */
function reachedBy({ text, etag }: Document, url: string): Document {
  return {
    etag: etagOf(`${etag} ${url}`),
    get text() {
      return `{"servers":${JSON.stringify([{ url }])},${text.slice(1)}`;
    },
  };
}
