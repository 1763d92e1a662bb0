import type { Contract, ContractChannel, ContractMessage } from '../contracts/contract.ts';
import { compileChecker, defaultsFor, type EventChecker, type NotChecked } from '../contracts/event-checker.ts';
import { findChannel, findChannels } from '../contracts/find-channel.ts';
import { loadContract } from '../contracts/load-contract.ts';
import { sampleEvent, type Sample } from '../contracts/sample-event.ts';
import type { EventDraft } from '../core/event.ts';
import type { ContractSource } from '../store/resources.ts';

export interface Violation {
  readonly path: string;
  readonly sentence: string;
}

/** A contract at work: routes, permissions and checks. */
export class ContractRuntime {
  /** The document as it was understood. */
  readonly contract: Contract;
  readonly #checker: EventChecker;

  private constructor(contract: Contract, checker: EventChecker) {
    this.contract = contract;
    this.#checker = checker;
  }

  /** Rejects with ContractError. Compiling runs in a thread of its own under a time limit first. */
  static async open(source: ContractSource): Promise<ContractRuntime> {
    const contract = await loadContract(source);
    return new ContractRuntime(contract, await compileChecker(contract));
  }

  /** Messages whose schema language is passed through unchecked: for the operator's log. */
  get notChecked(): readonly NotChecked[] {
    return this.#checker.notChecked;
  }

  /** The channel a concrete address belongs to. */
  find(address: string): ContractChannel | undefined {
    return findChannel(this.contract, address);
  }

  /** Every channel a pattern can match. */
  findAll(pattern: string): readonly ContractChannel[] {
    return findChannels(this.contract, pattern);
  }

  /** What is wrong with an event a client (or, `as` provider, the provider) publishes; undefined when nothing is. */
  check(channel: ContractChannel, event: EventDraft, as: 'client' | 'provider'): readonly Violation[] | undefined {
    return this.#checker.check(channel, event, as === 'client' ? 'receive' : 'send');
  }

  /** What an event that the provider sends looks like, always the same one. */
  sample(channel: ContractChannel, message: ContractMessage): Promise<Sample> {
    return sampleEvent({ channel, message, checker: this.#checker, direction: 'send', seed: 1 });
  }

  /** The type of an event sent without an envelope, where exactly one message can be meant. */
  defaultType(channel: ContractChannel, as: 'client' | 'provider'): string | undefined {
    return defaultsFor(channel, as === 'client' ? 'receive' : 'send').type;
  }
}
