import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { selectMembers, type MemberTree } from './select-members.ts';

type Spec = { readonly [name: string]: Spec | true };

function tree(spec: Spec): MemberTree {
  return new Map(Object.entries(spec).map(([name, below]) => [name, below === true ? undefined : tree(below)]));
}

function select(json: string, spec: Spec): string | undefined {
  return selectMembers(Buffer.from(json), tree(spec))?.toString();
}

describe('Members selected of JSON', () => {
  it('are kept in their order and letter for letter', () => {
    assert.equal(
      select('{"a": 1.50, "b" : 12345678901234567890, "c":"\\u0041"}', { c: true, b: true }),
      '{"b" :12345678901234567890,"c":"\\u0041"}',
    );
    assert.equal(select('{"a":{"x":1,"y":[1, 2]},"b":2}', { a: { y: true } }), '{"a":{"y":[1, 2]}}');
  });

  it('are named as they are meant, however they are escaped', () => {
    assert.equal(select('{"\\u0061":1,"ü":2}', { a: true, ü: true }), '{"\\u0061":1,"ü":2}');
  });

  it('are absent where the data has none', () => {
    assert.equal(select('{"a":1}', { b: true }), '{}');
    assert.equal(select('{"a":1,"b":{"c":2}}', { a: { x: true }, b: { x: true } }), '{"b":{}}');
    assert.equal(select('{"__proto__":{"x":1},"constructor":2}', { constructor2: true, b: true }), '{}');
    assert.equal(select('{"__proto__":{"x":1}}', JSON.parse('{"__proto__":true}') as Spec), '{"__proto__":{"x":1}}');
  });

  it('of an array are those of each object in it', () => {
    assert.equal(
      select('{"items":[{"sku":"a","n":1},{"n":2},3,null,[{"sku":"b"}]]}', { items: { sku: true } }),
      '{"items":[{"sku":"a"},{},[{"sku":"b"}]]}',
    );
    assert.equal(select('[{"a":1,"b":2},{"b":3}]', { a: true }), '[{"a":1},{}]');
    assert.equal(select('{"items":[1,{"a":2}]}', { items: true }), '{"items":[1,{"a":2}]}');
  });

  it('are not looked for in what has none or is no JSON', () => {
    for (const json of ['1', '"text"', 'null', '', '{', '{"a":1}x', '{"a" 1}', '{"a":01}', `${'['.repeat(65)}${']'.repeat(65)}`]) {
      assert.equal(select(json, { a: true }), undefined, json);
    }
    assert.equal(selectMembers(Buffer.from([0x7b, 0xff, 0x7d]), tree({ a: true })), undefined);
  });

  it('are those a parser would find', () => {
    const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'ü"');
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.boolean()),
        fc.dictionary(name, tie('value')),
        fc.array(tie('value'), { maxLength: 4 }),
      ),
    }));
    const { spec } = fc.letrec<{ spec: Spec }>((tie) => ({
      spec: fc.dictionary(name, fc.oneof({ maxDepth: 3 }, fc.constant(true as const), tie('spec')), { minKeys: 1 }),
    }));
    fc.assert(
      fc.property(value, spec, (data, chosen) => {
        const found = select(JSON.stringify(data), chosen);
        const expected = expectedOf(data, chosen);
        assert.equal(found, expected === undefined ? undefined : JSON.stringify(expected));
      }),
    );
  });
});

function expectedOf(data: unknown, spec: Spec): unknown {
  if (Array.isArray(data)) return data.map((element) => expectedOf(element, spec)).filter((element) => element !== undefined);
  if (typeof data !== 'object' || data === null) return undefined;
  const kept = Object.create(null) as Record<string, unknown>;
  for (const [name, member] of Object.entries(data)) {
    if (!Object.hasOwn(spec, name)) continue;
    const below = spec[name] as Spec | true;
    const value = below === true ? (member as unknown) : expectedOf(member, below);
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
