import { openSluice, type FixtureOptions, type SluiceFixture } from './sluice-fixture.ts';

export const platformKey = 'platform-key-0123456789';
export const otherKey = 'other-key-0123456789';
export const narrowKey = 'narrow-key-0123456789';
export const providerKey = 'provider-key-0123456789';

const contract = `
asyncapi: 3.0.0
info: { title: Shop, version: 2.0.0 }
defaultContentType: application/json
channels:
  orders:
    address: '{shop}/orders'
    parameters: { shop: { description: Which shop } }
    messages:
      placed: { name: shop.order.placed, title: An order was placed, payload: { $ref: '#/components/schemas/Order' } }
      gone: { name: shop.order.gone, payload: { type: object }, examples: [{ payload: { id: o-7, why: returned } }] }
  returns: { address: returns, messages: { gone: { name: shop.order.gone, payload: { type: object } } } }
  commands: { address: commands, messages: { ship: { name: shop.ship, payload: { type: object } } } }
operations:
  orders: { action: send, channel: { $ref: '#/channels/orders' } }
  returns: { action: send, channel: { $ref: '#/channels/returns' } }
  commands: { action: receive, channel: { $ref: '#/channels/commands' } }
components:
  schemas: { Order: { type: object, required: [id], properties: { id: { type: string, minLength: 1 } } } }
`;

const config = `
apis:
  shop:
    contract: ./shop.yaml
    path: /shop
    plans: { push: { mode: push }, basic: {} }
applications:
  platform:
    credentials: [{ kind: api-key, value: ${platformKey} }]
    subscriptions: [{ api: shop, plan: push }]
  other:
    credentials: [{ kind: api-key, value: ${otherKey} }]
    subscriptions: [{ api: shop, plan: push }]
  narrow:
    credentials: [{ kind: api-key, value: ${narrowKey} }]
    subscriptions: [{ api: shop, plan: push, allow: { read: ['south/*'] } }]
  stranger:
    credentials: [{ kind: api-key, value: stranger-key-0123456789 }]
  provider:
    credentials: [{ kind: api-key, value: ${providerKey} }]
    subscriptions: [{ api: shop, as: provider }]
`;

/** A Sluice with an API `shop`, two applications that get its events pushed, one that may read one shop alone, one that is not subscribed, and its provider. */
export function openDeskWorld(options: FixtureOptions = {}): Promise<SluiceFixture> {
  return openSluice(config, { openOutgoing: ['127.0.0.0/8'], ...options, files: { 'shop.yaml': contract } });
}

/** Publishes one event as the provider. */
export async function publishOrder(gateway: string, data: unknown, type = 'shop.order.placed'): Promise<void> {
  const response = await fetch(`${gateway}/shop/north/orders`, {
    method: 'POST',
    headers: { 'x-api-key': providerKey, 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify({ specversion: '1.0', id: crypto.randomUUID(), source: '/shop', type, data }),
  });
  if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
}
