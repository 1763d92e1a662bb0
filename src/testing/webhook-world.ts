import assert from 'node:assert/strict';
import { newEvents, publish, readerKey, serviceKey } from './gateway-world.ts';
import type { SluiceFixture } from './sluice-fixture.ts';

/** A `sluice.yaml` with the API `world`, a plan of mode `push`, a reader with these endpoints (YAML, a line each or more) and the service that provides it. */
export function webhookConfig(endpoints: string): string {
  return `
apis:
  world: { contract: ./world.yaml, path: /world, plans: { push: { mode: push } } }
applications:
  reader:
    credentials: [{ kind: api-key, value: ${readerKey} }]
    subscriptions:
      - api: world
        plan: push
        endpoints:
${endpoints.replaceAll(/^/gm, '          ')}
  service:
    credentials: [{ kind: api-key, value: ${serviceKey} }]
    subscriptions: [{ api: world, as: provider }]
`;
}

/** Publishes new events to `one/events` as the service; their ids, in order. */
export async function publishNew({ gateway }: SluiceFixture, count: number, type?: string): Promise<string[]> {
  const events = newEvents(count, type);
  const { status, json } = await publish(gateway, events, { channel: 'one/events' });
  assert.equal(status, 202, JSON.stringify(json));
  return events.map(({ id }) => String(id));
}

/** Id of an endpoint; empty when there is none of this name. */
export async function endpointNamed(sluice: SluiceFixture, name = 'hook'): Promise<string> {
  const { items } = (await sluice.client().get(['endpoints'])) as { items: { id: string; name: string }[] };
  return items.find((one) => one.name === name)?.id ?? '';
}
