import type { ConnectionContext } from '../core/policy.ts';
import type { ApiRuntime, BoundSubscription } from './catalogue.ts';
import { isReadable, served } from './permission.ts';
import { scopeRefusal } from './scope.ts';
import { visibleChannels } from './visible-channels.ts';

/** Addresses remembered of one subscription; past it all are looked at anew. */
const mostAddresses = 4096;

/** Which addresses of an API one subscription may read, for whoever gets just those of all there are; true as long as neither changes. */
export class ReadableAddresses {
  readonly api: ApiRuntime;
  /** There is none, or the API or the subscription cannot be used at all. */
  readonly isNothing: boolean;
  /** Every address that the contract has. */
  readonly isEverything: boolean;
  readonly #subscription: BoundSubscription;
  readonly #connection: ConnectionContext;
  readonly #known = new Map<string, boolean>();

  constructor(subscription: BoundSubscription, api: ApiRuntime) {
    this.api = api;
    this.#subscription = subscription;
    const { context } = subscription;
    this.#connection = { protocol: 'webhook', subscription: context, stream: true, connectedAt: 0 };
    const readable = visibleChannels(api.contract, [{ as: context.as, allow: { read: context.allow.read, publish: [] } }]);
    this.isNothing = subscription.resource.spec.state !== 'accepted' || !isServed(api) || readable.size === 0;
    const isInScope = scopeRefusal([subscription], ['read'], '*') === undefined && this.#isLetThrough('*');
    this.isEverything = !this.isNothing && isInScope && api.contract.findAll('*').every((channel) => readable.has(channel));
  }

  has(address: string): boolean {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const has = !this.isNothing && this.#isReadable(address);
    if (this.#known.size >= mostAddresses) this.#known.clear();
    this.#known.set(address, has);
    return has;
  }

  #isReadable(address: string): boolean {
    const subscription = this.#subscription;
    return (
      scopeRefusal([subscription], ['read'], address) === undefined &&
      isReadable(subscription, this.api, address) &&
      this.#isLetThrough(address)
    );
  }

  /** By the policies of its plan. */
  #isLetThrough(address: string): boolean {
    return this.#subscription.stages.read(this.#connection, address) === undefined;
  }
}

const bySubscription = new WeakMap<BoundSubscription, ReadableAddresses>();

/** The same for everybody who reads under this subscription, until it or the API changes. */
export function readableAddresses(subscription: BoundSubscription, api: ApiRuntime): ReadableAddresses {
  const known = bySubscription.get(subscription);
  if (known?.api === api) return known;
  const readable = new ReadableAddresses(subscription, api);
  bySubscription.set(subscription, readable);
  return readable;
}

function isServed(api: ApiRuntime): boolean {
  try {
    served(api);
    return true;
  } catch {
    return false;
  }
}
