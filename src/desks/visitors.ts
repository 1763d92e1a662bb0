import type { ContractChannel } from '../contracts/contract.ts';
import type { DeskRequest } from '../core/desk.ts';
import { GatewayError } from '../core/errors.ts';
import type { ApiRuntime, BoundSubscription, Catalogue } from '../gateway/catalogue.ts';
import type { EventGateway } from '../gateway/gateway.ts';
import { visibleChannels } from '../gateway/visible-channels.ts';
import { credentialOf } from '../listeners/http-request.ts';

/** Who asks at a desk, and with which key. */
export interface Visitor {
  readonly application: string;
  /** As it was sent. */
  readonly apiKey: string;
  /** Its accepted subscriptions to the API; never none. */
  readonly subscriptions: readonly BoundSubscription[];
}

interface VisitorsParts {
  readonly gateway: Pick<EventGateway, 'identify'>;
  readonly catalogue: Pick<Catalogue, 'subscriptions'>;
}

/** Tells those who may ask about an API from those who may not. */
export class Visitors {
  readonly #parts: VisitorsParts;

  constructor(parts: VisitorsParts) {
    this.#parts = parts;
  }

  /** Throws UNAUTHENTICATED without a valid key, FORBIDDEN for an application that is not subscribed to the API. */
  subscriberOf({ headers, query }: DeskRequest, api: ApiRuntime): Visitor {
    const { authorization, 'x-api-key': key } = headers;
    const raw = { headers: { authorization: single(authorization), 'x-api-key': single(key) }, rawHeaders: [], httpVersion: '1.1' };
    const credential = credentialOf({ raw, query: new URLSearchParams(query) });
    if (credential?.kind === 'ticket') throw new GatewayError('UNAUTHENTICATED', 'Tickets are for reading events; send the API key here.');
    const { parent: application } = this.#parts.gateway.identify(credential, api);
    const subscriptions = this.#parts.catalogue
      .subscriptions(application, api.resource.name)
      .filter(({ resource }) => resource.spec.state === 'accepted');
    if (subscriptions.length === 0)
      throw new GatewayError('FORBIDDEN', `The application ${application} has no accepted subscription to the API ${api.resource.name}.`);
    return { application, apiKey: credential!.value, subscriptions };
  }
}

/** The channels of an API that a visitor may be told of, in whatever document. */
export function channelsFor({ subscriptions }: Visitor, { contract }: ApiRuntime): ReadonlySet<ContractChannel> {
  return visibleChannels(
    contract,
    subscriptions.map(({ context }) => context),
  );
}

function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
