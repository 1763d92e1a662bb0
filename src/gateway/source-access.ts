import type { Placed } from '../core/backbone.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { EventDraft } from '../core/event.ts';
import type { ConnectionContext } from '../core/policy.ts';
import type { ApiRuntime, BoundSubscription } from './catalogue.ts';
import { inactive, publishableBy, served } from './permission.ts';
import { publishEvents } from './publishing.ts';
import { reasonOf, refusalOf } from './refusal.ts';
import { scopeRefusal } from './scope.ts';
import type { SessionServices } from './session.ts';

/** What an API's entrypoints must name so that webhooks of other providers may come in, and what their events are counted under. */
export const webhookProtocol = 'webhook';

/** Where webhooks come in: nobody shows a key, it is the provider's signature that is believed. */
export interface SourceRequest {
  /** Name of the API at which they came in. */
  readonly api: string;
  /** Id of the subscription under which they are published; undefined where there is no such source. */
  readonly subscription: string | undefined;
  readonly address: string;
  /** Whose events keep their order. */
  readonly publisher: object;
}

/** One source's way into the gateway. */
export interface SourceAccess {
  /** All events are durable, or none is taken; rejects with what a client would be told. */
  publish(events: readonly EventDraft[]): Promise<readonly Placed[]>;
  /** Counts what was refused before there were events to publish; `connect`: who sends it is not believed. */
  refused(stage: 'connect' | 'publish', error: GatewayError): void;
}

type Services = Pick<SessionServices, 'catalogue' | 'meter' | 'precedence' | 'now'>;

/** Opens a source under its subscription as it is now. */
export function openSource(services: Services, request: SourceRequest): SourceAccess {
  return {
    publish: async (events) => await publishFrom(services, request, events),
    refused: (stage, error) => record(services, request, { stage, error, events: stage === 'publish' ? 1 : 0 }),
  };
}

async function publishFrom(services: Services, request: SourceRequest, events: readonly EventDraft[]): Promise<readonly Placed[]> {
  const { meter, precedence, now } = services;
  const { address, publisher } = request;
  let admitted: ReturnType<typeof admit>;
  try {
    admitted = admit(services, request);
  } catch (thrown) {
    const error = toGatewayError(thrown);
    record(services, request, { stage: 'publish', error, events: events.length });
    throw error;
  }
  return await publishEvents({ meter, precedence, now, ...admitted, publisher, address, events });
}

function admit(
  { catalogue, now }: Services,
  request: SourceRequest,
): { readonly api: ApiRuntime; readonly subscription: BoundSubscription; readonly connection: ConnectionContext } {
  const bound = request.subscription === undefined ? undefined : catalogue.subscription(request.subscription);
  if (bound?.resource.spec.state !== 'accepted') throw inactive(bound);
  const api = catalogue.api(bound.context.api);
  if (api === undefined) throw new GatewayError('NOT_FOUND', `The API ${bound.context.api} is not served.`);
  served(api);
  const { name, spec } = api.resource;
  if (!spec.entrypoints.includes(webhookProtocol))
    throw new GatewayError(
      'NOT_ACCEPTABLE',
      `The API ${name} does not offer ${webhookProtocol}; it offers ${spec.entrypoints.join(', ')}.`,
    );
  const outside = scopeRefusal([bound], ['publish'], request.address);
  if (outside !== undefined) throw outside;
  const subscription = publishableBy([bound], api, request.address);
  // The plan's security is about keys, which providers do not show; its end is an end for everybody.
  const connection: ConnectionContext = { protocol: webhookProtocol, subscription: bound.context, stream: false, connectedAt: now() };
  const expiry = subscription.stages.expiry(connection);
  // In the words of a client that knocks too late.
  if (expiry !== undefined && expiry.at <= now())
    throw new GatewayError('SUBSCRIPTION_INACTIVE', expiry.error.message, { details: expiry.error.details });
  return { api, subscription, connection };
}

function record(
  { catalogue, meter }: Services,
  { api, subscription, address }: SourceRequest,
  decision: { readonly stage: 'connect' | 'publish'; readonly error: GatewayError; readonly events: number },
): void {
  const bound = subscription === undefined ? undefined : catalogue.subscription(subscription);
  if (bound !== undefined) {
    meter.refused(refusalOf(bound, { ...decision, address, protocol: webhookProtocol }));
    return;
  }
  const { stage, error, events } = decision;
  meter.refused({
    tenant: catalogue.api(api)?.resource.tenant ?? 'default',
    application: undefined,
    subscription: undefined,
    api,
    plan: undefined,
    protocol: webhookProtocol,
    address: undefined,
    stage,
    code: error.code,
    reason: reasonOf(error),
    sentence: error.message,
    events,
    retryAfter: error.retryAfter,
  });
}
