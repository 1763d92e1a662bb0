import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemberPathError, readMemberPath, readMemberTree, writeMemberTree } from './member-path.ts';

describe('Paths of members', () => {
  it('are names divided by dots', () => {
    assert.deepEqual(readMemberPath('order.customer.name'), ['order', 'customer', 'name']);
    assert.deepEqual(readMemberPath('a\\.b\\,c\\\\d.ü x'), ['a.b,c\\d', 'ü x']);
    assert.throws(() => readMemberPath('a,b'), MemberPathError);
  });

  it('make one tree, whose text is the same however they were written', () => {
    const text = writeMemberTree(readMemberTree('b.c,a,b.a'));
    assert.equal(text, 'a,b.a,b.c');
    assert.equal(writeMemberTree(readMemberTree('b.a,b.c,a,a')), text);
    assert.equal(writeMemberTree(readMemberTree('b.a,b,b.c,a.x.y,a')), 'a,b');
    assert.equal(writeMemberTree(readMemberTree('a\\.b.c')), 'a\\.b.c');
    assert.notEqual(writeMemberTree(readMemberTree('a\\.b')), writeMemberTree(readMemberTree('a.b')));
  });

  it('that name nothing, or too much, are refused', () => {
    const long = (count: number, by: string): string => Array.from({ length: count }, (_, n) => `n${n}`).join(by);
    for (const text of ['', ',', 'a,', '.', 'a..b', '.a', 'a.', 'a\\', 'a\\b', long(65, ','), long(33, '.')]) {
      assert.throws(() => readMemberTree(text), MemberPathError, text);
    }
    readMemberTree(long(64, ','));
    readMemberTree(long(32, '.'));
  });

  it('may have the names of what every object has', () => {
    assert.equal(writeMemberTree(readMemberTree('__proto__.constructor,toString')), '__proto__.constructor,toString');
  });
});
