import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { contractText, newEvents, openWorld, poll, publish, readerKey, worldConfig } from '../testing/gateway-world.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { openSse, openWebSocket, type Ending, type StreamClient } from '../testing/stream-client.ts';

/** Milliseconds within which an open connection is told: less than between two looks at one that is quiet. */
const soon = 4500;

describe('What changes while connections are open', () => {
  let world: SluiceFixture;
  let sse: StreamClient;
  let socket: Awaited<ReturnType<typeof openWebSocket>>;
  let page: ReturnType<typeof poll>;
  let neighbour: StreamClient;

  beforeEach(async () => {
    world = await openWorld();
    const url = `${world.gateway}/world/a/events`;
    sse = await openSse(url, { key: readerKey });
    socket = await openWebSocket(url, { key: readerKey });
    page = poll(world.gateway, '?wait=60s');
    neighbour = await openWebSocket(`${world.gateway}/world/a/commands`, { key: 'service-key-0123456789' });
    // A page is waiting once the poll session is counted: two streams, the neighbour and the page.
    for (let looks = 0; (await world.connections()) < 4; looks += 1) assert.ok(looks < 1000, 'the page does not wait');
  });

  afterEach(async () => {
    for (const client of [sse, socket, neighbour]) client.close();
    await world.stop();
  });

  const client = () => world.client();
  const credentialsOf = async (application: string) => ((await client().get(['applications', application, 'credentials'])) as any).items;
  const subscriptionOf = async (application: string) => ((await client().get(['subscriptions'], { application })) as any).items[0];

  /** All three connections of the reader end with this code soon; the neighbour stays. */
  async function allEnd(code: string, close: number, change: () => Promise<unknown>): Promise<Ending[]> {
    const at = Date.now();
    await change();
    const endings = await Promise.all([sse.ended, socket.ended, page]);
    assert.ok(Date.now() - at < soon, `${Date.now() - at} ms`);
    assert.equal(endings[0].problem?.['code'], code);
    assert.equal(endings[1].close, close);
    assert.equal(endings[1].problem?.['code'], code);
    assert.equal(endings[2].json?.code, code);
    return [endings[0], endings[1]];
  }

  async function neighbourStays(): Promise<void> {
    await publish(world.gateway, newEvents(1, 'test.command'), { key: otherKey, channel: 'a/commands' });
    await neighbour.atLeast(1);
  }

  const otherKey = 'other-key-0123456789';
  async function addOther(): Promise<void> {
    await client().post(['applications'], { name: 'other' });
    await client().post(['applications', 'other', 'credentials'], { value: otherKey });
    await client().post(['subscriptions'], { application: 'other', api: 'world', plan: 'basic' });
  }

  it('a revoked key ends what it opened', async () => {
    await addOther();
    const [credential] = await credentialsOf('reader');
    const [ending] = await allEnd('CREDENTIAL_REVOKED', 4401, () =>
      client().remove(['applications', 'reader', 'credentials', credential.id]),
    );
    assert.equal(ending!.lastEventId, 'end');
    await neighbourStays();
  });

  it('a rotated key ends what it opened when the overlap is over, but not what was renewed', async () => {
    const [credential] = await credentialsOf('reader');
    const fresh = (await client().post(['applications', 'reader', 'credentials', credential.id, 'rotate'], { overlap: '4s' })) as any;
    socket.send({ op: 'renew', credential: fresh.value });
    await socket.until(() => socket.said.some(({ said }) => said === 'renewed'));
    const ending = await sse.ended;
    assert.equal(ending.problem?.['code'], 'CREDENTIAL_REVOKED');
    assert.equal((await page).json.code, 'CREDENTIAL_REVOKED');
    await publish(world.gateway, newEvents(1));
    await socket.atLeast(1);
    assert.equal((await poll(world.gateway)).status, 401);
    assert.equal((await poll(world.gateway, '', { key: fresh.value })).status, 200);
  });

  it('a paused subscription ends its connections and takes them again when it goes on', async () => {
    await addOther();
    const { id } = await subscriptionOf('reader');
    const [, ending] = await allEnd('SUBSCRIPTION_INACTIVE', 4403, () =>
      client().post(['subscriptions', id, 'pause'], { reason: 'unpaid' }),
    );
    assert.match(String(ending!.problem?.['detail']), /paused: unpaid/);
    await neighbourStays();
    assert.equal((await poll(world.gateway)).status, 403);
    await client().post(['subscriptions', id, 'resume'], {});
    assert.equal((await poll(world.gateway)).status, 200);
  });

  it('a closed subscription ends its connections', async () => {
    await addOther();
    const { id } = await subscriptionOf('reader');
    await allEnd('SUBSCRIPTION_INACTIVE', 4403, () => client().post(['subscriptions', id, 'close'], {}));
    await neighbourStays();
  });

  it('a closed plan ends the connections under it', async () => {
    const plan = (await client().get(['apis', 'world', 'plans', 'basic'])) as any;
    const body = { description: plan.description, security: plan.security, approval: plan.approval, limits: {}, state: 'closed' };
    await allEnd('SUBSCRIPTION_INACTIVE', 4403, () => client().call('PUT', ['apis', 'world', 'plans', 'basic'], { body, ifMatch: '*' }));
  });

  it('a narrowed subscription ends what it no longer covers, and leaves the rest alone', async () => {
    const kept = await openSse(`${world.gateway}/world/b/events`, { key: readerKey });
    const { id } = await subscriptionOf('reader');
    const allow = { publish: ['*'], read: ['b/*'] };
    await allEnd('FORBIDDEN', 4403, () => client().call('PATCH', ['subscriptions', id], { body: { allow }, ifMatch: '*' }));
    await publish(world.gateway, newEvents(1), { channel: 'b/events' });
    await kept.atLeast(1);
    kept.close();
  });

  it('a deleted application ends its connections', async () => {
    await addOther();
    const { id } = await subscriptionOf('reader');
    await client()
      .post(['subscriptions', id, 'close'], {})
      .catch(() => undefined);
    await Promise.all([sse.ended, socket.ended, page]);
    await client().remove(['applications', 'reader']);
    assert.equal((await poll(world.gateway)).status, 401);
    await neighbourStays();
  });

  for (const [lifecycle, code, close] of [
    ['blocked', 'FORBIDDEN', 4403],
    ['created', 'NOT_FOUND', 4404],
  ] as const) {
    it(`an API that becomes ${lifecycle} ends all connections`, async () => {
      await allEnd(code, close, () => changeApi({ lifecycle }));
      assert.equal((await neighbour.ended).close, close);
    });
  }

  it('an API that is deprecated disturbs nobody', async () => {
    await changeApi({ lifecycle: 'deprecated' });
    await publish(world.gateway, newEvents(1));
    await Promise.all([sse.atLeast(1), socket.atLeast(1), page]);
    assert.equal((await page).json.length, 1);
  });

  it('an API that is retired closes its subscriptions, and so ends all connections', async () => {
    await changeApi({ lifecycle: 'deprecated' });
    const endings = await allEnd('SUBSCRIPTION_INACTIVE', 4403, () => changeApi({ lifecycle: 'retired' }));
    assert.match(String(endings[0]!.problem?.['detail']), /retired/);
    assert.ok([403, 404].includes((await poll(world.gateway)).status));
  });

  it('an API that moves ends all connections and says where it went', async () => {
    const [, ending] = await allEnd('NOT_FOUND', 4404, () => changeApi({ path: '/elsewhere' }));
    assert.match(String(ending!.problem?.['detail']), /\/elsewhere/);
  });

  it('a protocol that is no longer offered ends the connections that speak it', async () => {
    await changeApi({ entrypoints: ['publish', 'sse', 'poll'] });
    assert.equal((await socket.ended).problem?.['code'], 'NOT_ACCEPTABLE');
    await publish(world.gateway, newEvents(1));
    await sse.atLeast(1);
  });

  it('a contract that loses a channel ends its readers and writers, and no others', async () => {
    const text = contractText.replace("events: { address: '{room}/events'", "events: { address: '{room}/news'");
    await allEnd('CHANNEL_NOT_FOUND', 4404, () => changeApi({ contract: { name: 'world.yaml', text } }));
    await publish(world.gateway, newEvents(1, 'test.command'), { key: readerKey, channel: 'a/commands' });
    await neighbour.atLeast(1);
  });

  it('a deleted API ends all connections', async () => {
    const { id } = await subscriptionOf('reader');
    const { id: provider } = await subscriptionOf('service');
    for (const one of [id, provider]) await client().post(['subscriptions', one, 'close'], {});
    await client().remove(['apis', 'world']);
    const ending = await neighbour.ended;
    assert.ok(ending.close === 4403 || ending.close === 4404);
    assert.equal((await poll(world.gateway)).status, 404);
  });

  async function changeApi(change: Record<string, unknown>): Promise<void> {
    const { contract, path, backbone, entrypoints, lifecycle, dedup, maxEventBytes } = (await client().get(['apis', 'world'])) as any;
    const body = { contract, path, backbone, entrypoints, lifecycle, dedup, maxEventBytes, ...change };
    await client().call('PUT', ['apis', 'world'], { body, ifMatch: '*' });
  }
});

describe('A plan that changes while connections are open', () => {
  let world: SluiceFixture;
  before(async () => {
    world = await openWorld();
  });
  after(() => world.stop());

  const apply = (limits: string) => world.apply(worldConfig({ limits }));

  it('tightens: the next event finds the new limit', async () => {
    await apply('{ eventCount: { limit: 1000, per: month } }');
    const client = await openSse(`${world.gateway}/world/t/events`, { key: readerKey });
    await publish(world.gateway, newEvents(5), { channel: 't/events' });
    await client.atLeast(5);
    await apply('{ eventCount: { limit: 7, per: month } }');
    await publish(world.gateway, newEvents(5), { channel: 't/events' });
    assert.equal((await client.ended).problem?.['code'], 'LIMIT_REACHED');
    assert.equal(client.received.length, 7);
  });

  it('loosens: a reader held by the old limit goes on at once', async () => {
    await apply('{ eventCount: { limit: 7, per: month, onLimit: pause } }');
    const client = await openSse(`${world.gateway}/world/l/events`, { key: readerKey });
    await publish(world.gateway, newEvents(5), { channel: 'l/events' });
    await client.until(() => client.said.length > 0);
    assert.equal(client.received.length, 0);
    await world.apply(
      worldConfig({ limits: '{ eventCount: { limit: 7, per: month, onLimit: pause } }', allow: "{ publish: ['*'], read: ['*', 'x/*'] }" }),
    );
    await apply('{ eventCount: { limit: 10, per: month, onLimit: pause } }');
    await client.atLeast(3);
    await apply('{}');
    await client.atLeast(5);
    assert.equal(client.said.filter(({ said }) => said === 'sluice.limit').length, 2, 'it is told only where something changed for it');
    client.close();
  });

  it('allows fewer connections: the newest within the limit stay', async () => {
    await apply('{ connectionCount: { limit: 5 } }');
    const clients: StreamClient[] = [];
    for (let n = 0; n < 5; n += 1) clients.push(await openSse(`${world.gateway}/world/c/events`, { key: readerKey }));
    await apply('{ connectionCount: { limit: 2 } }');
    const endings = await Promise.all(clients.slice(0, 3).map(({ ended }) => ended));
    for (const { problem } of endings) assert.equal(problem?.['limit'], 'connectionCount');
    await publish(world.gateway, newEvents(1), { channel: 'c/events' });
    await Promise.all(clients.slice(3).map((client) => client.atLeast(1)));
    const refused = await openSse(`${world.gateway}/world/c/events`, { key: readerKey });
    assert.equal((await refused.ended).problem?.['code'], 'LIMIT_REACHED');
    for (const client of clients) client.close();
  });

  it('ends what has been open for too long by the new measure', async () => {
    await apply('{}');
    const client = await openWebSocket(`${world.gateway}/world/d/events`, { key: readerKey });
    const at = Date.now();
    await apply('{ duration: { limit: 1ms, per: connection } }');
    assert.equal((await client.ended).close, 4408);
    assert.ok(Date.now() - at < soon);
  });

  it('closes over a date', async () => {
    await apply('{}');
    const client = await openSse(`${world.gateway}/world/d/events`, { key: readerKey });
    // Were it over when it is applied, it would have been no date that is passed.
    await apply(`{ duration: { until: '${new Date(Date.now() + 5000).toISOString()}' } }`);
    assert.equal((await client.ended).problem?.['code'], 'DURATION_OVER');
    assert.equal((await poll(world.gateway)).status, 403);
    await apply('{}');
  });
});
