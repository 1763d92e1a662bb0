import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WindowUnit } from '../core/policy.ts';
import { minuteOf, windowEnd, windowStart } from './calendar.ts';

const cases: readonly [unit: WindowUnit, at: string, start: string, end: string][] = [
  ['second', '2026-11-22T00:00:00.999Z', '2026-11-22T00:00:00Z', '2026-11-22T00:00:01Z'],
  ['minute', '2026-11-22T23:59:59.999Z', '2026-11-22T23:59:00Z', '2026-11-23T00:00:00Z'],
  ['hour', '2026-03-29T01:30:00Z', '2026-03-29T01:00:00Z', '2026-03-29T02:00:00Z'],
  ['hour', '2026-03-29T02:30:00Z', '2026-03-29T02:00:00Z', '2026-03-29T03:00:00Z'],
  ['day', '2026-03-29T12:00:00Z', '2026-03-29T00:00:00Z', '2026-03-30T00:00:00Z'],
  ['day', '2026-10-25T23:59:59.999Z', '2026-10-25T00:00:00Z', '2026-10-26T00:00:00Z'],
  ['day', '2028-02-29T00:00:00Z', '2028-02-29T00:00:00Z', '2028-03-01T00:00:00Z'],
  ['week', '2026-11-22T23:59:59Z', '2026-11-16T00:00:00Z', '2026-11-23T00:00:00Z'],
  ['week', '2026-11-23T00:00:00Z', '2026-11-23T00:00:00Z', '2026-11-30T00:00:00Z'],
  ['week', '2027-01-01T00:00:00Z', '2026-12-28T00:00:00Z', '2027-01-04T00:00:00Z'],
  ['week', '1970-01-01T00:00:00Z', '1969-12-29T00:00:00Z', '1970-01-05T00:00:00Z'],
  ['month', '2026-02-28T23:59:59.999Z', '2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z'],
  ['month', '2028-02-29T12:00:00Z', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
  ['month', '2026-12-31T23:59:59.999Z', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
  ['month', '2026-01-31T00:00:00Z', '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'],
];

for (const [unit, at, start, end] of cases) {
  test(`the ${unit} that holds ${at} goes from ${start} to ${end}`, () => {
    const begun = windowStart(unit, Date.parse(at));
    assert.equal(new Date(begun).toISOString(), new Date(start).toISOString());
    assert.equal(new Date(windowEnd(unit, begun)).toISOString(), new Date(end).toISOString());
  });
}

test('windows of every unit partition five years without a hole', () => {
  for (const unit of ['hour', 'day', 'week', 'month'] as const) {
    let at = windowStart(unit, Date.UTC(2024, 0, 1));
    while (at < Date.UTC(2029, 0, 1)) {
      const end = windowEnd(unit, at);
      assert.equal(windowStart(unit, at), at);
      assert.equal(windowStart(unit, end - 1), at);
      assert.equal(windowStart(unit, end), end);
      at = end;
    }
  }
});

test('minutes are counted from 1970', () => {
  assert.equal(minuteOf(0), 0);
  assert.equal(minuteOf(59_999), 0);
  assert.equal(minuteOf(60_000), 1);
});
