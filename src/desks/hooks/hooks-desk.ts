import { hash } from 'node:crypto';
import type { DeskAnswer, DeskRequest } from '../../core/desk.ts';
import { GatewayError } from '../../core/errors.ts';
import { takesEndpoints } from '../../control/endpoint-rules.ts';
import type { ApiRuntime, Catalogue } from '../../gateway/catalogue.ts';
import type { EventGateway } from '../../gateway/gateway.ts';
import { allowed } from '../../gateway/push-access.ts';
import type { ResourceStore } from '../../store/resources.ts';
import type { Desk, Visit } from '../desk.ts';
import { requireMethod } from '../desk-method.ts';
import { channelsFor, type Visitor, type Visitors } from '../visitors.ts';
import { readHookRequest, type HookRequest } from './hook-request.ts';
import { hookSamples } from './hook-samples.ts';
import type { Endpoint, OwnEndpoints } from './own-endpoints.ts';
import { sentEvent, sentEvents, type SentEvent } from './sent-events.ts';

interface HooksParts {
  readonly visitors: Visitors;
  readonly endpoints: OwnEndpoints;
  readonly catalogue: Pick<Catalogue, 'api' | 'subscription'>;
  readonly store: ResourceStore;
  readonly gateway: Pick<EventGateway, 'newest'>;
}

/** In the metadata of an endpoint that was made here, and so may be deleted here. */
const madeHere = 'rest-hook';

/**
 * REST Hooks at `{API}/-/hooks`: a platform subscribes by `POST`, unsubscribes by `DELETE`, and gets samples by `GET`, with an
 * application's key. A hook is an endpoint like any other, made as that application itself would make it.
 */
export class HooksDesk implements Desk {
  readonly name = 'hooks';
  readonly #parts: HooksParts;

  constructor(parts: HooksParts) {
    this.#parts = parts;
  }

  async answer({ request, api, apiUrl, rest }: Visit): Promise<DeskAnswer> {
    const [place, ...more] = rest;
    if (more.length > 0) throw new GatewayError('NOT_FOUND', 'There is nothing at this path.');
    const visitor = this.#parts.visitors.subscriberOf(request, api);
    if (place === 'events') return this.#events(request, visitor, api);
    if (place === 'samples') return await this.#samples(request, visitor, api);
    if (place !== undefined) return await this.#one(request, visitor, api, place);
    requireMethod(request, ['GET', 'POST']);
    if (request.method === 'GET') return json(200, (await this.#mine(visitor, api)).map(shown));
    return await this.#subscribe(readHookRequest(request), visitor, { api, hooksUrl: `${apiUrl}/-/hooks` });
  }

  #events(request: DeskRequest, visitor: Visitor, api: ApiRuntime): DeskAnswer {
    requireMethod(request, ['GET']);
    const described = sentEvents(api, channelsFor(visitor, api)).map(({ type, address, message }) => ({
      event: type,
      address,
      title: message.title ?? message.name ?? type,
      description: message.description,
    }));
    return json(200, described);
  }

  async #samples(request: DeskRequest, visitor: Visitor, api: ApiRuntime): Promise<DeskAnswer> {
    requireMethod(request, ['GET']);
    const query = new URLSearchParams(request.query);
    const type = query.get('event');
    if (type === null) throw new GatewayError('BAD_REQUEST', 'Name the type of the events: GET …/-/hooks/samples?event=….');
    const event = eventFor(visitor, api, { type, address: query.get('address') ?? undefined });
    const subscription = this.#readableBy(visitor, event.address);
    return json(200, await hookSamples(api, event, { gateway: this.#parts.gateway, subscription }));
  }

  /** Id of the subscription under which events of an address, or pattern, would be delivered to the visitor; undefined: none. */
  #readableBy({ subscriptions }: Visitor, address: string): string | undefined {
    return subscriptions.find(({ resource }) => {
      try {
        allowed(this.#parts, { subscription: resource.id, address });
        return true;
      } catch (error) {
        if (error instanceof GatewayError) return false;
        throw error;
      }
    })?.resource.id;
  }

  async #one(request: DeskRequest, visitor: Visitor, api: ApiRuntime, id: string): Promise<DeskAnswer> {
    requireMethod(request, ['GET', 'DELETE']);
    const hook = await this.#hook(id, visitor, api);
    if (hook === undefined) throw new GatewayError('NOT_FOUND', `There is no hook ${id.slice(0, 60)} of this application.`);
    if (request.method === 'GET') return json(200, shown(hook));
    await this.#parts.endpoints.delete(visitor.apiKey, hook);
    return { status: 204, headers: {}, body: '' };
  }

  async #subscribe(
    wanted: HookRequest,
    visitor: Visitor,
    { api, hooksUrl }: { readonly api: ApiRuntime; readonly hooksUrl: string },
  ): Promise<DeskAnswer> {
    const { endpoints } = this.#parts;
    const { type, address } = eventFor(visitor, api, { type: wanted.event, address: wanted.address });
    const subscription = this.#pushSubscription(visitor, api, wanted.subscription);
    const name = `hook-${hash('sha256', JSON.stringify([subscription, wanted.url, type, address]), 'hex').slice(0, 24)}`;
    const hook = { subscription, name, address, url: wanted.url, events: [type], content: 'data', metadata: { 'made-by': madeHere } };
    // A platform that has lost the answer asks again, and is not to get everything twice.
    const known = await this.#named(name, visitor, api);
    if (known !== undefined) return found(known, hooksUrl);
    try {
      const made = await endpoints.create(visitor.apiKey, hook);
      return json(201, { ...shown(made), secret: made.secret }, { location: `${hooksUrl}/${made.id}` });
    } catch (error) {
      const other = (error as GatewayError).code === 'CONFLICT' ? await this.#named(name, visitor, api) : undefined;
      if (other === undefined) throw error;
      return found(other, hooksUrl);
    }
  }

  async #named(name: string, visitor: Visitor, api: ApiRuntime): Promise<Endpoint | undefined> {
    const known = this.#parts.store.get('endpoint', name, visitor.application);
    return known && (await this.#hook(known.id, visitor, api));
  }

  #pushSubscription({ subscriptions, application }: Visitor, { resource }: ApiRuntime, wanted: string | undefined): string {
    const pushing = subscriptions.filter((each) => takesEndpoints(this.#parts.store, each.resource.spec)).map((each) => each.resource.id);
    const [first, ...others] = wanted === undefined ? pushing : pushing.filter((id) => id === wanted);
    if (first === undefined)
      throw new GatewayError(
        'FORBIDDEN',
        `The application ${application} has no ${wanted === undefined ? '' : 'such '}subscription to the API ${resource.name} under a plan of the mode push.`,
      );
    if (others.length > 0)
      throw new GatewayError('BAD_REQUEST', 'The application has several subscriptions that push: name one with the member subscription.');
    return first;
  }

  /** The application's hooks on this API. */
  async #mine(visitor: Visitor, api: ApiRuntime): Promise<readonly Endpoint[]> {
    return (await this.#parts.endpoints.list(visitor.apiKey)).filter((each) => isHook(each, visitor, api));
  }

  /** One of them, found without a look at the others, of which there may be thousands. */
  async #hook(id: string, visitor: Visitor, api: ApiRuntime): Promise<Endpoint | undefined> {
    const endpoint = await this.#parts.endpoints.get(visitor.apiKey, id);
    return endpoint !== undefined && isHook(endpoint, visitor, api) ? endpoint : undefined;
  }
}

/** The event that a visitor means, among those it may know of; throws as `sentEvent` does. */
function eventFor(visitor: Visitor, api: ApiRuntime, wanted: Parameters<typeof sentEvent>[2]): SentEvent {
  return sentEvent(sentEvents(api, channelsFor(visitor, api)), api, wanted);
}

function isHook({ subscription, metadata }: Endpoint, { subscriptions }: Visitor, { resource }: ApiRuntime): boolean {
  const isOfApi = subscriptions.some((each) => each.context.api === resource.name && each.resource.id === subscription);
  return isOfApi && metadata['made-by'] === madeHere;
}

function found(hook: Endpoint, hooksUrl: string): DeskAnswer {
  return json(200, shown(hook), { location: `${hooksUrl}/${hook.id}` });
}

/** A hook in the words of its platform. */
function shown({ id, url, events, address, state, createdAt }: Endpoint): Readonly<Record<string, unknown>> {
  return { id, target_url: url, event: events[0], address, state, created_at: new Date(createdAt).toISOString() };
}

function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): DeskAnswer {
  return { status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers }, body: JSON.stringify(value) };
}
