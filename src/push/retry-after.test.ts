import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readRetryAfter } from './retry-after.ts';

const now = Date.UTC(2026, 10, 22, 12, 0, 0);

describe('SW-20: Retry-After', () => {
  const read: readonly (readonly [string, number])[] = [
    ['0', 0],
    ['120', 120_000],
    ['000120', 120_000],
    ['999999999999', 999_999_999_999_000],
    ['Sun, 22 Nov 2026 12:00:30 GMT', 30_000],
    ['Sunday, 22-Nov-26 12:01:00 GMT', 60_000],
    ['Sun Nov 22 12:00:05 2026', 5_000],
    ['Wed Dec  2 12:00:00 2026', 10 * 86_400_000],
    ['Sun, 22 Nov 2026 11:59:59 GMT', 0],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
    ['Tue, 29 Feb 2028 00:00:00 GMT', Date.UTC(2028, 1, 29) - now],
    ['Thu, 31 Dec 2026 23:59:60 GMT', Date.UTC(2027, 0, 1) - now],
  ];
  for (const [text, milliseconds] of read) {
    it(`"${text}" is ${milliseconds} ms from now`, () => assert.equal(readRetryAfter(text, now), milliseconds));
  }

  const refused: readonly string[] = [
    '',
    ' ',
    '-1',
    '+5',
    '1.5',
    '1e9',
    '0x10',
    '5s',
    '1'.repeat(13),
    '9'.repeat(100_000),
    'soon',
    '2026-11-22T12:00:00Z',
    'Sun, 22 Nov 2026 12:00:30 PST',
    'Sun, 22 Nov 2026 24:00:00 GMT',
    'Sun, 22 Nov 2026 12:60:00 GMT',
    'Sun, 22 Nov 2026 12:00:61 GMT',
    'Sun, 31 Nov 2026 12:00:00 GMT',
    'Sun, 00 Nov 2026 12:00:00 GMT',
    'sun, 22 nov 2026 12:00:30 gmt',
    'Sun, 22 Nov 2026 12:00:30 GMT\r\nX: y',
  ];
  for (const text of refused) {
    it(`${JSON.stringify(text.slice(0, 40))} says nothing`, () => assert.equal(readRetryAfter(text, now), undefined));
  }
});
