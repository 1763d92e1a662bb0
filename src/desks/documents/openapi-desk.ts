import { openApiDocument } from '../../contracts/openapi-webhooks.ts';
import type { DeskAnswer } from '../../core/desk.ts';
import type { ContractRuntime } from '../../gateway/contract-runtime.ts';
import type { Desk, Visit } from '../desk.ts';
import { requireMethod } from '../desk-method.ts';
import type { Visitors } from '../visitors.ts';
import { answerWith, documentOf, type Document } from './document.ts';

/** `GET {API}/-/openapi.json`: the contract as an OpenAPI 3.1 document with its webhooks, for whoever subscribes to the API. */
export class OpenApiDesk implements Desk {
  readonly name = 'openapi.json';
  readonly #visitors: Visitors;
  /** Made once for each revision of a contract, and for each URL the API is reached by; undefined where it would be too long. */
  readonly #documents = new WeakMap<ContractRuntime, Map<string, Document | undefined>>();

  constructor(visitors: Visitors) {
    this.#visitors = visitors;
  }

  async answer({ request, api, apiUrl, rest }: Visit): Promise<DeskAnswer> {
    requireMethod(request, ['GET', 'HEAD'], rest);
    this.#visitors.subscriberOf(request, api);
    return answerWith(this.#documentOf(api.contract, apiUrl), 'application/vnd.oai.openapi+json;version=3.1', request);
  }

  #documentOf(contract: ContractRuntime, apiUrl: string): Document | undefined {
    const known = this.#documents.get(contract) ?? new Map<string, Document | undefined>();
    this.#documents.set(contract, known);
    if (known.has(apiUrl)) return known.get(apiUrl);
    const document = documentOf({ ...openApiDocument(contract.contract), servers: [{ url: apiUrl }] });
    // The host is the client's word, of which there may be any number.
    if (known.size >= mostUrls) known.clear();
    known.set(apiUrl, document);
    return document;
  }
}

/** URLs under which one API's document is kept ready. */
const mostUrls = 8;
