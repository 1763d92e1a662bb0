import assert from 'node:assert/strict';
import { assertNoConnections, keyOf, openChat, type ChatUser } from './chat-world.ts';
import type { Ending, Reading, ReadingProtocol, ReadingRequest, Told } from './reading-client.ts';
import type { FixtureOptions, SluiceFixture } from './sluice-fixture.ts';
import { until } from './until.ts';

interface Wish {
  readonly as?: ChatUser;
  readonly query?: Readonly<Record<string, string>>;
  readonly resume?: string | undefined;
}

/** One suite's Sluice and the clients it opened. */
export class ReadingWorld {
  readonly #protocol: ReadingProtocol;
  readonly #options: FixtureOptions;
  readonly #open = new Set<Reading>();
  #sluice: SluiceFixture | undefined;
  #rooms = 0;

  constructor(protocol: ReadingProtocol, options: FixtureOptions = {}) {
    this.#protocol = protocol;
    this.#options = options;
  }

  get sluice(): SluiceFixture {
    if (this.#sluice === undefined) throw new Error('The Sluice was not started.');
    return this.#sluice;
  }

  async start(): Promise<void> {
    this.#sluice = await openChat(this.#options);
  }

  /** Closes what is open and checks that the gateway holds no connection any more. */
  async stop(): Promise<void> {
    this.closeAll();
    await assertNoConnections(this.sluice);
    await this.sluice.stop();
  }

  closeAll(): void {
    for (const reading of this.#open) reading.close();
    this.#open.clear();
  }

  /** Resolves once the gateway holds so many connections. */
  async holds(connections: number): Promise<void> {
    let held = -1;
    await until(
      async () => (held = await this.sluice.connections()) === connections,
      () => `the gateway holds ${held} connections, not ${connections}`,
    );
  }

  /** Resolves once the gateway has held so many for a while: one that polls has its answer and waits with its next request. */
  async keeps(connections: number): Promise<void> {
    let looks = 0;
    await until(
      async () => (looks = (await this.sluice.connections()) === connections ? looks + 1 : 0) >= 10,
      () => `the gateway does not keep ${connections} connections`,
    );
  }

  /** The only reading there is, once the gateway holds its connection. */
  async alone(request: Omit<ReadingRequest, 'gateway'>): Promise<Reading> {
    this.closeAll();
    await this.holds(0);
    const reading = this.readWith(request);
    await reading.ready;
    await this.holds(1);
    return reading;
  }

  /** A room nobody used. */
  room(): string {
    this.#rooms += 1;
    return `/chat/room-${this.#rooms}`;
  }

  read(path: string, { as = 'open', query, resume }: Wish = {}): Reading {
    return this.readWith({ path, key: keyOf(as), query, resume });
  }

  readWith(request: Omit<ReadingRequest, 'gateway'>): Reading {
    const reading = this.#protocol.read({ gateway: this.sluice.gateway, ...request });
    this.#open.add(reading);
    return reading;
  }

  /** Reads once it is sure to get what is published from now on. */
  async join(path: string, wish: Wish = {}): Promise<Reading> {
    const reading = this.read(path, wish);
    await reading.ready;
    return reading;
  }
}

/** The next `count` things told, all of which must be events. */
export async function eventsOf(reading: Reading, count: number): Promise<readonly Extract<Told, { kind: 'event' }>[]> {
  const events: Extract<Told, { kind: 'event' }>[] = [];
  while (events.length < count) {
    const told = await reading.next();
    assert.equal(told.kind, 'event', `instead of event ${events.length + 1} of ${count} came ${JSON.stringify(told).slice(0, 500)}`);
    events.push(told);
  }
  return events;
}

/** Why reading ended; nothing else may come before. */
export async function endOf(reading: Reading): Promise<Ending> {
  const told = await reading.next();
  assert.equal(told.kind, 'end', `instead of an end came ${JSON.stringify(told).slice(0, 500)}`);
  return told;
}

/** The ending has this code and says when to come back. */
export function assertToldWhen({ code, retryAfter = 0 }: Ending, expected: string): void {
  assert.equal(code, expected);
  assert.ok(retryAfter > 0, `it says to come back after ${retryAfter} ms`);
}

/** Their ids, in order. */
export function idsOf(events: readonly { readonly id: string }[]): readonly string[] {
  return events.map(({ id }) => id);
}
