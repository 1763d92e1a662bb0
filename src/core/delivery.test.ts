import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import { matchesAddress } from './address.ts';
import { GatewayError } from './errors.ts';
import type { Event, EventDraft, Gap, WireFormat } from './event.ts';
import { Feed } from './feed.ts';
import type { Governor } from './group.ts';
import type { Batch, ReaderAccount, Tally } from './meter.ts';
import type { FlushBound, LimitAnswer, Overflow } from './policy.ts';
import type { Position } from './position.ts';
import { LiveReader } from './reader.ts';
import { Turns } from './turns.ts';

const log = 'default/test';
const addresses = ['a/1', 'a/2', 'b/1'];
const patterns = ['a/1', 'b/1', 'a/*', '*'];

/** Frames as text lines, so that a sink can read back what it was given. */
const lines: WireFormat = {
  name: 'lines',
  encode: (event: Event) => Buffer.from(`${event.position} ${event.id}\n`),
  encodeGap: (gap: Gap) => Buffer.from(`gap ${gap.after} ${gap.upTo} ${gap.events}\n`),
};

interface Seen {
  readonly ids: string[];
  gapped: number;
  last: Position;
}

/** A client that takes what its capacity allows until it reads. */
class Client {
  readonly format = lines;
  readonly seen: Seen;
  ended: GatewayError | undefined;
  reader: LiveReader | undefined;
  #stalled = false;
  #waiting = 0;
  /** It has said so to events, and not read since. */
  #isFull = false;

  constructor(seen: Seen) {
    this.seen = seen;
  }

  get buffered(): number {
    return this.#waiting;
  }

  write(buffer: Buffer, n: number): boolean {
    if (n > 0) {
      assert.equal(this.#isFull, false, 'events are written though the client is full');
      this.#isFull = this.#stalled;
    }
    for (const line of buffer.toString().trimEnd().split('\n')) this.#read(line);
    if (this.#stalled) this.#waiting += buffer.length;
    return !this.#stalled;
  }

  stall(): void {
    this.#stalled = true;
  }

  read(): void {
    this.#stalled = false;
    this.#waiting = 0;
    this.#isFull = false;
    this.reader?.drained();
  }

  end(reason: GatewayError): void {
    this.ended = reason;
  }

  #read(line: string): void {
    const [first, second, , events] = line.split(' ') as [string, string, string, string];
    if (first === 'gap') {
      this.seen.gapped += Number(events);
      return;
    }
    this.seen.ids.push(second);
    this.seen.last = first as Position;
  }
}

/** Charges its members one by one. */
class Members implements Tally {
  readonly accounts = new Set<TilingAccount>();

  charge(batch: Batch): void {
    for (const account of this.accounts) account.charge(batch, 0);
  }
}

/** Checks that charges and drops tile as they come. */
class TilingAccount implements ReaderAccount {
  readonly id = 'r';
  readonly cursor: Position;
  readonly charged: Position;
  readonly #backbone: MemoryBackbone;
  at: Position;
  billed = 0;
  dropped = 0;
  #tally: Members | undefined;

  constructor(backbone: MemoryBackbone, start: Position) {
    this.#backbone = backbone;
    this.cursor = start;
    this.charged = start;
    this.at = start;
  }

  charge(batch: Batch, redelivered: number): void {
    assert.ok(this.#backbone.compare(batch.position, this.at) >= 0, 'a charge goes backwards');
    for (const event of batch.events) assert.ok(this.#backbone.compare(event.position, this.at) > 0, 'an event is charged twice');
    this.at = batch.position;
    this.billed += batch.events.length - redelivered;
  }

  chargeLate(): void {}

  takeBack(): void {}

  drop(events: number, position: Position): void {
    assert.ok(this.#backbone.compare(position, this.at) >= 0, 'a drop goes backwards');
    this.at = position;
    this.dropped += events;
  }

  join(tally: Tally): void {
    assert.equal(this.#tally, undefined, 'in one group at a time');
    this.#tally = tally as Members;
    this.#tally.accounts.add(this);
  }

  leave(): void {
    this.#tally?.accounts.delete(this);
    this.#tally = undefined;
  }

  confirm(): void {}
  state(): void {}

  close(): void {
    assert.equal(this.#tally, undefined, 'who is gone is in no group');
  }
}

/** Gives `quota` events per window; a window passes whenever the test says so. */
class Quota implements Governor {
  readonly outbox;
  /** Without rest between flushes, so that nothing depends on the time. */
  readonly flush: FlushBound;
  readonly #windows: (() => void)[];
  #left = Infinity;

  constructor(overflow: Overflow, maxFlush: number, windows: (() => void)[]) {
    this.outbox = { maxBytes: undefined, maxEvents: 5, overflow };
    this.flush = { maxDelay: 0, maxBytes: 1_000_000, maxEvents: maxFlush };
    this.#windows = windows;
  }

  set quota(quota: number) {
    this.#left = quota;
  }

  allow(n: number): number {
    return Math.min(n, this.#left);
  }

  delivered(n: number): void {
    this.#left -= n;
    assert.ok(this.#left >= 0, 'one event too many');
  }

  limited(): LimitAnswer {
    return { error: new GatewayError('LIMIT_REACHED', 'enough'), action: 'pause', until: this.#windows.length };
  }
}

interface Lineage {
  readonly address: string;
  readonly start: Position;
  readonly seen: Seen;
  readonly account: TilingAccount;
  client: Client;
  governor: Quota;
}

type Step =
  | { readonly do: 'publish'; readonly address: number; readonly count: number }
  | { readonly do: 'join'; readonly pattern: number; readonly overflow: Overflow; readonly from: 'feed' | 'latest' | 'earliest' }
  | { readonly do: 'stall' | 'read' | 'cut'; readonly who: number }
  | { readonly do: 'limit'; readonly who: number; readonly quota: number }
  | { readonly do: 'turns'; readonly count: number };

class World {
  readonly backbone = new MemoryBackbone();
  readonly lineages: Lineage[] = [];
  readonly published: { readonly id: string; readonly address: string; readonly position: Position }[] = [];
  readonly #windows: (() => void)[] = [];
  readonly #feeds = new Map<string, Feed>();
  readonly #governors = new Map<string, Quota>();
  readonly #publishing: Promise<void>[] = [];
  #next = 0;

  async step(step: Step): Promise<void> {
    if (step.do === 'publish') this.#publish(addresses[step.address] as string, step.count);
    else if (step.do === 'join') await this.#join(step);
    else if (step.do === 'turns') for (let turn = 0; turn < step.count; turn += 1) await nextTurn();
    else await this.#disturb(step);
  }

  async settle(): Promise<void> {
    await Promise.all(this.#publishing);
    for (let round = 0; round < 40; round += 1) {
      for (const lineage of this.lineages) {
        lineage.governor.quota = Infinity;
        lineage.client.read();
      }
      for (const open of this.#windows.splice(0)) open();
      for (let turn = 0; turn < 10; turn += 1) await nextTurn();
    }
  }

  expected({ address, start }: Lineage): readonly string[] {
    return this.published
      .filter((event) => matchesAddress(address, event.address) && this.backbone.compare(event.position, start) > 0)
      .sort((a, b) => this.backbone.compare(a.position, b.position))
      .map(({ id }) => id);
  }

  async #feed(address: string): Promise<Feed> {
    let feed = this.#feeds.get(address);
    if (feed === undefined) this.#feeds.set(address, (feed = await Feed.open(this.backbone, { log, address }, () => new Members())));
    return feed;
  }

  #publish(address: string, count: number): void {
    const drafts = Array.from({ length: count }, () => draft(`e${(this.#next += 1)}`));
    const done = this.backbone.publish({ log, address }, drafts).then((placed) => {
      for (const [index, { position }] of placed.entries())
        this.published.push({ id: (drafts[index] as EventDraft).id, address, position });
    });
    this.#publishing.push(done);
  }

  async #join({ pattern, overflow, from }: Extract<Step, { do: 'join' }>): Promise<void> {
    const address = patterns[pattern] as string;
    const feed = await this.#feed(address);
    const start = from === 'feed' ? feed.position : await this.backbone.locate({ log, address }, { at: from });
    const seen: Seen = { ids: [], gapped: 0, last: start };
    const governor = this.#governor(overflow);
    const account = new TilingAccount(this.backbone, start);
    const lineage: Lineage = { address, start, seen, account, governor, client: new Client(seen) };
    this.lineages.push(lineage);
    this.#connect(lineage, feed, account);
  }

  /** Shared by some, as readers of one subscription share theirs. */
  #governor(overflow: Overflow): Quota {
    const kind = this.lineages.length % 3;
    let governor = this.#governors.get(`${overflow} ${kind}`);
    if (governor === undefined)
      this.#governors.set(`${overflow} ${kind}`, (governor = new Quota(overflow, kind === 0 ? 3 : 100, this.#windows)));
    return governor;
  }

  #connect(lineage: Lineage, feed: Feed, account: TilingAccount): void {
    const { client, governor } = lineage;
    const schedule = (_at: number, callback: () => void): (() => void) => {
      this.#windows.push(callback);
      return () => undefined;
    };
    const parts = {
      feed,
      backbone: this.backbone,
      account,
      sink: client,
      format: lines,
      filter: undefined,
      governor,
      turns: new Turns(),
      schedule,
      onLimited: () => undefined,
      onBug: (error: unknown) => assert.fail(error as Error),
      onClosed: () => undefined,
    };
    client.reader = new LiveReader(parts);
    client.reader.start();
  }

  async #disturb(step: Extract<Step, { who: number }>): Promise<void> {
    const lineage = this.lineages[step.who % Math.max(1, this.lineages.length)];
    if (lineage === undefined) return;
    if (step.do === 'stall') lineage.client.stall();
    else if (step.do === 'read') lineage.client.read();
    else if (step.do === 'limit') lineage.governor.quota = step.quota;
    else await this.#resume(lineage);
  }

  /** The client goes away and comes back with the last position it saw. */
  async #resume(lineage: Lineage): Promise<void> {
    if (lineage.governor.outbox.overflow !== 'pause') return;
    lineage.client.reader?.close();
    lineage.client = new Client(lineage.seen);
    const feed = await this.#feed(lineage.address);
    this.#connect(lineage, feed, new TilingAccount(this.backbone, lineage.seen.last));
  }
}

function draft(id: string): EventDraft {
  return {
    id,
    source: '/test',
    type: 'test',
    subject: `s${id.length + (Number(id.slice(1)) % 3)}`,
    extensions: {},
    data: Buffer.from('{}'),
    dataKind: 'json',
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const who = fc.nat(7);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('publish' as const), address: fc.nat(2), count: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      pattern: fc.nat(3),
      overflow: fc.constantFrom<Overflow>('pause', 'pause', 'drop-oldest', 'conflate', 'disconnect'),
      from: fc.constantFrom('feed' as const, 'latest' as const, 'earliest' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('stall' as const, 'stall' as const, 'stall' as const, 'read' as const, 'cut' as const),
      who,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('limit' as const), who, quota: fc.nat(4) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('turns' as const), count: fc.nat(4) }) },
);

describe('delivery', () => {
  test('any interleaving gives every reader each event exactly once and in order, or a named gap', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), async (steps) => {
      const world = new World();
      for (const each of steps) await world.step(each);
      await world.settle();
      for (const lineage of world.lineages) check(world, lineage);
    });
    await fc.assert(property, { numRuns: 1000, seed: Number(process.env['SEED'] ?? Date.now() % 2 ** 31) });
  });
});

function check(world: World, lineage: Lineage): void {
  const expected = world.expected(lineage);
  const { ids, gapped } = lineage.seen;
  const { overflow } = lineage.governor.outbox;
  if (lineage.client.ended !== undefined) {
    assert.equal(lineage.client.ended.code, 'TOO_SLOW');
    assert.deepEqual(ids, expected.slice(0, ids.length));
  } else if (overflow === 'pause' || overflow === 'disconnect') {
    assert.deepEqual(ids, expected);
  } else {
    const remaining = new Set(ids);
    assert.equal(remaining.size, ids.length, 'no event comes twice');
    assert.deepEqual(
      ids,
      expected.filter((id) => remaining.has(id)),
      'what comes is in order',
    );
    assert.equal(ids.length + gapped, expected.length, 'what does not come is named');
    assert.equal(lineage.account.dropped, gapped);
  }
}
