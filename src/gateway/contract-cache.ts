import { createHash } from 'node:crypto';
import type { ContractSource } from '../store/resources.ts';
import { ContractRuntime } from './contract-runtime.ts';

/** Contracts kept ready besides those in use: what a configuration that is checked, then applied, asks for twice. */
const mostContracts = 64;

/** Opens each contract once, however many ask for the same text: checking it and serving it are one piece of work. */
export class ContractCache {
  /** By content, least recently used first. */
  readonly #opened = new Map<string, Promise<ContractRuntime>>();

  /** Rejects with ContractError. */
  open(source: ContractSource): Promise<ContractRuntime> {
    const key = createHash('sha256')
      .update(JSON.stringify([source.name, source.text, source.files]))
      .digest('base64');
    const opening = this.#opened.get(key) ?? ContractRuntime.open(source);
    this.#opened.delete(key);
    this.#opened.set(key, opening);
    opening.catch(() => this.#opened.delete(key));
    for (const oldest of this.#opened.keys()) {
      if (this.#opened.size <= mostContracts) break;
      this.#opened.delete(oldest);
    }
    return opening;
  }
}
