import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { buildInstruments, measure, type Figures, type InstrumentOptions } from './instrument.ts';
import { undisturbed } from './undisturbed.ts';

/** Writes the nth event (from 1) to the subscriber at this place; `frame` is the event as a WebSocket frame. */
type Delivery = (socket: Socket, frame: Buffer, nth: number, place: number) => void;

/** Place of a subscriber that stops reading. */
const stalledPlace = 100;

/** A broadcaster that does to its subscribers what a test says. */
class Broadcaster {
  readonly #http = createHttpServer();
  readonly #feed: Server;
  readonly #places = new Map<Socket, number>();
  readonly #all = new Set<Socket>();

  constructor(deliver: Delivery) {
    this.#http.on('connection', (socket: Socket) => this.#all.add(socket));
    this.#http.on('upgrade', (request, socket) => {
      socket.on('error', () => socket.destroy());
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
      this.#places.set(socket as Socket, request.headers['x-stalls'] === undefined ? this.#places.size : stalledPlace);
    });
    let nth = 0;
    this.#feed = createServer((source) => {
      this.#all.add(source);
      let rest = '';
      source.on('error', () => source.destroy());
      source.setEncoding('latin1').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          nth += 1;
          for (const [socket, place] of this.#places) deliver(socket, frameOf(line), nth, place);
        }
      });
    });
  }

  async listen(): Promise<InstrumentOptions> {
    await Promise.all([once(this.#http.listen(0, '127.0.0.1'), 'listening'), once(this.#feed.listen(0, '127.0.0.1'), 'listening')]);
    return { proto: 'ws', pub: 'tcp', port: (this.#http.address() as AddressInfo).port, pport: (this.#feed.address() as AddressInfo).port };
  }

  close(): void {
    for (const socket of this.#all) socket.destroy();
    this.#http.close();
    this.#feed.close();
  }
}

function frameOf(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 126, text.length >> 8, text.length & 255]), Buffer.from(text, 'latin1')]);
}

/** What fan says of a broadcaster that behaves like this towards three subscribers. */
async function fanOf(deliver: Delivery, options: InstrumentOptions = {}): Promise<Figures> {
  const broadcaster = new Broadcaster(deliver);
  const abort = new AbortController();
  try {
    const ports = await broadcaster.listen();
    return await measure({
      name: 'fan',
      core: '0',
      signal: abort.signal,
      options: { n: 3, rate: 200, warm: 0.1, dur: 0.3, ...ports, ...options },
    });
  } finally {
    broadcaster.close();
  }
}

describe('fan', { timeout: 300_000 }, () => {
  before(() => buildInstruments());

  it('counts every delivery of a server that brings all', async () => {
    const figures = await undisturbed(
      () => fanOf((socket, frame) => void socket.write(frame)),
      ({ deliveries: all = 0, stalls, p50_ms: half = 0 }) => all >= 3 * 50 && stalls === 0 && half < 100,
    );
    const { deliveries = 0, lost, misordered, closed, p50_ms: latency = 0 } = figures;
    assert.ok(deliveries >= 3 * 50 && deliveries % 3 === 0, `${deliveries} deliveries`);
    assert.deepEqual([lost, misordered, closed], [0, 0, 0]);
    assert.ok(latency > 0 && latency < 100, `${latency} ms`);
  });

  it('knows an event cut at any byte, and a length byte that looks like the mark of one', async () => {
    const caretLength = 0x15e;
    const lastWrites = new Map<Socket, Promise<void>>();
    const writeInTwo = async (socket: Socket, frame: Buffer, cut: number): Promise<void> => {
      await lastWrites.get(socket);
      socket.write(frame.subarray(0, cut));
      await setImmediate();
      socket.write(frame.subarray(cut));
    };
    const { deliveries = 0, lost } = await fanOf(
      (socket, frame, nth) => void lastWrites.set(socket, writeInTwo(socket, frame, (nth * 7) % frame.length)),
      { size: caretLength, dur: 1 },
    );
    assert.ok(deliveries > 0);
    assert.equal(lost, 0);
  });

  it('sees that one subscriber missed one event', async () => {
    const { lost } = await fanOf((socket, frame, nth, place) => {
      if (nth !== 5 || place !== 1) socket.write(frame);
    });
    assert.equal(lost, 1);
  });

  it('sees that one came twice', async () => {
    const { lost, misordered } = await fanOf((socket, frame, nth, place) => {
      socket.write(frame);
      if (nth === 5 && place === 1) socket.write(frame);
    });
    assert.deepEqual([lost, misordered], [1, 1]);
  });

  it('is not deceived by one that came twice where another is missing', async () => {
    let fifth: Buffer = Buffer.alloc(0);
    const { lost } = await fanOf((socket, frame, nth, place) => {
      if (nth === 5) fifth = frame;
      socket.write(nth === 6 && place === 1 ? fifth : frame);
    });
    assert.equal(lost, 1);
  });

  it('sees events out of order', async () => {
    let held: Buffer = Buffer.alloc(0);
    const { lost, misordered } = await fanOf((socket, frame, nth, place) => {
      if (place !== 2 || (nth !== 5 && nth !== 6)) socket.write(frame);
      else if (nth === 5) held = frame;
      else socket.write(Buffer.concat([frame, held]));
    });
    assert.deepEqual([lost, misordered], [0, 1]);
  });

  it('counts connections that the server closes', async () => {
    const { closed } = await fanOf((socket, frame, nth, place) => {
      if (nth === 5 && place === 0) socket.destroy();
      else socket.write(frame);
    });
    assert.equal(closed, 1);
  });

  it('counts those that are closed with their last bytes', async () => {
    const { closed } = await fanOf((socket, frame, nth, place) => {
      if (place !== 0 || nth < 5) socket.write(frame);
      else if (nth === 5) socket.end(frame);
    });
    assert.equal(closed, 1);
  });

  describe('with one that stops reading', () => {
    const stall = { stall: 1, stallheader: 'X-Stalls: 1' };
    const answers = ({ stalled_0, whole_0, told_0, closed_0, said_why_0, lost }: Figures) => ({
      stalled_0,
      whole_0,
      told_0,
      closed_0,
      said_why_0,
      lost,
    });
    const none = { stalled_0: 1, whole_0: 0, told_0: 0, closed_0: 0, said_why_0: 0, lost: 0 };

    it('knows that it got everything', async () => {
      assert.deepEqual(answers(await fanOf((socket, frame) => void socket.write(frame), stall)), { ...none, whole_0: 1 });
    });

    it('knows that it was told how many it missed', async () => {
      const gap = frameOf('{"specversion":"1.0","id":"gap","data":{"after":"a","upTo":"b","events":13,"reason":"dropped"}}');
      const figures = await fanOf((socket, frame, nth, place) => {
        if (place !== stalledPlace || nth < 8 || nth > 20) socket.write(frame);
        else if (nth === 20) socket.write(gap);
      }, stall);
      assert.deepEqual(answers(figures), { ...none, told_0: 1 });
    });

    it('sees that it was told too few', async () => {
      const figures = await fanOf((socket, frame, nth, place) => {
        if (place !== stalledPlace || nth < 8 || nth > 20) socket.write(frame);
        else if (nth === 20) socket.write(frameOf('{"events":12}'));
      }, stall);
      assert.deepEqual(answers(figures), { ...none, lost: 1 });
    });

    it('knows that it was disconnected, and told why', async () => {
      const figures = await fanOf((socket, frame, nth, place) => {
        if (place !== stalledPlace || nth < 8) socket.write(frame);
        else if (nth === 8) socket.end(frameOf('TOO_SLOW: more was waiting than the plan allows'));
      }, stall);
      assert.deepEqual(answers(figures), { ...none, closed_0: 1, said_why_0: 1 });
      assert.equal(figures['closed'], 0);
    });
  });
});
