import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { matchesAddress } from '../core/address.ts';
import type { Backbone, Consumer, Placed } from '../core/backbone.ts';
import type { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { draft, readAll } from './backbone-events.ts';

const ADDRESSES = ['orders/1/created', 'orders/2/created', 'orders/1/paid'];
const PATTERNS = [...ADDRESSES, 'orders/*/created', '*'];

type Step =
  | { readonly do: 'publish'; readonly address: number; readonly ids: readonly number[] }
  | { readonly do: 'settle' }
  | { readonly do: 'turn' }
  | { readonly do: 'consume'; readonly pattern: number; readonly slow: boolean }
  | { readonly do: 'close'; readonly which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      address: fc.nat(2),
      ids: fc.array(fc.nat(60), { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'turn' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'settle' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('consume' as const), pattern: fc.nat(4), slow: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), which: fc.nat(5) }) },
);

interface Reader {
  readonly pattern: string;
  readonly consumer: Consumer;
  readonly events: Event[];
  reached: Position;
  open: boolean;
}

type Test = (title: string, run: (backbone: Backbone, context: TestContext) => Promise<void>) => void;

/** Any interleaving of publishing with repetitions, joining, being slow and leaving gives each reader every event once and in order. */
export function everyInterleaving(test: Test): void {
  test('gives every reader each event exactly once and in order in any interleaving', async (backbone, context) => {
    const seed = Number(process.env['SLUICE_TEST_SEED'] ?? Date.now() % 2 ** 31);
    context.diagnostic(`seed ${seed} (SLUICE_TEST_SEED)`);
    let runs = 0;
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      await new Run(backbone, `default/interleaving-${seed}-${++runs}`).check(steps);
    });
    await fc.assert(property, { seed, numRuns: 200, endOnFailure: true });
  });
}

function keyOf(address: string, id: string): string {
  return `${address} ${id}`;
}

class Run {
  readonly #backbone: Backbone;
  readonly #log: string;
  readonly #readers: Reader[] = [];
  #publishes: { readonly keys: readonly string[]; readonly placed: Promise<readonly Placed[]> }[] = [];

  constructor(backbone: Backbone, log: string) {
    this.#backbone = backbone;
    this.#log = log;
  }

  async check(steps: readonly Step[]): Promise<void> {
    await this.#backbone.prepare(this.#log, { dedupWindow: 60_000 });
    for (const each of steps) await this.#do(each);
    await Promise.all(this.#publishes.map(({ placed }) => placed));
    const truth = await readAll(this.#backbone, { log: this.#log, address: '*' }, undefined, 7);
    await this.#checkPlaces(truth);
    for (const reader of this.#readers) await this.#checkReader(reader, truth);
    for (const { consumer } of this.#readers) await consumer.close();
  }

  async #do(each: Step): Promise<void> {
    switch (each.do) {
      case 'publish': {
        const address = ADDRESSES[each.address]!;
        const placed = this.#backbone.publish(
          { log: this.#log, address },
          each.ids.map((id) => draft(String(id))),
        );
        this.#publishes.push({ keys: each.ids.map((id) => keyOf(address, String(id))), placed });
        return;
      }
      case 'turn':
        await nextTurn();
        return;
      case 'settle':
        await Promise.all(this.#publishes.map(({ placed }) => placed));
        return;
      case 'consume':
        await this.#consume(PATTERNS[each.pattern]!, each.slow);
        return;
      case 'close': {
        const reader = this.#readers[each.which];
        if (reader === undefined) return;
        reader.open = false;
        await reader.consumer.close();
      }
    }
  }

  async #consume(pattern: string, slow: boolean): Promise<void> {
    const events: Event[] = [];
    let reader: Reader | undefined;
    const receive = (batch: readonly Event[], position: Position): void | Promise<void> => {
      assert.equal(reader?.open, true, 'nothing is received before consume resolves or after close');
      events.push(...batch);
      if (reader !== undefined) reader.reached = position;
      return slow ? nextTurn() : undefined;
    };
    const consumer = await this.#backbone.consume({ log: this.#log, address: pattern }, receive);
    reader = { pattern, consumer, events, reached: consumer.position, open: true };
    this.#readers.push(reader);
  }

  /** Every id is on its channel once, and every acknowledgement names its place. */
  async #checkPlaces(truth: readonly Event[]): Promise<void> {
    const places = new Map(truth.map(({ address, id, position }) => [keyOf(address, id), position]));
    assert.equal(places.size, truth.length, 'no event is on a channel twice');
    const firsts = new Map<string, number>();
    for (const { keys, placed } of this.#publishes) {
      for (const [index, { position, duplicate }] of (await placed).entries()) {
        const key = keys[index]!;
        assert.equal(position, places.get(key), `the position of ${key} is the first one's`);
        if (!duplicate) firsts.set(key, (firsts.get(key) ?? 0) + 1);
      }
    }
    for (const [key, count] of firsts) assert.equal(count, 1, `${key} was new once`);
    assert.equal(firsts.size, truth.length, 'every event was new to somebody');
  }

  /** Read up to where the consumer began, then what it received: together the whole channel, each event once. */
  async #checkReader(reader: Reader, truth: readonly Event[]): Promise<void> {
    const { pattern, consumer, events } = reader;
    const after = (position: Position) => (event: Event) => this.#backbone.compare(event.position, position) > 0;
    const channel = truth.filter((event) => matchesAddress(pattern, event.address));
    const expected = channel.filter(after(consumer.position));
    const deadline = Date.now() + 30_000;
    while (reader.open && events.length < expected.length && Date.now() < deadline) await nextTurn();
    const reached = reader.reached;
    const due = reader.open ? expected : expected.filter((event) => !after(reached)(event));
    assert.deepEqual(
      events.map(({ id, position }) => [id, position]),
      due.map(({ id, position }) => [id, position]),
    );
    const history = await this.#backbone.read({
      channel: { log: this.#log, address: pattern },
      after: await this.#earliest(),
      until: consumer.position,
      limit: 1000,
    });
    assert.deepEqual(
      [...history.events, ...expected].map(({ id }) => id),
      channel.map(({ id }) => id),
    );
  }

  #earliest(): Promise<Position> {
    return this.#backbone.locate({ log: this.#log, address: '*' }, { at: 'earliest' });
  }
}
