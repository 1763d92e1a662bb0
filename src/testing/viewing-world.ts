import assert from 'node:assert/strict';
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
import { formatOf, Views } from '../gateway/view.ts';
import { MemoryBackbone } from './memory-backbone.ts';
import { until } from './until.ts';

const channel = { log: 'default/test', address: 'a' };
const newline = Buffer.from('\n');

/** Frames as text lines, so that a client can read back what it was given; counts what it encodes. */
class Lines implements WireFormat {
  readonly name = 'lines';
  encoded = 0;

  encode(event: Event): Buffer {
    this.encoded += 1;
    return Buffer.concat([event.frame(eventJson), newline]);
  }

  encodeGap({ upTo, events }: Gap): Buffer {
    return Buffer.from(`${JSON.stringify({ upTo, gap: events })}\n`);
  }
}

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
  readonly format: WireFormat;
  readonly memory: Memory;
  /** What came over this connection. */
  readonly #values = new Map<string, Value>();
  reader: LiveReader | undefined;
  #isStalled = false;

  constructor(format: WireFormat, memory: Memory) {
    this.format = format;
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

  chargeLate(): void {}

  takeBack(): void {}

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

/** A reader through all its connections. */
export interface Lineage {
  readonly view: ViewRequest;
  readonly expression: string | undefined;
  readonly filter: Filter | undefined;
  readonly format: WireFormat;
  readonly governor: Governor;
  readonly start: Position;
  readonly memory: Memory;
  client: Client;
}

/** What may happen to readers. */
export type Step =
  | { readonly do: 'publish'; readonly subjects: readonly number[] }
  | { readonly do: 'join'; readonly overflow: Overflow; readonly view: ViewRequest; readonly filter: string | undefined }
  | { readonly do: 'stall' | 'read' | 'cut'; readonly who: number }
  | { readonly do: 'turns'; readonly count: number };

/** Readers of one channel in memory, each with a view of it, and clients that apply the changes they are given. */
export class ViewingWorld {
  readonly format = new Lines();
  readonly backbone: MemoryBackbone;
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

  static async open(): Promise<ViewingWorld> {
    const backbone = new MemoryBackbone();
    return new ViewingWorld(backbone, await Feed.open(backbone, channel, () => new Members()));
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
    const client = new Client(this.format, memory);
    const lineage: Lineage = { view, expression, filter, format: formatOf(seen, this.format), governor, start, memory, client };
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
      lineage.client = new Client(this.format, lineage.memory);
      this.#connect(lineage);
    }
  }
}

/** The same with an interval for tests. */
function quick(filter: Filter): Filter {
  return filter.conflation === undefined ? filter : { ...filter, conflation: { ...filter.conflation, interval: 4 } };
}

/** A member of the data of every event. */
export const same = 'the same all the time, and long enough that what changed is worth a patch. '.repeat(4);

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
