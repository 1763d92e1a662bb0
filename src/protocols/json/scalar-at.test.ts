import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scalarAt } from './scalar-at.ts';

function at(json: string, ...path: readonly string[]): string | undefined {
  return scalarAt(Buffer.from(json), path);
}

describe('A scalar in JSON', () => {
  it('is found by its path', () => {
    assert.equal(at('{"a":{"b":[1],"c":"x\\n"},"d":2}', 'a', 'c'), '"x\n');
    assert.equal(at('{"a": 1.0 }', 'a'), '1.0');
    assert.equal(at('{"a":null,"b":true}', 'a'), 'null');
    assert.equal(at('7'), '7');
  });

  it('is told apart from every other value', () => {
    assert.notEqual(at('{"a":"1"}', 'a'), at('{"a":1}', 'a'));
    assert.notEqual(at('{"a":12345678901234567890}', 'a'), at('{"a":12345678901234567891}', 'a'));
    assert.equal(at('{"a":"\\u0041"}', 'a'), at('{"a":"A"}', 'a'));
  });

  it('is the last where a name comes twice', () => {
    assert.equal(at('{"a":1,"a":2}', 'a'), '2');
    assert.equal(at('{"a":1,"a":{}}', 'a'), undefined);
  });

  it('is not there in objects, arrays, and what is no JSON', () => {
    assert.equal(at('{"a":{"b":1}}', 'a'), undefined);
    assert.equal(at('{"a":[1]}', 'a', '0'), undefined);
    assert.equal(at('{}', '__proto__'), undefined);
    assert.equal(at('{}', 'constructor', 'name'), undefined);
    assert.equal(at('{"a":1}x', 'a'), undefined);
    assert.equal(at('', 'a'), undefined);
  });
});
