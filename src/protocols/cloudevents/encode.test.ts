import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CloudEvent } from './cloud-event.ts';
import { encodeBatch, encodeEvent, joinBatch } from './encode.ts';
import { gapEvent } from './gap.ts';
import { decodeBatch, decodeStructured } from './structured.ts';

const attributeText = fc
  .string({ unit: 'binary', minLength: 1 })
  .map((text) => text.replace(/[\u0000-\u001f\u007f-\u009f\p{Noncharacter_Code_Point}\p{Surrogate}]/gu, '.'));
const data = fc.oneof(
  fc
    .json({ stringUnit: 'binary' })
    .map((text) => ({ data: Buffer.from(text), dataKind: 'json' as const, datacontenttype: undefined as string | undefined })),
  fc.string({ unit: 'binary' }).map((text) => ({
    data: Buffer.from(text.toWellFormed()),
    dataKind: 'text' as const,
    datacontenttype: 'text/plain' as string | undefined,
  })),
  fc
    .uint8Array()
    .map((bytes) => ({ data: Buffer.from(bytes), dataKind: 'binary' as const, datacontenttype: 'image/png' as string | undefined })),
  fc.constant({ data: undefined, dataKind: 'json' as const, datacontenttype: undefined as string | undefined }),
);
const events: fc.Arbitrary<CloudEvent> = fc
  .record({
    id: attributeText,
    source: fc.webUrl(),
    type: attributeText,
    subject: fc.option(attributeText, { nil: undefined }),
    time: fc.option(
      fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }).map((date) => date.toISOString()),
      { nil: undefined },
    ),
    dataschema: fc.option(fc.webUrl(), { nil: undefined }),
    extensions: fc.dictionary(
      fc.stringMatching(/^x[a-z0-9]{1,10}$/),
      fc.oneof(attributeText, fc.boolean(), fc.integer({ min: -2147483648, max: 2147483647 })),
      { noNullPrototype: true },
    ),
    payload: data,
  })
  .map(({ payload, ...attributes }) => ({ ...attributes, ...payload }));

const plain: CloudEvent = {
  id: '1',
  source: '/s',
  type: 't',
  extensions: { position: 'forged', a: 'x' },
  data: Buffer.from('{"a":\r\n1}'),
  dataKind: 'json',
};

describe('encoding events', () => {
  it('gives bytes that decode to the same event', () => {
    fc.assert(fc.property(events, (event) => assert.deepEqual(decodeStructured(encodeEvent(event)), event)));
  });

  it('gives batches that decode to the same events', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 5 }), (batch) => assert.deepEqual(decodeBatch(encodeBatch(batch), 5), batch)),
      { numRuns: 30 },
    );
  });

  it('writes JSON data as the bytes they are', () => {
    assert.equal(
      encodeEvent({ ...plain, extensions: {} }).toString('utf8'),
      '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a":\r\n1}}',
    );
  });

  it('puts the position in place of an extension of that name, once', () => {
    const text = encodeEvent(plain, 'p-1').toString('utf8');
    assert.deepEqual(text.match(/"position":"[^"]*"/g), ['"position":"p-1"']);
    assert.match(encodeEvent(plain).toString('utf8'), /"position":"forged"/);
  });

  it('joins encoded events as a batch', () => {
    assert.equal(joinBatch([]).toString('utf8'), '[]');
    assert.equal(joinBatch([Buffer.from('{"é":1}'), Buffer.from('{}')]).toString('utf8'), '[{"é":1},{}]');
    assert.match(encodeBatch([plain, plain], ['p-1', 'p-2']).toString('utf8'), /"position":"p-1".*"position":"p-2"/s);
  });

  it('tells a gap as an event that is itself valid', () => {
    const gap = gapEvent({ after: 'abc-1', upTo: 'abc-5', events: undefined, reason: 'dropped' });
    const told = decodeStructured(encodeEvent(gap, 'abc-5'));
    assert.deepEqual([told.type, told.source, told.extensions['position']], ['dev.sluice.gap', '/sluice', 'abc-5']);
    assert.deepEqual(JSON.parse(Buffer.from(told.data ?? []).toString('utf8')), { after: 'abc-1', upTo: 'abc-5', reason: 'dropped' });
  });
});
