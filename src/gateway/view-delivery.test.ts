import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { applyPatch, type Operation } from 'rfc6902';
import type { Filter } from '../core/batch.ts';
import type { ViewRequest } from '../core/entrypoint.ts';
import type { Event, EventDraft, Gap, WireFormat } from '../core/event.ts';
import { Feed } from '../core/feed.ts';
import type { Governor } from '../core/group.ts';
import type { Batch, ReaderAccount, Tally } from '../core/meter.ts';
import type { FlushBound, Overflow } from '../core/policy.ts';
import type { Position } from '../core/position.ts';
import { LiveReader } from '../core/reader.ts';
import { Turns } from '../core/turns.ts';
import { eventJson } from '../entrypoints/event-json.ts';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import { until } from '../testing/until.ts';
import { formatOf, Views } from './view.ts';

const channel = { log: 'default/test', address: 'a' };
const newline = Buffer.from('\n');

const lines: WireFormat = {
  name: 'lines',
  encode: (event) => Buffer.concat([event.frame(eventJson), newline]),
  encodeGap: ({ upTo, events }: Gap) => Buffer.from(`${JSON.stringify({ upTo, gap: events })}\n`),
};

interface Told {
  readonly id: string;
  readonly position: Position;
  readonly subject: string;
  readonly data: unknown;
  readonly base?: Position;
  readonly gap?: number;
}

/** Where a client stands with one subject. */
interface Value {
  readonly position: Position;
  readonly data: unknown;
}

/** What one client remembers, over all its connections. */
class Memory {
  readonly ids: string[] = [];
  /** The newest value of each subject. */
  readonly values = new Map<string, unknown>();
  gapped = 0;
  changes = 0;
  last: Position;

  constructor(start: Position) {
    this.last = start;
  }

  take(told: Told): void {
    if (told.gap !== undefined) {
      this.gapped += told.gap;
      return;
    }
    this.ids.push(told.id);
    if (told.base !== undefined) this.changes += 1;
    this.last = told.position;
  }
}

class Client {
  readonly format = lines;
  readonly memory: Memory;
  /** What came over this connection. */
  readonly #values = new Map<string, Value>();
  reader: LiveReader | undefined;
  #isStalled = false;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  get buffered(): number {
    return this.#isStalled ? 1 : 0;
  }

  write(buffer: Buffer): boolean {
    for (const line of buffer.toString().trimEnd().split('\n')) this.#take(JSON.parse(line) as Told);
    return !this.#isStalled;
  }

  stall(): void {
    this.#isStalled = true;
  }

  read(): void {
    this.#isStalled = false;
    this.reader?.drained();
  }

  end(reason: Error): void {
    assert.fail(reason);
  }

  #take(told: Told): void {
    this.memory.take(told);
    if (told.gap !== undefined) return;
    const data = told.base === undefined ? told.data : this.#changed(told, told.base);
    this.#values.set(told.subject, { position: told.position, data });
    this.memory.values.set(told.subject, data);
  }

  #changed({ subject, data }: Told, base: Position): unknown {
    const before = this.#values.get(subject);
    assert.equal(before?.position, base, 'a change is one of the last event of its key that came over this connection');
    const holder = structuredClone({ data: before?.data });
    const operations = (data as readonly Operation[]).map((operation) => ({ ...operation, path: `/data${operation.path}` }));
    assert.ok(applyPatch(holder, operations).every((failure) => failure === null));
    return holder.data;
  }
}

class Members implements Tally {
  readonly accounts = new Set<Account>();

  charge(batch: Batch): void {
    for (const account of this.accounts) account.charge(batch);
  }
}

/** Books in which ranges must tile. */
class Account implements ReaderAccount {
  readonly id = 'r';
  readonly cursor: Position;
  readonly charged: Position;
  readonly #backbone: MemoryBackbone;
  #at: Position;
  #tally: Members | undefined;

  constructor(backbone: MemoryBackbone, start: Position) {
    this.#backbone = backbone;
    this.cursor = start;
    this.charged = start;
    this.#at = start;
  }

  charge(batch: Batch): void {
    assert.ok(this.#backbone.compare(batch.position, this.#at) >= 0, 'a charge goes backwards');
    for (const event of batch.events) assert.ok(this.#backbone.compare(event.position, this.#at) > 0, 'an event is charged twice');
    this.#at = batch.position;
  }

  drop(_events: number, position: Position): void {
    assert.ok(this.#backbone.compare(position, this.#at) >= 0, 'a drop goes backwards');
    this.#at = position;
  }

  join(tally: Tally): void {
    this.#tally = tally as Members;
    this.#tally.accounts.add(this);
  }

  leave(): void {
    this.#tally?.accounts.delete(this);
    this.#tally = undefined;
  }

  confirm(): void {}
  state(): void {}
  close(): void {}
}

class Unlimited implements Governor {
  readonly outbox;
  readonly flush: FlushBound = { maxDelay: 0, maxBytes: 1_000_000, maxEvents: 4 };

  constructor(overflow: Overflow) {
    this.outbox = { maxBytes: undefined, maxEvents: 5, overflow };
  }

  allow(n: number): number {
    return n;
  }

  delivered(): void {}

  limited(): undefined {}
}

interface Lineage {
  readonly view: ViewRequest;
  readonly expression: string | undefined;
  readonly filter: Filter | undefined;
  readonly format: WireFormat;
  readonly governor: Governor;
  readonly start: Position;
  readonly memory: Memory;
  client: Client;
}

type Step =
  | { readonly do: 'publish'; readonly subjects: readonly number[] }
  | { readonly do: 'join'; readonly overflow: Overflow; readonly view: ViewRequest; readonly filter: string | undefined }
  | { readonly do: 'stall' | 'read' | 'cut'; readonly who: number }
  | { readonly do: 'turns'; readonly count: number };

class World {
  readonly backbone = new MemoryBackbone();
  readonly lineages: Lineage[] = [];
  readonly published: Event[] = [];
  readonly #views = new Views();
  readonly #governors = new Map<Overflow, Governor>();
  readonly #feed: Feed;
  readonly #publishing: Promise<unknown>[] = [];
  #next = 0;

  private constructor(backbone: MemoryBackbone, feed: Feed) {
    this.backbone = backbone;
    this.#feed = feed;
  }

  static async open(): Promise<World> {
    const backbone = new MemoryBackbone();
    return new World(backbone, await Feed.open(backbone, channel, () => new Members()));
  }

  async step(step: Step): Promise<void> {
    if (step.do === 'publish') this.#publish(step.subjects);
    else if (step.do === 'join') await this.#join(step);
    else if (step.do === 'turns') for (let turn = 0; turn < step.count; turn += 1) await nextTurn();
    else this.#disturb(step.do, step.who);
  }

  /** Everybody reads, until everybody is where the log ends. */
  async settle(): Promise<void> {
    await Promise.all(this.#publishing);
    const start = await this.backbone.locate(channel, { at: 'earliest' });
    this.published.push(...(await this.backbone.read({ channel, after: start, limit: 100_000 })).events);
    const end = await this.backbone.locate(channel, { at: 'latest' });
    await until(
      async () => {
        for (const { client } of this.lineages) client.read();
        return this.lineages.every(({ client }) => client.reader?.position === end);
      },
      () => `readers are at ${this.lineages.map(({ client }) => client.reader?.position).join(', ')} and not at ${end}`,
    );
    for (const { client } of this.lineages) client.reader?.close();
    assert.equal(this.#feed.size, 0);
    await this.#feed.close();
  }

  #publish(subjects: readonly number[]): void {
    const drafts = subjects.map((subject) => draft((this.#next += 1), `s${subject}`));
    this.#publishing.push(this.backbone.publish(channel, drafts));
  }

  async #join({ overflow, view, filter: expression }: Extract<Step, { do: 'join' }>): Promise<void> {
    const seen = this.#views.of({ filter: expression, view });
    const start = await this.backbone.locate(channel, { at: this.lineages.length % 2 === 0 ? 'latest' : 'earliest' });
    const memory = new Memory(start);
    let governor = this.#governors.get(overflow);
    if (governor === undefined) this.#governors.set(overflow, (governor = new Unlimited(overflow)));
    const filter = seen.filter === undefined ? undefined : quick(seen.filter);
    const client = new Client(memory);
    const lineage: Lineage = { view, expression, filter, format: formatOf(seen, lines), governor, start, memory, client };
    this.lineages.push(lineage);
    this.#connect(lineage);
  }

  #connect({ client, memory, filter, format, governor }: Lineage): void {
    client.reader = new LiveReader({
      feed: this.#feed,
      backbone: this.backbone,
      account: new Account(this.backbone, memory.last),
      sink: client,
      format,
      filter,
      governor,
      turns: new Turns(),
      schedule: () => () => undefined,
      onLimited: () => undefined,
      onBug: (error: unknown) => assert.fail(error as Error),
      onClosed: () => undefined,
    });
    client.reader.start();
  }

  #disturb(disturbance: 'stall' | 'read' | 'cut', who: number): void {
    const lineage = this.lineages[who % Math.max(1, this.lineages.length)];
    if (lineage === undefined) return;
    if (disturbance !== 'cut') lineage.client[disturbance]();
    else if (lineage.governor.outbox?.overflow === 'pause') {
      lineage.client.reader?.close();
      lineage.client = new Client(lineage.memory);
      this.#connect(lineage);
    }
  }
}

/** The same with an interval for tests. */
function quick(filter: Filter): Filter {
  return filter.conflation === undefined ? filter : { ...filter, conflation: { ...filter.conflation, interval: 4 } };
}

const same = 'the same all the time, and long enough that what changed is worth a patch. '.repeat(4);

function draft(n: number, subject: string): EventDraft {
  const data = {
    n,
    even: n % 2 === 0,
    kept: same,
    list: [n % 3, { n }],
    deep: { 'a/b': n % 4 },
  };
  return { id: `e${n}`, source: '/t', type: 't', subject, extensions: {}, data: Buffer.from(JSON.stringify(data)), dataKind: 'json' };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const view: fc.Arbitrary<ViewRequest> = fc.record({
  fields: fc.constantFrom(undefined, undefined, 'n,kept,list.n'),
  sample: fc.constantFrom(undefined, undefined, '1/2'),
  conflate: fc.constantFrom(undefined, '1s'),
  delta: fc.constantFrom(undefined, 'patch'),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('publish' as const), subjects: fc.array(fc.nat(3), { minLength: 1, maxLength: 7 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      overflow: fc.constantFrom<Overflow>('pause', 'pause', 'drop-oldest', 'conflate'),
      view,
      filter: fc.constantFrom(undefined, undefined, 'data.even'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('stall' as const, 'stall' as const, 'read' as const, 'cut' as const), who: fc.nat(7) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('turns' as const), count: fc.nat(4) }) },
);

describe('delivery through a view', () => {
  test('ends with the newest value of everything, in order, and leaves out only what it may', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80, size: 'max' }), async (steps) => {
      const world = await World.open();
      for (const each of steps) await world.step(each);
      await world.settle();
      for (const lineage of world.lineages) {
        check(world, lineage);
        changes += lineage.memory.changes;
      }
    });
    let changes = 0;
    await fc.assert(property, { numRuns: 60, seed: Number(process.env['SEED'] ?? Date.now() % 2 ** 31) });
    assert.ok(changes > 500, `${changes} changes`);
  });
});

function check({ backbone, published }: World, { view: asked, filter, governor, start, memory }: Lineage): void {
  const expected = published.filter((event) => backbone.compare(event.position, start) > 0 && (filter === undefined || filter.test(event)));
  const newest = new Map(expected.map((event) => [event.subject as string, project(event, asked)]));
  const { ids, gapped, values } = memory;
  const overflow = governor.outbox?.overflow;
  const got = new Set(ids);
  assert.equal(got.size, ids.length, 'no event comes twice');
  assert.deepEqual(
    ids,
    expected.filter(({ id }) => got.has(id)).map(({ id }) => id),
    'what comes is in order',
  );
  if (overflow !== 'drop-oldest') assert.deepEqual(values, new Map([...newest].filter(([subject]) => values.has(subject))));
  if (overflow === 'pause') assert.equal(values.size, newest.size);
  if (asked.conflate === undefined) assert.equal(ids.length + gapped, expected.length, 'what does not come is named');
  else assert.ok(ids.length + gapped <= expected.length);
}

function project(event: Event, { fields }: ViewRequest): unknown {
  const { n, ...others } = event.json() as { n: number };
  return fields === undefined ? { n, ...others } : { n, kept: same, list: [{ n }] };
}
