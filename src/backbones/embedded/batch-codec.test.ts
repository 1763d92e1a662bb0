import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EventDraft } from '../../core/event.ts';
import { decodeBatch } from './batch-decoder.ts';
import { BatchEncoder } from './batch-encoder.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const extensionValue = fc.oneof(text, fc.boolean(), fc.integer(), fc.double({ noNaN: true }));
const draft: fc.Arbitrary<EventDraft> = fc.record({
  id: text,
  source: fc.constantFrom('/a', '/b'),
  type: fc.constantFrom('x', 'y', 'größe'),
  subject: optional(text),
  time: optional(text),
  datacontenttype: optional(fc.constantFrom('application/json', 'text/plain')),
  dataschema: optional(fc.constantFrom('s', 't')),
  extensions: fc.dictionary(fc.stringMatching(/^[a-z0-9]{1,8}$/), extensionValue, { maxKeys: 4, noNullPrototype: true }),
  data: optional(fc.uint8Array({ maxLength: 400 })),
  dataKind: fc.constantFrom('json' as const, 'text' as const, 'binary' as const),
});

function encode(drafts: readonly EventDraft[]): Uint8Array {
  const encoder = new BatchEncoder();
  encoder.begin();
  for (const each of drafts) encoder.add(each);
  return encoder.finish();
}

const stored = (events: Uint8Array, count: number) => ({ first: 11, last: 10 + count, acceptedAt: 5, address: 'a', events });
const all = { after: 0, until: 1_000_000 };

function plain({ id, source, type, subject, time, datacontenttype, dataschema, extensions, data, dataKind }: EventDraft): unknown {
  return {
    id,
    source,
    type,
    subject,
    time,
    datacontenttype,
    dataschema,
    extensions,
    data: data && Buffer.from(data).toString('hex'),
    dataKind,
  };
}

describe('batch of events', () => {
  it('gives back what was written, whatever it was', (context) => {
    const seed = Date.now() % 2 ** 31;
    context.diagnostic(`seed ${seed}`);
    const property = fc.property(fc.array(draft, { minLength: 1, maxLength: 8 }), (drafts) => {
      const events = decodeBatch(stored(encode(drafts), drafts.length), 'abcdef', all);
      assert.deepEqual(events.map(plain), drafts.map(plain));
      assert.deepEqual(
        events.map(({ position }) => position),
        drafts.map((_, index) => `abcdef-${11 + index}`),
      );
    });
    fc.assert(property, { seed, numRuns: 300 });
  });

  it('writes what repeats only once', () => {
    const same: EventDraft = {
      id: '1',
      source: 's'.repeat(500),
      type: 't'.repeat(500),
      datacontenttype: 'c'.repeat(500),
      extensions: {},
      data: undefined,
      dataKind: 'json',
    };
    assert.ok(encode([same, same, same]).byteLength < 1600);
  });

  it('keeps several batches apart in one buffer, however it grows', () => {
    const encoder = new BatchEncoder();
    const sizes = [10, 100_000, 3, 2_000_000, 50];
    const batches = sizes.map((size) => {
      encoder.begin();
      encoder.add({ id: String(size), source: 's', type: 't', extensions: {}, data: Buffer.alloc(size, size % 251), dataKind: 'binary' });
      return encoder.finish();
    });
    for (const [index, size] of sizes.entries()) {
      const [event] = decodeBatch(stored(batches[index]!, 1), 'abcdef', all);
      assert.deepEqual([event!.id, event!.data!.byteLength, event!.data![0]], [String(size), size, size % 251]);
    }
  });

  it('refuses bytes that were changed or cut, at every place', () => {
    const bytes = encode([{ id: '1', source: '/s', type: 't', extensions: { a: 1 }, data: Buffer.from('data'), dataKind: 'text' }]);
    for (let index = 0; index < bytes.length; index++) {
      const changed = Uint8Array.from(bytes);
      changed[index]! ^= 0x20;
      assert.throws(() => decodeBatch(stored(changed, 1), 'abcdef', all), `byte ${index}`);
      assert.throws(() => decodeBatch(stored(bytes.subarray(0, index), 1), 'abcdef', all), `cut at ${index}`);
    }
    assert.throws(() => decodeBatch(stored(bytes, 2), 'abcdef', all));
  });
});
