import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Position } from '../core/position.ts';
import type { SqlValue } from '../store/database.ts';
import { PushBook } from './push-book.ts';

const ahead = (...positions: string[]) => ({ id: 'end_1', settledAhead: () => positions as Position[] });

/** Positions that the next commit marks as done ahead of the cursor. */
function marked(book: PushBook): readonly SqlValue[] {
  const statements = book.collect(0).filter(({ sql }) => sql.startsWith('INSERT INTO push_settled'));
  book.committed();
  return statements.flatMap(({ parameters }) => parameters.filter((value) => value !== 'end_1'));
}

describe('the book of pushes', () => {
  test('P7: marks what was done ahead of the cursor just before its courier ended, so that the next one does not repeat it', () => {
    const book = new PushBook();
    book.restore('end_1', []);
    const source = ahead('1-2', '1-3');
    book.moved(source);
    book.release(source);
    assert.deepEqual(marked(book), ['1-2', '1-3']);
  });

  test('listens to the courier that began last', () => {
    const book = new PushBook();
    book.restore('end_1', []);
    book.release(ahead('1-2'));
    book.restore('end_1', ['1-2'] as Position[]);
    assert.equal(book.dirty, false);
    book.moved(ahead('1-2', '1-5'));
    assert.deepEqual(marked(book), ['1-5']);
  });

  test('writes nothing more of what was forgotten, also when it was on its way', () => {
    const book = new PushBook();
    book.restore('end_1', []);
    book.release(ahead('1-2'));
    book.collect(0);
    book.forget('end_1');
    book.failed();
    assert.deepEqual(marked(book), []);
  });
});
