import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mutations, seededRandom, testSeed } from '../../testing/hostile-input.ts';
import { JsonError } from './json-error.ts';
import { JsonReader, maxJsonDepth } from './json-reader.ts';

/** Reads the whole value with the pulling methods, so that they are compared with JSON.parse. */
function build(reader: JsonReader): unknown {
  switch (reader.kind()) {
    case 'object': {
      const entries: [string, unknown][] = [];
      reader.openObject();
      for (let name = reader.member(); name !== undefined; name = reader.member()) entries.push([name, build(reader)]);
      return Object.fromEntries(entries);
    }
    case 'array': {
      const values: unknown[] = [];
      reader.openArray();
      while (reader.element()) values.push(build(reader));
      return values;
    }
    case 'string':
      return reader.string();
    case 'number':
      return Number(reader.number());
    case 'boolean':
      return reader.boolean();
    case 'null':
      reader.skip();
      return null;
    case 'end':
      throw new JsonError('a value is expected', reader.offset);
  }
}

function read(bytes: Uint8Array): unknown {
  const reader = new JsonReader(bytes);
  const value = build(reader);
  reader.end();
  return value;
}

function skips(bytes: Uint8Array): boolean {
  try {
    const reader = new JsonReader(bytes);
    reader.skip();
    reader.end();
    return true;
  } catch (thrown) {
    assert.ok(thrown instanceof JsonError, String(thrown));
    return false;
  }
}

function parses(bytes: Buffer): boolean {
  if (!isUtf8(bytes)) return false;
  try {
    JSON.parse(bytes.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

const sample = Buffer.from(
  '{"a":[1,-2.5e+3,0,-0.0E-7,true,false,null,""],"b\\u00e9\\n":{"c":"\\"\\\\\\/\\b\\f\\r\\t\\ud83d\\ude00 é 😀"}, "d" :\t[ { } ,\r\n[ ] ] }',
);

describe('the JSON reader', () => {
  it('reads what JSON.parse reads, value for value', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8, stringUnit: 'binary' }), (text) => {
        assert.deepEqual(read(Buffer.from(text)), JSON.parse(Buffer.from(text).toString('utf8')));
      }),
    );
    assert.deepEqual(read(sample), JSON.parse(sample.toString('utf8')));
  });

  it('accepts and refuses exactly what JSON.parse does, pulling and skipping alike, however the bytes are damaged', () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    for (const bytes of mutations(sample, 20_000, random)) {
      const expected = parses(bytes);
      const what = `seed ${seed}: ${JSON.stringify(bytes.toString('latin1'))}`;
      assert.equal(skips(bytes), expected, what);
      if (expected) assert.deepEqual(read(bytes), JSON.parse(bytes.toString('utf8')), what);
      else assert.throws(() => read(bytes), JsonError, what);
    }
  });

  it('refuses every proper prefix of an object', () => {
    for (let end = 0; end < sample.length; end += 1) assert.equal(skips(sample.subarray(0, end)), false, `cut at ${end}`);
  });

  it('names the byte at which it gave up', () => {
    const cases: [string, string][] = [
      ['', 'a value is expected at byte 0'],
      ['[1,]', 'a value is expected after the comma at byte 3'],
      ['{"a":1,}', 'a value is expected after the comma at byte 7'],
      ['{"a" 1}', 'a colon is expected at byte 5'],
      ['{a:1}', 'a member name in double quotes is expected at byte 1'],
      ['[1 2]', 'a comma or ] is expected at byte 3'],
      ['"\t"', 'a control character in a string, which must be escaped, found at byte 1'],
      ['"\\x"', 'an escape that JSON does not know, found at byte 1'],
      ['"\\u12g4"', 'four hexadecimal digits are expected at byte 5'],
      ['"abc', 'the end of a string is missing at byte 4'],
      ['01', 'nothing more is expected at byte 1'],
      ['1.', 'a digit is expected at byte 2'],
      ['-', 'a digit is expected at byte 1'],
      ['nul', 'a value is expected at byte 0'],
      ['\ufeff1', 'a value is expected at byte 0'],
    ];
    for (const [text, message] of cases) assert.throws(() => read(Buffer.from(text)), { name: 'JsonError', message }, text);
  });

  it('refuses text that is not UTF-8 and says where', () => {
    const cases: [number[], number][] = [
      [[0x22, 0xff, 0x22], 1],
      [[0x22, 0xc0, 0x80, 0x22], 1],
      [[0x22, 0xed, 0xa0, 0x80, 0x22], 1],
      [[0x22, 0x61, 0xe2, 0x82], 2],
    ];
    for (const [bytes, offset] of cases) assert.throws(() => new JsonReader(Buffer.from(bytes)), { name: 'JsonError', offset });
  });

  it('reads as deep as its bound and not one level deeper', () => {
    const nested = (depth: number): Buffer => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
    assert.equal(skips(nested(maxJsonDepth)), true);
    assert.equal(skips(nested(maxJsonDepth + 1)), false);
    assert.equal(skips(Buffer.from(`{"a":${'['.repeat(500_000)}`)), false);
    assert.equal(skips(Buffer.from(`[${'[[]],'.repeat(1000)}0]`)), true, 'what is closed does not count');
  });

  it('gives the slice of a skipped value, white space around it left out', () => {
    const bytes = Buffer.from('{ "a" :  [1, {"b":2}] , "c":3}');
    const reader = new JsonReader(bytes);
    reader.openObject();
    assert.equal(reader.member(), 'a');
    reader.skip();
    assert.equal(bytes.toString('utf8', reader.start, reader.offset), '[1, {"b":2}]');
    assert.equal(reader.member(), 'c');
  });
});
