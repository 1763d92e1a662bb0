import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDuration, formatSize, parseDuration, parseSize } from './quantities.ts';

describe('Durations and sizes', () => {
  const durations: readonly (readonly [string, number | undefined])[] = [
    ['0s', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5h', 5_400_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    ['', undefined],
    ['30', undefined],
    ['s', undefined],
    ['-1s', undefined],
    ['1 s', undefined],
    ['1S', undefined],
    ['1e3s', undefined],
    ['1s2m', undefined],
    ['1.s', undefined],
    ['９s', undefined],
    [`${'9'.repeat(15)}w`, undefined],
    [`${'9'.repeat(500)}s`, undefined],
  ];
  for (const [text, milliseconds] of durations)
    it(`${JSON.stringify(text.slice(0, 30))} is ${milliseconds} ms`, () => assert.equal(parseDuration(text), milliseconds));

  const sizes: readonly (readonly [string, number | undefined])[] = [
    ['0B', 0],
    ['512B', 512],
    ['500kB', 500_000],
    ['1MiB', 1_048_576],
    ['1 MiB', 1_048_576],
    ['2GB', 2e9],
    ['1TiB', 2 ** 40],
    ['0.5KiB', 512],
    ['', undefined],
    ['12', undefined],
    ['1mb', undefined],
    ['1KB', undefined],
    ['-1B', undefined],
    ['1MiBs', undefined],
    ['0x10B', undefined],
  ];
  for (const [text, bytes] of sizes) it(`${JSON.stringify(text)} is ${bytes} bytes`, () => assert.equal(parseSize(text), bytes));

  it('are written so that they are read back as the same', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 2 ** 50 }),
        (value) => parseDuration(formatDuration(value)) === value && parseSize(formatSize(value)) === value,
      ),
      { verbose: 1 },
    );
    assert.equal(formatDuration(86_400_000), '1d');
    assert.equal(formatSize(1_048_576), '1MiB');
    assert.equal(formatSize(500_000), '500kB');
  });
});
