import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CloudEventError } from './cloud-event-error.ts';
import { encodeBatch, encodeEvent } from './encode.ts';
import { decodeBatch, decodeStructured } from './structured.ts';

interface Vector {
  readonly id: string;
  readonly event?: unknown;
  readonly batch?: unknown;
}

/** A folder with the vectors of the CloudEvents conformance project in `cloudevents/`. */
const folder = process.env['SLUICE_VECTORS'];

function vectors(name: string): readonly Vector[] {
  if (folder === undefined) return [];
  return (JSON.parse(readFileSync(join(folder, 'cloudevents', `${name}.json`), 'utf8')) as { tests: Vector[] }).tests;
}

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** Null means unset, so it is not written again. */
function withoutNulls(event: unknown): unknown {
  return Object.fromEntries(Object.entries(event as Record<string, unknown>).filter(([, value]) => value !== null));
}

describe('the official CloudEvents vectors', () => {
  it('are all there', { skip: folder === undefined ? 'SLUICE_VECTORS names no folder with them' : false }, () => {
    const counts = ['valid-events', 'invalid-events', 'valid-batches', 'invalid-batches'].map((name) => vectors(name).length);
    assert.deepEqual(counts, [10, 25, 5, 3]);
  });

  for (const { id, event } of vectors('valid-events')) {
    it(`${id} is accepted and written again as it was`, () => {
      const decoded = decodeStructured(bytes(event));
      assert.deepEqual(JSON.parse(encodeEvent(decoded).toString('utf8')), withoutNulls(event));
    });
  }

  for (const { id, event } of vectors('invalid-events')) {
    it(`${id} is refused with a sentence`, () => {
      assert.throws(() => decodeStructured(bytes(event)), isRefusal);
    });
  }

  for (const { id, batch } of vectors('valid-batches')) {
    it(`${id} is accepted and written again as it was`, () => {
      const decoded = decodeBatch(bytes(batch), 100);
      assert.deepEqual(JSON.parse(encodeBatch(decoded).toString('utf8')), batch);
    });
  }

  for (const { id, batch } of vectors('invalid-batches')) {
    it(`${id} is refused with the index of the event`, () => {
      assert.throws(
        () => decodeBatch(bytes(batch), 100),
        (thrown) => isRefusal(thrown) && /^\[\d\]/.test((thrown as CloudEventError).path),
      );
    });
  }
});

function isRefusal(thrown: unknown): boolean {
  return thrown instanceof CloudEventError && /^The event is not valid.*\.$/.test(thrown.message);
}
