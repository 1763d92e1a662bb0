import type { Shape } from './shape.ts';

const durationUnits: ReadonlyMap<string, number> = new Map([
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]);

const sizeUnits: ReadonlyMap<string, number> = new Map([
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
  ['TB', 1e12],
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
  ['B', 1],
]);

const durationPattern = /^\d{1,16}(\.\d{1,6})?(ms|s|m|h|d|w)$/;
const sizePattern = /^\d{1,16}(\.\d{1,6})? ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;

/** A hundred years: no longer time can be meant. */
const maxDuration = 100 * 366 * 86_400_000;

/** Milliseconds of `30s`, `5m`, `24h`, `7d`; undefined when it is not such a text. */
export function parseDuration(text: string): number | undefined {
  return durationPattern.test(text) ? parseQuantity(text, durationUnits) : undefined;
}

/** Bytes of `1MiB`, `500kB`; undefined when it is not such a text. */
export function parseSize(text: string): number | undefined {
  return sizePattern.test(text) ? parseQuantity(text, sizeUnits) : undefined;
}

/** The shortest text that `parseDuration` reads back as the same milliseconds. */
export function formatDuration(milliseconds: number): string {
  return formatQuantity(
    milliseconds,
    [...durationUnits].filter(([unit]) => unit !== 'w'),
    '0s',
  );
}

/** The shortest text that `parseSize` reads back as the same bytes. */
export function formatSize(bytes: number): string {
  return formatQuantity(bytes, [...sizeUnits], '0B');
}

function parseQuantity(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const number = /^[\d.]+/.exec(text)![0];
  const value = Number(number) * units.get(text.slice(number.length).trim())!;
  return Number.isSafeInteger(Math.round(value)) ? Math.round(value) : undefined;
}

function formatQuantity(value: number, units: readonly (readonly [string, number])[], zero: string): string {
  if (value === 0) return zero;
  const [unit, size] = units.find(([, size]) => value % size === 0)!;
  return `${value / size}${unit}`;
}

/** A time with its unit, decoded to milliseconds; in a JSON body a whole number is milliseconds. */
export const duration: Shape<number> = {
  decode(value, place) {
    if (place.form === 'body' && typeof value === 'number') {
      return Number.isSafeInteger(value) && value >= 0 && value <= maxDuration
        ? value
        : place.report(`${value} is not a time in whole milliseconds`);
    }
    const parsed = typeof value === 'string' ? parseDuration(value) : undefined;
    if (parsed !== undefined && parsed <= maxDuration) return parsed;
    return place.report(`${place.quote(value)} is not a duration: write a number and a unit, such as 500ms, 30s, 5m, 24h or 7d`);
  },
  schema: (form) => ({
    title: 'duration',
    type: form === 'file' ? 'string' : ['string', 'integer'],
    pattern: durationPattern.source,
    examples: ['30s', '5m', '24h', '7d'],
  }),
};

/** An amount of bytes with its unit or as a whole number. */
export const size: Shape<number> = {
  decode(value, place) {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    const parsed = typeof value === 'string' ? parseSize(value) : undefined;
    if (parsed !== undefined) return parsed;
    return place.report(
      `${place.quote(value)} is not a size: write bytes as a whole number, or a number and a unit, such as 1MiB or 500kB`,
    );
  },
  schema: () => ({ title: 'size', type: ['string', 'integer'], minimum: 0, pattern: sizePattern.source, examples: ['1MiB', '500kB'] }),
};
