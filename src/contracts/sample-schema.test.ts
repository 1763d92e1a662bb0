import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { computingTime } from '../testing/computing-time.ts';
import type { Dialect, MessageSchema } from './contract.ts';
import { sampleSchema } from './sample-schema.ts';
import { SchemaCompiler } from './schema-compiler.ts';
import { schemaKeywords } from './schema-keywords.ts';

/** A schema as the bundler makes it; its own `$ref`s name `definitions`. */
function bundle(schema: unknown, dialect: Dialect, definitions: Readonly<Record<string, unknown>>): MessageSchema {
  const origin = { file: 'a.yaml', line: 1, column: 1, path: '' };
  return { format: '', dialect, schema: { $ref: '#/definitions/s0', definitions: { s0: schema, ...definitions } }, origin, origins: {} };
}

async function sampleOf(schema: unknown, seed = 1, dialect: Dialect = '2020-12', definitions = {}): ReturnType<typeof sampleSchema> {
  const made = bundle(schema, dialect, definitions);
  const compiler = new SchemaCompiler();
  const check = compiler.compile(made, 'first');
  return sampleSchema(made, seed, (value) => {
    // What is published is JSON, so that is what is checked.
    compiler.budget.reset();
    return check(JSON.parse(JSON.stringify(value))) ? undefined : { sentence: JSON.stringify(check.errors), hopeless: false };
  });
}

async function valueOf(...given: Parameters<typeof sampleOf>): Promise<unknown> {
  const found = await sampleOf(...given);
  assert.ok('value' in found, 'value' in found ? '' : `${JSON.stringify(given[0])}: ${found.sentence}`);
  return found.value;
}

describe('a sample of a schema', () => {
  test('has everything that may be there, and is the same for the same seed', async () => {
    const schema = {
      type: 'object',
      required: ['id', 'total'],
      additionalProperties: false,
      properties: {
        id: { type: 'string', format: 'uuid' },
        total: { type: 'number', exclusiveMinimum: 0, maximum: 10, multipleOf: 0.05 },
        sku: { type: 'string', pattern: '^[A-Z]{2}-\\d{4,}$', maxLength: 9 },
        at: { type: 'string', format: 'date-time' },
        tags: { type: 'array', uniqueItems: true, minItems: 2, items: { enum: ['a', 'b', 'c'] } },
        note: { type: ['null', 'string'], minLength: 30 },
      },
    };
    const first = await valueOf(schema, 7);
    assert.deepEqual(await valueOf(schema, 7), first);
    assert.notDeepEqual(await valueOf(schema, 8), first);
    assert.deepEqual(Object.keys(first as object).toSorted(), ['at', 'id', 'note', 'sku', 'tags', 'total']);
  });

  test('follows references into themselves as far as it must', async () => {
    const tree = {
      type: 'object',
      required: ['value', 'left', 'right'],
      properties: { value: { type: 'integer' }, left: { $ref: '#/definitions/side' }, right: { $ref: '#/definitions/side' } },
    };
    const side = { oneOf: [{ type: 'null' }, { $ref: '#/definitions/tree' }] };
    for (let seed = 0; seed < 20; seed += 1) await valueOf({ $ref: '#/definitions/tree' }, seed, 'draft-07', { tree, side });
  });

  test('keeps what all parts of a schema ask for together', async () => {
    const schema = {
      allOf: [
        { type: 'object', required: ['kind', 'size'], properties: { kind: { enum: ['box', 'bag'] }, size: { type: 'number' } } },
        { properties: { size: { type: 'integer', minimum: 3, maximum: 4 } } },
        { oneOf: [{ properties: { kind: { const: 'box' } }, required: ['lid'] }, { properties: { kind: { const: 'bag' } } }] },
        { if: { properties: { kind: { const: 'bag' } } }, then: { required: ['handle'] } },
      ],
      dependencies: { lid: ['hinge'] },
    };
    for (let seed = 0; seed < 20; seed += 1) await valueOf(schema, seed, 'draft-07');
  });

  test('knows tuples, maps, and rules for names', async () => {
    await valueOf({ type: 'array', prefixItems: [{ const: 1 }, { type: 'string' }], items: false, minItems: 2 });
    await valueOf({ type: 'array', items: [{ const: 1 }], additionalItems: { type: 'boolean' }, minItems: 3 }, 1, 'draft-07');
    await valueOf({ type: 'array', contains: { const: 'x' }, minContains: 2, items: { type: 'string' } });
    await valueOf({
      type: 'object',
      minProperties: 3,
      propertyNames: { pattern: '^[a-f]{8}$' },
      additionalProperties: { type: 'integer' },
    });
    await valueOf({ type: 'object', minProperties: 1, additionalProperties: false, patternProperties: { '^x-': { type: 'boolean' } } });
    await valueOf({ required: ['a'], dependentRequired: { a: ['b'] }, dependentSchemas: { a: { required: ['c'] } } });
    assert.deepEqual(await valueOf({ const: { a: [1] } }), { a: [1] });
  });

  test('fits patterns of every kind', async () => {
    const patterns = [
      '^(?:a|b+?)[^a-z\\d]{3}$',
      '^\\d{3}-\\w+\\.[\\w-]{2,}$',
      '^\\p{Lu}\\u0041\\x42\\S\\s\\.$',
      '(foo|bar)*baz',
      '^.{12,}$',
    ];
    for (const pattern of [...patterns, '^[\\]\\-x]$', '^(?<year>\\d{4})$', '^[^\\s@]+@[^\\s@]+$', '']) {
      assert.match(String(await valueOf({ type: 'string', pattern })), new RegExp(pattern, 'u'));
    }
  });

  test('has every format that is checked', async () => {
    const formats = ['date-time', 'date', 'time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uri-reference', 'uri-template'];
    for (const format of [...formats, 'uuid', 'json-pointer', 'relative-json-pointer', 'regex', 'byte'])
      await valueOf({ type: 'string', format });
    for (const format of ['int32', 'int64', 'double']) await valueOf({ type: 'number', format });
  });

  test('that cannot be made is refused with its cause', async () => {
    const endless = { type: 'object', required: ['a'], properties: { a: { $ref: '#/definitions/s0' } } };
    const refused: readonly (readonly [unknown, RegExp])[] = [
      [{ type: 'string', enum: [1, 2] }, /constants leave no value/],
      [endless, /deeper than 32/],
      [{ type: 'array', minItems: 1e9 }, /more than 1000 items/],
      [{ type: 'object', minProperties: 1e9 }, /more than 1000 members/],
      [{ type: 'string', minLength: 1e9 }, /more than 16384 characters/],
      [{ type: 'string', pattern: '^(a{30}){30}$', maxLength: 10 }, /no text was found that fits the pattern/],
      [{ type: 'integer', minimum: 0.2, maximum: 0.8 }, /no number was found/],
      [{ type: 'array', uniqueItems: true, minItems: 3, items: { type: 'boolean' } }, /different items/],
      [{ allOf: [{ type: 'string' }, { type: 'object' }] }, /types leave no value/],
      [{ not: {} }, /not/],
    ];
    for (const [schema, expected] of refused) {
      const found = await sampleOf(schema);
      assert.ok('sentence' in found, JSON.stringify(schema));
      assert.match(found.sentence, expected);
    }
  });

  test('that multiplies ends soon', async () => {
    const names = ['a', 'b', 'c'];
    const level = (next: number) => Object.fromEntries(names.map((name) => [name, { $ref: `#/definitions/l${next}` }]));
    const levels = Array.from({ length: 30 }, (_, at) => [`l${at}`, { type: 'object', required: names, properties: level(at + 1) }]);
    const computed = computingTime();
    const found = await sampleOf({ $ref: '#/definitions/l0' }, 1, 'draft-07', { ...Object.fromEntries(levels), l30: { type: 'integer' } });
    assert.ok('sentence' in found);
    assert.match(found.sentence, /more than 20000 values/);
    assert.ok(computed() < 5000);
  });
});

/** Schemas that can be fulfilled, as people write them. */
const writable: fc.Memo<unknown> = fc.memo((depth) => {
  const leaves: fc.Arbitrary<unknown>[] = [
    fc.record({ type: fc.constant('string'), minLength: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ type: fc.constant('integer'), minimum: fc.integer({ min: -9, max: 9 }) }),
    fc.record({ type: fc.constant('number'), multipleOf: fc.constantFrom(0.1, 0.25, 3) }),
    fc.record({ enum: fc.array(fc.jsonValue({ maxDepth: 1 }), { minLength: 1, maxLength: 4 }) }),
    fc.constantFrom<unknown>(
      {},
      { type: 'boolean' },
      { type: 'null' },
      { type: 'string', format: 'email' },
      { pattern: '^[a-z]+-[0-9]{2}$' },
    ),
  ];
  if (depth <= 1) return fc.oneof(...leaves);
  const inner = writable(depth - 1);
  const names = fc.constantFrom('id', 'kind', '__proto__', 'ö', 'total');
  return fc.oneof(
    ...leaves,
    fc.record({ type: fc.constant('array'), items: inner, minItems: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ type: fc.constant('object'), properties: fc.dictionary(names, inner), required: fc.uniqueArray(names, { maxLength: 2 }) }),
    fc.record({ anyOf: fc.array(inner, { minLength: 1, maxLength: 3 }) }),
    fc.record({ allOf: fc.array(inner, { minLength: 1, maxLength: 1 }) }),
  );
});

test('schemas that can be fulfilled have a sample, whatever the seed', async () => {
  const holds = async (schema: unknown, seed: number): Promise<void> => void (await valueOf(schema, seed, 'draft-07'));
  await fc.assert(fc.asyncProperty(writable(3), fc.integer(), holds), { numRuns: 100 });
});

/** Anything that looks like a schema, most of it nonsense. */
const { schema: nonsense } = fc.letrec((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small' },
    fc.boolean(),
    fc.dictionary(fc.constantFrom(...Object.keys(schemaKeywords), '$ref'), tie('value'), { maxKeys: 5 }),
  ),
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('object', 'array', 'string', 'integer', '#/definitions/s0', '^[a-z]+$', '[', 'date-time', '__proto__', 'a'),
    fc.oneof(fc.double(), fc.integer()),
    tie('schema'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', '^x', '__proto__', '['), tie('schema')),
  ),
}));

test('whatever a schema says, a value or a sentence comes soon', async () => {
  const ends = async (schema: unknown, seed: number): Promise<void> => {
    const computed = computingTime();
    const found = await sampleSchema(bundle(schema, '2020-12', {}), seed, (value) => void JSON.stringify(value));
    assert.ok('value' in found || found.sentence !== '');
    assert.ok(computed() < 5000, 'it takes too long');
  };
  const twice = [{ $ref: '#/definitions/s0' }, { $ref: '#/definitions/s0' }];
  await ends({ allOf: twice, dependencies: { a: {} }, dependentSchemas: { a: { required: ['a'] }, b: {} } }, 1);
  await fc.assert(fc.asyncProperty(nonsense, fc.integer(), ends), { numRuns: 200 });
});
