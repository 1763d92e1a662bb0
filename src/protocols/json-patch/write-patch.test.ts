import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { applyPatch, type Operation } from 'rfc6902';
import { readTree, writeTree, type JsonTree } from './json-tree.ts';
import { writePatch } from './write-patch.ts';

function treeOf(json: string): JsonTree {
  const tree = readTree(Buffer.from(json));
  assert.ok(tree !== undefined, json);
  return tree;
}

function patch(from: string, to: string, maxLength = Infinity): string | undefined {
  return writePatch(treeOf(from), treeOf(to), maxLength);
}

describe('A tree of JSON', () => {
  it('is written again as it was meant', () => {
    for (const json of ['{"a":[1,{"b":null}],"ü\\"":"\\u0041\\n"}', '[]', '{}', '"text"', '-1.50e3', 'true'])
      assert.equal(writeTree(treeOf(json)), json);
    assert.equal(writeTree(treeOf(' { "a" : 1 , "a" : [ 2 ] } ')), '{"a":[2]}');
    assert.equal(
      writeTree(treeOf('{"__proto__":{"x":1},"\\u0061":12345678901234567890}')),
      '{"__proto__":{"x":1},"a":12345678901234567890}',
    );
  });

  it('is none of what is no JSON, or too deep', () => {
    for (const text of ['', '{', '{"a":1}x', '[1,]', '['.repeat(65) + ']'.repeat(65)]) assert.equal(readTree(Buffer.from(text)), undefined);
    assert.equal(readTree(Buffer.from([0x22, 0xff, 0x22])), undefined);
  });
});

describe('A JSON Patch', () => {
  it('names what was added, removed and replaced', () => {
    assert.equal(
      patch('{"a":1,"b":2}', '{"b":3,"c":[]}'),
      '[{"op":"remove","path":"/a"},{"op":"replace","path":"/b","value":3},{"op":"add","path":"/c","value":[]}]',
    );
    assert.equal(patch('{"a/b":{"c~":1}}', '{"a/b":{"c~":2}}'), '[{"op":"replace","path":"/a~1b/c~0","value":2}]');
    assert.equal(patch('{"a":1}', '{"a":1}'), '[]');
    assert.equal(patch('{"a":1}', '[1]'), '[{"op":"replace","path":"","value":[1]}]');
  });

  it('compares arrays by index, lets them grow at the end and shrink from it', () => {
    assert.equal(
      patch('[1,2]', '[1,3,4,5]'),
      '[{"op":"replace","path":"/1","value":3},{"op":"add","path":"/-","value":4},{"op":"add","path":"/-","value":5}]',
    );
    assert.equal(patch('[1,2,3]', '[1]'), '[{"op":"remove","path":"/2"},{"op":"remove","path":"/1"}]');
  });

  it('keeps numbers as they are written', () => {
    assert.equal(
      patch('{"n":12345678901234567890}', '{"n":12345678901234567891}'),
      '[{"op":"replace","path":"/n","value":12345678901234567891}]',
    );
  });

  it('is given up where it would be too long', () => {
    const whole = '[{"op":"replace","path":"/a","value":2}]';
    assert.equal(patch('{"a":1}', '{"a":2}', whole.length), undefined);
    assert.equal(patch('{"a":1}', '{"a":2}', whole.length + 1), whole);
    const many = JSON.stringify(Array.from({ length: 10_000 }, (_, n) => n));
    assert.equal(patch(many, many.replace('[', '[7,'), many.length), undefined);
  });

  it('makes the second value of the first, applied by another implementation', () => {
    const name = fc.constantFrom('a', 'b', '', 'a/b', '~1', '-', '0', 'ü"');
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.boolean()),
        fc.dictionary(name, tie('value')),
        fc.array(tie('value'), { maxLength: 4 }),
      ),
    }));
    fc.assert(
      fc.property(value, value, (from, to) => {
        const holder = { value: JSON.parse(JSON.stringify(from)) as unknown };
        const operations = JSON.parse(patch(JSON.stringify(from), JSON.stringify(to)) ?? '') as Operation[];
        const results = applyPatch(
          holder,
          operations.map((operation) => ({ ...operation, path: `/value${operation.path}` })),
        );
        assert.deepEqual(
          results.filter((result) => result !== null),
          [],
        );
        assert.deepEqual(holder.value, JSON.parse(JSON.stringify(to)));
      }),
      { numRuns: 500 },
    );
  });
});
