import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { WindowBook } from '../metering/window-book.ts';
import { nextWindowEnd, windowStart, windowUnits } from './calendar-window.ts';

describe('calendar windows', () => {
  for (const unit of windowUnits) {
    it(`begin where the ledger's end: ${unit}`, () => {
      for (const at of [
        Date.UTC(2026, 0, 31, 23, 59, 59, 999),
        Date.UTC(2028, 1, 29),
        Date.UTC(2026, 11, 31, 12),
        Date.UTC(2026, 2, 29, 1),
      ]) {
        const clock = { time: at, now: (): number => clock.time };
        const window = new WindowBook(clock).window('k', unit);
        const end = window.resetsAt();
        assert.ok(windowStart(end, unit) <= at && at < end);
        clock.time = end;
        assert.equal(window.resetsAt(), nextWindowEnd(end, unit));
        assert.equal(windowStart(window.resetsAt(), unit), end);
      }
    });
  }

  it('know the lengths of months', () => {
    assert.equal(windowStart(Date.UTC(2028, 2, 1), 'month'), Date.UTC(2028, 1, 1));
    assert.equal(nextWindowEnd(Date.UTC(2027, 0, 1), 'month'), Date.UTC(2027, 1, 1));
  });
});
