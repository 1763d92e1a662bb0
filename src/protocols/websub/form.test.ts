import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readForm, writeForm } from './form.ts';

function read(text: string): [string, string | undefined][] | undefined {
  return readForm(Buffer.from(text, 'latin1'), 100)?.map(({ name, value }) => [name, value]);
}

describe('A form', () => {
  it('is read as the URL Standard says', () => {
    assert.deepEqual(read('a=b&&c=+%2B%20&d&=e&f=g=h&'), [
      ['a', 'b'],
      ['c', ' + '],
      ['d', ''],
      ['', 'e'],
      ['f', 'g=h'],
    ]);
    assert.deepEqual(read('a=%&b=%4&c=%zz&d=%C3%A9&e=\u00c3\u00a9&f=%00'), [
      ['a', '%'],
      ['b', '%4'],
      ['c', '%zz'],
      ['d', 'é'],
      ['e', 'é'],
      ['f', '\0'],
    ]);
    assert.deepEqual(read(''), []);
  });

  it('has no value where its bytes are not UTF-8, and no field where its name is not', () => {
    assert.deepEqual(read('a=%ff&%ff=b&c=\u00e9&d=%ed%a0%80'), [
      ['a', undefined],
      ['c', undefined],
      ['d', undefined],
    ]);
  });

  it('is not read past the number of fields allowed', () => {
    assert.equal(readForm(Buffer.from('a=1&b=2&c=3'), 2), undefined);
    assert.equal(readForm(Buffer.from('a=1&b=2&'), 2)?.length, 2);
  });

  it('comes back as it was written, here and from the form of a browser', () => {
    const character = fc.constantFrom(
      'a',
      '0',
      '&',
      '=',
      '%',
      '+',
      ' ',
      '#',
      '\0',
      '\r\n',
      '~',
      'é',
      '٣',
      '\uffff',
      '\u{1f600}',
      '%41',
      '%zz',
    );
    const text = fc.array(character, { maxLength: 8 }).map((characters) => characters.join(''));
    const fields = fc.array(fc.tuple(text, text), { maxLength: 10 });
    fc.assert(
      fc.property(fields, (given) => {
        assert.deepEqual(
          readForm(Buffer.from(writeForm(given)), 100)?.map(({ name, value }) => [name, value]),
          given,
        );
        assert.deepEqual(
          readForm(Buffer.from(new URLSearchParams(given).toString()), 100)?.map(({ name, value }) => [name, value]),
          given,
        );
        assert.deepEqual([...new URLSearchParams(writeForm(given))], given);
      }),
      { numRuns: 300 },
    );
  });

  it('is written with half a character replaced', () => {
    assert.equal(writeForm([['a', 'x\ud800']]), 'a=x%EF%BF%BD');
  });
});
