import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { checkOutgoingUrl, type UrlRules } from '../outgoing/outgoing-url.ts';
import type { ContractSource, Resource, ResourceKind, ResourceStore } from '../store/resources.ts';
import type { Sealer } from '../store/sealed.ts';
import type { PlacedProblem } from './config/place.ts';
import type { Draft } from './draft.ts';
import { checkEndpointPlans, endpointEnds } from './endpoint-rules.ts';
import { Exclusive } from './exclusive.ts';
import type { Offer } from './rules.ts';
import { checkSourceApis, sourceEnds } from './source-rules.ts';

export interface ContractProblem {
  readonly line: number;
  readonly column: number;
  readonly sentence: string;
}

export interface AdministrationParts extends Offer {
  readonly store: ResourceStore;
  readonly clock: Clock;
  /** For the secrets of endpoints; without it there can be none. */
  readonly sealer?: Sealer;
  /** The mistakes of a contract; empty when it can run. */
  readonly checkContract: (source: ContractSource) => Promise<readonly ContractProblem[]>;
  /** Throws INVALID_FILTER. Default: filters are looked at when they are used. */
  readonly checkFilter?: (expression: string) => void;
  /** What may be called. Default: URLs are judged when they are. */
  readonly urlRules?: UrlRules;
}

/** Whoever changes resources goes through here, one after the other: the management API and the configuration file alike. */
export class Administration {
  readonly store: ResourceStore;
  readonly offer: Offer;
  readonly #parts: AdministrationParts;
  readonly #changes = new Exclusive();

  constructor(parts: AdministrationParts) {
    this.store = parts.store;
    this.offer = parts;
    this.#parts = parts;
  }

  /** Throws INTERNAL where there is none. */
  get sealer(): Sealer {
    if (this.#parts.sealer !== undefined) return this.#parts.sealer;
    throw new GatewayError('INTERNAL', 'This Sluice was put together without a key for secrets, so it keeps none.');
  }

  now(): number {
    return this.#parts.clock.now();
  }

  /** Works out changes and writes them with nobody in between. `decide` throws to refuse; without drafts nothing is written. */
  async change<T>(actor: string, decide: () => Promise<{ readonly drafts: readonly Draft[]; readonly result: T }>): Promise<T> {
    return await this.#changes.run(async () => {
      const { drafts, result } = await decide();
      checkEndpointPlans(this.store, drafts);
      checkSourceApis(this.store, drafts);
      if (drafts.length > 0)
        await this.store.write([...drafts, ...endpointEnds(this.store, drafts), ...sourceEnds(this.store, drafts)], actor);
      return result;
    });
  }

  /** The same for changes that make or change one resource in the first place, which is answered as it was written. */
  async changeOne<K extends ResourceKind>(
    actor: string,
    decide: () => Promise<{ readonly drafts: readonly Draft[]; readonly result: Resource<K> }>,
  ): Promise<Resource<K>> {
    const resource = await this.change(actor, decide);
    return this.store.byId(resource.kind, resource.id) ?? resource;
  }

  /** Throws INVALID_FILTER for a CEL expression that no event could be tried on. */
  checkFilter(expression: string): void {
    this.#parts.checkFilter?.(expression);
  }

  /** Why an attempt at this URL is refused before a name is looked up, in the words of that attempt. */
  urlFault(url: string): string | undefined {
    const { urlRules } = this.#parts;
    const checked = urlRules && checkOutgoingUrl(url, urlRules);
    return checked !== undefined && 'refusal' in checked ? checked.refusal.sentence : undefined;
  }

  async contractProblems(source: ContractSource): Promise<readonly ContractProblem[]> {
    return await this.#parts.checkContract(source);
  }

  /** Rejects with INVALID_CONTRACT that names each mistake with its place. */
  async requireContract(source: ContractSource): Promise<void> {
    const problems = await this.contractProblems(source);
    if (problems.length === 0) return;
    const first = problems[0]!;
    const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
    throw new GatewayError('INVALID_CONTRACT', `${source.name}:${first.line}:${first.column}: ${first.sentence}${more}`, {
      details: { problems },
    });
  }
}

/** As many as people read; the answer must not grow with what was sent. */
const maxShownProblems = 100;

/** A refusal that lists the problems of a document. */
export function refusalOf(code: 'BAD_REQUEST' | 'INVALID_CONFIGURATION', problems: readonly PlacedProblem[]): GatewayError {
  const first = problems[0]!;
  const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
  return new GatewayError(code, `${first.path === '' ? '' : `${first.path}: `}${first.sentence}${more}`, {
    details: { problems: problems.slice(0, maxShownProblems) },
  });
}
