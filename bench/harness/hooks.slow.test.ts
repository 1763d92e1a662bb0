import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { before, describe, it } from 'node:test';
import { steadyPort } from '../../src/testing/steady-port.ts';
import { until } from '../../src/testing/until.ts';
import { addressOf, receivers } from '../peers/webhook-peer.ts';
import { buildInstruments, measure, startInstrument, type Figures, type InstrumentOptions } from './instrument.ts';
import { undisturbed } from './undisturbed.ts';

/** Delivers the nth event (from 1), which is for this endpoint. */
type Delivery = (post: (endpoint: number, timeout?: number) => Promise<number>, nth: number, endpoint: number) => unknown;

const endpoints = 3;

/** A server that posts on what is published as a test says. */
async function withServer<T>(deliver: Delivery, body: (options: InstrumentOptions, server: Server) => Promise<T>): Promise<T> {
  const port = await steadyPort();
  let nth = 0;
  const server = createServer((incoming, response) => {
    const endpoint = Number(/\d+$/.exec(incoming.url ?? '')?.[0] ?? 0);
    void buffer(incoming).then((event) => {
      response.writeHead(202, { 'content-length': 0 }).end();
      nth += 1;
      return deliver((to, timeout) => post(to, port, event, timeout), nth, endpoint);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const publish = { pub: 'http', pport: (server.address() as AddressInfo).port, ppath: '/events/{}', form: 'cloudevents', pubs: 4 };
  try {
    return await body({ ...receivers({ count: endpoints, port, isFanOut: false }), ...publish, size: 300, warm: 0.1, dur: 0.3 }, server);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Status of the answer; 0 when there was none for so many milliseconds. */
function post(endpoint: number, port: number, event: Buffer, timeout = 30_000): Promise<number> {
  const headers = { 'content-length': event.length };
  const outgoing = request({ method: 'POST', host: addressOf(endpoint), port, headers, agent: false, timeout });
  return new Promise((resolve) => {
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve(0));
    outgoing.on('response', (response) => resolve(response.resume().statusCode ?? 0));
    outgoing.end(event);
  });
}

function hooksOf(deliver: Delivery, options: InstrumentOptions = {}): Promise<Figures> {
  return withServer(deliver, (common) =>
    measure({ name: 'hooks', core: '0', signal: new AbortController().signal, options: { ...common, ...options } }),
  );
}

describe('hooks', { timeout: 300_000 }, () => {
  before(() => buildInstruments());

  it('counts every delivery of a server that brings each event where it belongs', async () => {
    const {
      deliveries = 0,
      late = 0,
      p50_ms: latency = 0,
    } = await undisturbed(
      async () => {
        const figures = await hooksOf((to, _, endpoint) => to(endpoint), { rate: 200 });
        const { deliveries: all, events, lost, doubled, strayed } = figures;
        assert.deepEqual([events, lost, doubled, strayed], [all, 0, 0, 0]);
        return figures;
      },
      ({ deliveries: all = 0, p50_ms: half = 0 }) => all >= 50 && half < 100,
    );
    // On a machine that cannot keep the rate some are sent late, and the instrument says so.
    assert.ok(deliveries >= 50 || late > 0, `${deliveries} deliveries`);
    assert.ok(latency > 0 && (latency < 100 || late > 0), `${latency} ms`);
  });

  it('counts what goes to all, as fast as it arrives', async () => {
    const figures = await hooksOf(async (to) => Promise.all([to(0), to(1), to(2)]), { ppath: '/events', win: 12 });
    const { deliveries = 0, events = 0, lost, doubled, strayed } = figures;
    assert.ok(deliveries > 0);
    assert.deepEqual([deliveries, lost, doubled, strayed], [3 * events, 0, 0, 0]);
  });

  it('sees that one came twice, also where another is missing', async () => {
    const twice: Delivery = async (to, nth, endpoint) => {
      await to(endpoint);
      if (nth === 5) await to(endpoint);
    };
    assert.equal((await hooksOf(twice, { rate: 200 }))['doubled'], 1);
  });

  it('sees that one came to another endpoint', async () => {
    const astray: Delivery = async (to, nth, endpoint) => {
      await to(endpoint);
      if (nth === 5) await to((endpoint + 1) % endpoints);
    };
    assert.equal((await hooksOf(astray, { rate: 200 }))['strayed'], 1);
  });

  it('answers as its sick endpoints do, and does not wait for them', async () => {
    const statuses = new Map<number, Set<number>>();
    const sick: Delivery = async (to, _, endpoint) => {
      const known = statuses.get(endpoint) ?? new Set();
      statuses.set(endpoint, known.add(await to(endpoint, endpoint < 2 ? 500 : undefined)));
    };
    const { refused = 0, late = 0 } = await undisturbed(
      async () => {
        const figures = await hooksOf(sick, { n: 4, rate: 100, sick: 1, warm: 0.3, dur: 1 });
        assert.equal(figures['lost'], 0);
        return figures;
      },
      ({ refused: all = 0 }) => all > 50,
    );
    assert.ok(refused > 50 || (refused > 0 && late > 0), `${refused} refused`);
    assert.deepEqual([statuses.get(0)?.has(0), statuses.get(1)?.has(0), statuses.get(2)?.has(500)], [true, true, true]);
    assert.deepEqual([...(statuses.get(3) ?? [])], [200]);
  });

  it('waits after a crash for what was acknowledged, and finds what comes again', async () => {
    let published = 0;
    const figures = await withServer(
      (to, nth, endpoint) => {
        published = nth;
        return nth === 20 ? undefined : to(endpoint);
      },
      async (common, server) => {
        const options = { ...common, outlive: 1, patience: 4, win: 8 };
        const { holding, figures: found } = startInstrument({ name: 'hooks', core: '0', signal: new AbortController().signal, options });
        await holding;
        await until(
          async () => published > 40,
          () => `${published} events were published`,
        );
        server.closeAllConnections();
        const again = Buffer.from(`^${'1'.padStart(12, '0')}${'1'.padStart(16, '0')} `);
        // By the time the first is answered the broken connections have been seen.
        for (let times = 0; times < 2; times += 1) assert.equal(await post(0, Number(common['hport']), again), 200);
        return await found;
      },
    );
    const { acknowledged = 0, lost, doubled = 0, first_at: first = 0, gone_at: gone = 0 } = figures;
    assert.ok(acknowledged > 20);
    assert.equal(lost, 1);
    assert.ok(doubled >= 1);
    assert.ok(first > gone);
  });
});
