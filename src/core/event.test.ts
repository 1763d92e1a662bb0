import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Event, type WireFormat } from './event.ts';
import type { Position } from './position.ts';

test('an event keeps its frames in the first formats it is asked for in, and gives any other as well', () => {
  const draft = { id: '1', source: '/t', type: 't', extensions: {}, data: undefined, dataKind: 'json' as const };
  const event = new Event(draft, 'a', 'p' as Position, 0);
  let encoded = 0;
  const formats = Array.from({ length: 100 }, (_, index): WireFormat => {
    const encode = ({ id }: Event): Buffer => {
      encoded += 1;
      return Buffer.from(`${index} ${id}`);
    };
    return { name: `${index}`, encode, encodeGap: () => Buffer.alloc(0) };
  });
  for (let round = 0; round < 2; round += 1)
    for (const [index, format] of formats.entries()) assert.equal(event.frame(format).toString(), `${index} 1`);
  assert.equal(encoded, 100 + 84);
  const [first] = formats as [WireFormat];
  assert.equal(event.frame(first), event.frame(first));
});
