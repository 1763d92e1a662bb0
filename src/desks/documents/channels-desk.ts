import type { Contract } from '../../contracts/contract.ts';
import type { DeskAnswer } from '../../core/desk.ts';
import type { ContractRuntime } from '../../gateway/contract-runtime.ts';
import type { Desk, Visit } from '../desk.ts';
import { requireMethod } from '../desk-method.ts';
import type { Visitors } from '../visitors.ts';
import { answerWith, documentOf, type Document } from './document.ts';

/**
 * `GET {API}/-/channels.json`: the channels of the contract with their messages, as the management API has them, for whoever subscribes
 * to the API and makes events of its own by them.
 */
export class ChannelsDesk implements Desk {
  readonly name = 'channels.json';
  readonly #visitors: Visitors;
  readonly #documents = new WeakMap<ContractRuntime, Document>();

  constructor(visitors: Visitors) {
    this.#visitors = visitors;
  }

  async answer({ request, api, rest }: Visit): Promise<DeskAnswer> {
    requireMethod(request, ['GET', 'HEAD'], rest);
    this.#visitors.subscriberOf(request, api);
    const document = this.#documents.get(api.contract) ?? documentOf(shown(api.contract.contract));
    this.#documents.set(api.contract, document);
    return answerWith(document, 'application/json', request);
  }
}

/** Without what is the provider's own: where it runs, how it is protected, and what was odd about the document. */
function shown(contract: Contract): Contract {
  const channels = contract.channels.map((channel) => ({ ...channel, servers: [], security: [], bindings: {} }));
  return { ...contract, channels, servers: [], operations: [], securitySchemes: {}, warnings: [] };
}
