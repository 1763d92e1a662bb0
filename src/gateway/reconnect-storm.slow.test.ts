import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newEvents, openWorld, poll, publish, readerKey } from '../testing/gateway-world.ts';
import { RawHttp } from '../testing/raw-http.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { openSse } from '../testing/stream-client.ts';
import { until } from '../testing/until.ts';

const clients = 2000;

const requests = {
  sse: { accept: 'text/event-stream' },
  websocket: {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  },
} as const;

type Protocol = keyof typeof requests;

/** A client that only collects the ids of what comes, by either protocol. */
class Client {
  readonly http: RawHttp;
  readonly ids: string[] = [];
  #rest = '';

  constructor(gateway: string) {
    this.http = new RawHttp(gateway, (chunk) => this.#receive(chunk.toString('latin1')));
  }

  open(protocol: Protocol, query = ''): void {
    this.http.send('GET', `/world/a/events${query}`, { ...requests[protocol], authorization: `Bearer ${readerKey}` });
  }

  #receive(text: string): void {
    const all = this.#rest + text;
    let end = 0;
    for (const match of all.matchAll(/"id":"(e-\d+)"/g)) {
      this.ids.push(match[1]!);
      end = match.index + match[0].length;
    }
    this.#rest = all.slice(Math.max(end, all.length - 40));
  }
}

/** Sockets that the gateway has accepted, with nothing asked on them: what they ask together comes in one turn of its loop. */
async function connectAll(world: SluiceFixture, count: number): Promise<readonly Client[]> {
  const all = Array.from({ length: count }, () => new Client(world.gateway));
  await Promise.all(
    all.map(
      ({ http: { socket } }) => new Promise<void>((resolve) => (socket.connecting ? socket.once('connect', () => resolve()) : resolve())),
    ),
  );
  // Accepted in the order in which they came.
  const last = new RawHttp(world.gateway);
  last.send('GET', '/', {});
  await last.head;
  last.socket.destroy();
  return all;
}

async function cutAll(world: SluiceFixture, all: readonly Client[], left: number): Promise<void> {
  for (const { http } of all) http.socket.destroy();
  await until(
    async () => (await world.connections()) === left,
    () => 'connections stay behind',
  );
}

/** Waits for one after the other, so that who is slow and goes on is not taken for one that stands still. */
async function haveAll(all: readonly Client[], count: number): Promise<void> {
  for (const { ids } of all)
    await until(
      async () => ids.length >= count,
      () => `${all.filter((client) => client.ids.length >= count).length} of ${all.length} have ${count} events`,
    );
}

/** Publishes to a channel of its own and waits until it has come out there, again and again; counts the rounds. */
function goRound(world: SluiceFixture, live: Awaited<ReturnType<typeof openSse>>) {
  const state = { rounds: 0, isOver: false };
  const ended = (async () => {
    while (!state.isOver) {
      await publish(world.gateway, newEvents(1), { channel: 'b/events' });
      await live.atLeast(state.rounds + 1, 30_000);
      state.rounds += 1;
    }
  })();
  ended.catch(() => undefined);
  const stop = async (): Promise<void> => {
    state.isOver = true;
    await ended;
  };
  return { state, stop };
}

describe('Two thousand clients that come back at the same moment', () => {
  for (const [protocol, workers] of [['sse'], ['websocket'], ['websocket', 2]] as const) {
    const threads = workers === undefined ? '' : ` at ${workers} workers`;
    it(`by ${protocol}${threads} get what they missed, once and in order, while others are served`, async () => {
      const world = await openWorld({}, workers === undefined ? {} : { workers });
      try {
        const before = await connectAll(world, clients);
        for (const client of before) client.open(protocol);
        await Promise.all(before.map(({ http }) => http.head));
        const first = (await publish(world.gateway, newEvents(3))).json.positions.at(-1) as string;
        await haveAll(before, 3);
        const live = await openSse(`${world.gateway}/world/b/events`, { key: readerKey });
        await cutAll(world, before, 1);
        const missed = newEvents(10);
        const calmAt = performance.now();
        await publish(world.gateway, missed);
        const calm = performance.now() - calmAt;

        const back = await connectAll(world, clients);
        const round = goRound(world, live);
        for (const client of back) client.open(protocol, `?after=${first}`);
        let returned = 0;
        let overAt = Infinity;
        for (const { http } of back)
          void http.head.then(() => {
            returned += 1;
            if (returned === clients) overAt = performance.now();
          });
        const meanwhile: Record<string, unknown>[] = [];
        const roundsBefore = round.state.rounds;
        for (let turn = 0; turn < 20; turn += 1) {
          const events = newEvents(1);
          meanwhile.push(...events);
          assert.equal((await publish(world.gateway, events)).status, 202, 'publishing does not wait in the line');
          // What was answered long after the storm has waited for the disk, and not in the line.
          if (turn === 0) assert.ok(performance.now() < overAt || performance.now() - overAt > 100 + 3 * calm, 'the storm is not over yet');
        }
        const expected = [...missed, ...meanwhile].map(({ id }) => id);
        await haveAll(back, expected.length);
        assert.ok(round.state.rounds - roundsBefore > 3, `${round.state.rounds - roundsBefore} rounds of the others meanwhile`);
        await round.stop();
        for (const { ids } of back) assert.deepEqual(ids, expected);
        const { ok } = await verified(world);
        assert.equal(ok, true);
        live.close();
        await cutAll(world, back, 0);
      } finally {
        await world.stop();
      }
    });
  }
});

async function verified(world: SluiceFixture): Promise<{ readonly ok: boolean }> {
  return (await world.client().get(['usage', 'verify'])) as { readonly ok: boolean };
}

describe('A line at the door that is full', () => {
  for (const protocol of ['sse', 'websocket'] as const) {
    it(`tells who comes by ${protocol} when to come back, and lets single requests pass`, async () => {
      const world = await openWorld({}, { mostWaiting: 50 });
      try {
        const all = await connectAll(world, 500);
        for (const client of all) client.open(protocol);
        const page = await poll(world.gateway);
        assert.equal(page.status, 200);
        const heads = await Promise.all(all.map(({ http }) => http.head));
        const waits = heads
          .filter((head) => head.headers['retry-after'] !== undefined)
          .map(({ headers }) => Number(headers['retry-after']));
        assert.ok(waits.length > 0 && waits.length < 450, `${waits.length} were refused`);
        for (const wait of waits) assert.ok(wait >= 1 && wait <= 60, `retry-after: ${wait}`);
        const statuses = new Set(heads.map(({ status }) => status));
        assert.deepEqual(statuses, new Set(protocol === 'sse' ? [200] : [101, 503]));
        await until(
          async () => (await world.connections()) === 500 - waits.length,
          () => 'those who waited are in',
        );
        await cutAll(world, all, 0);
      } finally {
        await world.stop();
      }
    });
  }

  it('forgets clients that do not wait', async () => {
    const world = await openWorld();
    try {
      const all = await connectAll(world, 500);
      for (const client of all) client.open('sse');
      await all[0]!.http.head;
      for (const { http } of all) http.socket.destroy();
      const last = new Client(world.gateway);
      last.open('sse');
      assert.equal((await last.http.head).status, 200);
      await until(
        async () => (await world.connections()) === 1,
        () => 'a client that went away is still there',
      );
      last.http.socket.destroy();
    } finally {
      await world.stop();
    }
  });
});
