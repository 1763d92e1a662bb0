import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findChannel, findChannels } from '../contracts/find-channel.ts';
import { loadContract } from '../contracts/load-contract.ts';
import type { GatewayError } from '../core/errors.ts';
import { Event } from '../core/event.ts';
import type { PolicyEnvironment } from '../core/policy.ts';
import type { Position } from '../core/position.ts';
import { channelScope } from '../policies/channel-scope/channel-scope.ts';
import { draft } from '../testing/backbone-events.ts';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import type { ApiRuntime, BoundSubscription } from './catalogue.ts';
import { combineStages } from './compile.ts';
import { allowed, allowedInPart } from './push-access.ts';
import { mayShow, sightOf, withinSight } from './sight.ts';

const log = 'default/shop';
const everything = { subscription: 'sub', address: '*' };

/** Clients read some channels of a shop, and publish to others. */
async function shopThatSends(...sent: readonly string[]): Promise<ApiRuntime> {
  const channels = { orders: 'orders/{id}', express: 'orders/express', payroll: 'payroll', commands: 'commands' };
  const contract = await loadContract({
    name: 'shop.json',
    files: {},
    text: JSON.stringify({
      asyncapi: '3.0.0',
      info: { title: 'Shop', version: '1' },
      channels: Object.fromEntries(
        Object.entries(channels).map(([id, address]) => [
          id,
          { address, messages: { it: {} }, ...(address.includes('{') && { parameters: { id: {} } }) },
        ]),
      ),
      operations: Object.fromEntries(
        Object.keys(channels).map((id) => [id, { action: sent.includes(id) ? 'send' : 'receive', channel: { $ref: `#/channels/${id}` } }]),
      ),
    }),
  });
  const find = (address: string) => findChannel(contract, address);
  const findAll = (pattern: string) => findChannels(contract, pattern);
  return {
    resource: { name: 'shop', spec: { lifecycle: 'published' } },
    log,
    contract: { contract, find, findAll },
  } as unknown as ApiRuntime;
}

interface Terms {
  readonly as?: 'client' | 'provider';
  readonly read?: readonly string[];
  readonly state?: string;
  readonly horizon?: { readonly address: string; readonly since: number };
}

function subscriptionWith({ as = 'client', read = ['*'], state = 'accepted', horizon }: Terms = {}): BoundSubscription {
  const context = { tenant: 'default', id: 'sub', application: 'app', api: 'shop', plan: 'push', as, allow: { read, publish: ['*'] } };
  const stages = combineStages([channelScope.prepare({}, undefined as unknown as PolicyEnvironment)(context)]);
  return { resource: { spec: { state, api: 'shop' } }, context, stages, horizon } as unknown as BoundSubscription;
}

/** A catalogue in which everything may be exchanged. */
class World {
  api: ApiRuntime | undefined;
  bound: BoundSubscription | undefined;
  readonly catalogue = { api: () => this.api, subscription: () => this.bound };

  constructor(api: ApiRuntime, bound: BoundSubscription) {
    this.api = api;
    this.bound = bound;
  }

  /** What becomes of events of these addresses. */
  seen(...addresses: readonly string[]): readonly string[] {
    const sight = sightOf(this.catalogue, everything, { log });
    return addresses.map((address) => sight(eventAt(address)));
  }

  refusal(): string {
    try {
      allowedInPart(this, everything);
      return 'none';
    } catch (error) {
      return (error as GatewayError).code;
    }
  }
}

function eventAt(address: string, acceptedAt = 1000): Event {
  return new Event(draft('e'), address, 'p1' as Position, acceptedAt);
}

describe('Who wants whatever there is of an API', () => {
  it('is shown what its contract lets it read, and told nothing of the rest', async () => {
    const world = new World(await shopThatSends('orders', 'payroll'), subscriptionWith());
    assert.deepEqual(world.seen('orders/1', 'payroll', 'commands', 'orders/express', 'gone'), [
      'shown',
      'shown',
      'hidden',
      'hidden',
      'hidden',
    ]);
    assert.equal(world.refusal(), 'none');
    world.bound = subscriptionWith({ as: 'provider' });
    assert.deepEqual(world.seen('orders/1', 'commands', 'orders/express'), ['hidden', 'shown', 'shown']);
  });

  it('is shown no more than what it is allowed', async () => {
    const world = new World(await shopThatSends('orders', 'express', 'payroll'), subscriptionWith({ read: ['orders/*'] }));
    assert.deepEqual(world.seen('orders/1', 'orders/express', 'payroll', 'commands'), ['shown', 'shown', 'hidden', 'hidden']);
    assert.throws(() => allowed(world, everything), { code: 'FORBIDDEN' }, 'others still may have all or nothing');
  });

  it('has nothing, and loses nothing, as long as there is nothing it may read', async () => {
    const shop = await shopThatSends('orders', 'payroll');
    const cases: readonly (readonly [string, World])[] = [
      ['FORBIDDEN', new World(shop, subscriptionWith({ read: [] }))],
      ['FORBIDDEN', new World(shop, subscriptionWith({ read: ['commands'] }))],
      ['FORBIDDEN', new World(await shopThatSends(), subscriptionWith())],
      ['SUBSCRIPTION_INACTIVE', new World(shop, subscriptionWith({ state: 'paused' }))],
      ['FORBIDDEN', new World({ ...shop, resource: { name: 'shop', spec: { lifecycle: 'blocked' } } } as ApiRuntime, subscriptionWith())],
    ];
    for (const [code, world] of cases) {
      assert.equal(world.refusal(), code);
      assert.deepEqual(world.seen('orders/1', 'commands'), ['held', 'held'], code);
    }
    const world = new World(shop, subscriptionWith());
    world.bound = undefined;
    assert.deepEqual(world.seen('orders/1'), ['held']);
    world.bound = subscriptionWith();
    world.api = { ...shop, log: 'default/another' };
    assert.deepEqual(world.seen('orders/1'), ['held'], 'what is there was published to another API of that name');
  });

  it('is shown another part from the moment on in which something changes', async () => {
    const world = new World(await shopThatSends('orders', 'payroll'), subscriptionWith());
    const sight = sightOf(world.catalogue, everything, { log });
    assert.equal(sight(eventAt('payroll')), 'shown');
    world.api = await shopThatSends('orders');
    assert.equal(sight(eventAt('payroll')), 'hidden');
    world.api = await shopThatSends('orders', 'payroll');
    assert.equal(sight(eventAt('payroll')), 'shown');
    world.bound = subscriptionWith({ read: ['orders/*'] });
    assert.equal(sight(eventAt('payroll')), 'hidden');
  });

  it('may ask beforehand what may be shown, be it not now', async () => {
    const shop = await shopThatSends('orders');
    const world = new World(shop, subscriptionWith());
    const may = (address: string): boolean => mayShow(world.catalogue, everything, address);
    assert.deepEqual(['orders/1', 'payroll'].map(may), [true, false]);
    assert.equal(mayShow(world.catalogue, { ...everything, address: 'payroll' }, 'payroll'), true, 'asked elsewhere');
    world.bound = subscriptionWith({ state: 'paused' });
    assert.deepEqual(['orders/1', 'payroll'].map(may), [true, true]);
    world.bound = undefined;
    assert.equal(may('orders/1'), true);
  });

  it('is not shown what lies before its horizon', async () => {
    const horizon = { address: 'payroll', since: 1000 };
    const world = new World(await shopThatSends('orders', 'payroll'), subscriptionWith({ horizon }));
    const sight = sightOf(world.catalogue, everything, { log });
    assert.deepEqual([eventAt('payroll', 999), eventAt('payroll', 1000), eventAt('orders/1', 999)].map(sight), [
      'hidden',
      'shown',
      'shown',
    ]);
  });

  it('is asked about any number of addresses without keeping them all in mind', async () => {
    const world = new World(await shopThatSends('orders'), subscriptionWith());
    const many = Array.from({ length: 10_000 }, (_, n) => `orders/${n}`);
    assert.deepEqual(new Set(world.seen(...many, ...many.slice(0, 10))), new Set(['shown']));
    assert.deepEqual(world.seen('commands'), ['hidden']);
  });

  it('finds and counts no other events in the log', async () => {
    const shop = await shopThatSends('orders', 'payroll');
    const world = new World(shop, subscriptionWith());
    const backbone = new MemoryBackbone();
    for (const address of ['commands', 'orders/1', 'commands', 'payroll', 'commands'])
      await backbone.publish({ log, address }, [draft(address)]);
    const channel = { log, address: '*' };
    const places = withinSight(backbone, world.catalogue, { request: everything, api: shop });
    const after = await places.locate(channel, { at: 'earliest' });
    assert.equal((await places.lag(channel, after)).events, 2);
    const { events, position } = await places.read({ channel, after, limit: 100 });
    assert.deepEqual(
      events.map(({ address }) => address),
      ['orders/1', 'payroll'],
    );
    assert.equal(position, await backbone.locate(channel, { at: 'latest' }));
    const [own, topic] = [{ ...everything, address: 'orders/1' }, { ...everything, protocol: 'websub' } as const];
    for (const request of [own, topic]) assert.equal(withinSight(backbone, world.catalogue, { request, api: shop }), backbone);
    world.api = await shopThatSends('orders', 'express', 'payroll', 'commands');
    assert.equal((await places.lag(channel, after)).events, 5);
  });
});
