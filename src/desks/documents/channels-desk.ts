import type { DeskAnswer } from '../../core/desk.ts';
import type { ContractRuntime } from '../../gateway/contract-runtime.ts';
import type { Desk, Visit } from '../desk.ts';
import { requireMethod } from '../desk-method.ts';
import { channelsFor, type Visitors } from '../visitors.ts';
import { ChannelsDocument } from './channels-document.ts';
import { answerWith } from './document.ts';

/**
 * `GET {API}/-/channels.json`: the channels of the contract with their messages, in the form the management API has them, for whoever
 * subscribes to the API and makes events of its own by them. Everybody is shown those that may be read or published to.
 */
export class ChannelsDesk implements Desk {
  readonly name = 'channels.json';
  readonly #visitors: Visitors;
  /** Undefined for a contract that is too long to be shown. */
  readonly #documents = new WeakMap<ContractRuntime, ChannelsDocument | undefined>();

  constructor(visitors: Visitors) {
    this.#visitors = visitors;
  }

  async answer({ request, api, rest }: Visit): Promise<DeskAnswer> {
    requireMethod(request, ['GET', 'HEAD'], rest);
    const channels = channelsFor(this.#visitors.subscriberOf(request, api), api);
    const document = this.#documentOf(api.contract)?.with(channels);
    return answerWith(document, 'application/json', request);
  }

  #documentOf(contract: ContractRuntime): ChannelsDocument | undefined {
    if (!this.#documents.has(contract)) this.#documents.set(contract, ChannelsDocument.of(contract.contract));
    return this.#documents.get(contract);
  }
}
