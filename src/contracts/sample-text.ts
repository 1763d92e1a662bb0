import { formats } from './formats.ts';
import type { PatternCache } from './pattern-cache.ts';
import { SampleError } from './sample-error.ts';
import { samplePattern } from './sample-pattern.ts';
import type { SampleRandom } from './sample-random.ts';

/** What a text must be; lengths in characters. */
export interface TextDemand {
  readonly patterns: readonly string[];
  readonly format: string | undefined;
  readonly least: number;
  readonly most: number;
}

const longest = 16 * 1024;
const tries = 24;

/** A text that fulfils the demand; a free one is about `subject`, so that people see what it stands for. Throws SampleError. */
export function sampleText(demand: TextDemand, subject: string, random: SampleRandom, patterns: PatternCache): string {
  if (demand.least > longest) throw new SampleError(`it asks for a text of more than ${longest} characters`);
  const isRight = checkOf(demand, patterns);
  const [pattern] = demand.patterns;
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const text = attempt > 0 || pattern === undefined ? candidate(demand, subject, random, attempt) : samplePattern(pattern, random, 4);
    if (isRight(text)) return text;
  }
  throw new SampleError(`no text was found that fits ${describe(demand)}`);
}

function candidate({ patterns, format, least, most }: TextDemand, subject: string, random: SampleRandom, attempt: number): string {
  const made = format === undefined ? undefined : formatted(format, subject, random);
  if (made !== undefined && (patterns.length === 0 || attempt % 2 === 1)) return made;
  const pattern = random.pick(patterns);
  if (pattern !== undefined) return samplePattern(pattern, random, random.pick([0, 1, 4, least, 2 * least]) ?? 4);
  const text = `${subject} ${random.whole(1, 999)}`.padEnd(least, ' and more');
  return Array.from(text).slice(0, Math.min(most, longest)).join('');
}

function checkOf({ patterns, format, least, most }: TextDemand, cache: PatternCache): (text: string) => boolean {
  const rule = format === undefined || !Object.hasOwn(formats, format) ? undefined : formats[format];
  const hasFormat = typeof rule === 'function' ? rule : () => true;
  return (text) => {
    const { length } = Array.from(text);
    return length >= least && length <= most && patterns.every((pattern) => cache.matches(pattern, text)) && Boolean(hasFormat(text));
  };
}

function describe({ patterns, format, least, most }: TextDemand): string {
  const parts = [
    ...patterns.slice(0, 3).map((pattern) => `the pattern ${pattern.slice(0, 60)}`),
    ...(format === undefined ? [] : [`the format ${format.slice(0, 40)}`]),
    ...(least > 0 ? [`at least ${least} characters`] : []),
    ...(most < Infinity ? [`at most ${most} characters`] : []),
  ];
  return parts.join(' and ');
}

/** A fixed stretch of two years, so that the same seed gives the same times for ever. */
const firstSecond = Date.UTC(2025, 0, 1) / 1000;
const seconds = 2 * 365 * 24 * 3600;

const byFormat: Readonly<Record<string, (random: SampleRandom, word: string) => string>> = {
  'date-time': (random) => instant(random),
  date: (random) => instant(random).slice(0, 10),
  time: (random) => instant(random).slice(11),
  duration: (random) => `PT${random.whole(1, 59)}M`,
  email: (random, word) => `${word}${random.whole(1, 999)}@example.com`,
  'idn-email': (random, word) => `${word}${random.whole(1, 999)}@example.com`,
  hostname: (random, word) => `${word}${random.whole(1, 999)}.example.com`,
  'idn-hostname': (random, word) => `${word}${random.whole(1, 999)}.example.com`,
  ipv4: (random) => `192.0.2.${random.whole(1, 254)}`,
  ipv6: (random) => `2001:db8::${random.whole(1, 0xffff).toString(16)}`,
  uri: (random, word) => `https://example.com/${word}/${random.whole(1, 999)}`,
  url: (random, word) => `https://example.com/${word}/${random.whole(1, 999)}`,
  iri: (random, word) => `https://example.com/${word}/${random.whole(1, 999)}`,
  'uri-reference': (random, word) => `/${word}/${random.whole(1, 999)}`,
  'iri-reference': (random, word) => `/${word}/${random.whole(1, 999)}`,
  'uri-template': (_random, word) => `https://example.com/${word}/{id}`,
  uuid: (random) =>
    `${random.hex(8)}-${random.hex(4)}-4${random.hex(3)}-${random.pick(['8', '9', 'a', 'b']) ?? '8'}${random.hex(3)}-${random.hex(12)}`,
  'json-pointer': (_random, word) => `/${word}`,
  'relative-json-pointer': (_random, word) => `0/${word}`,
  regex: () => '^[a-z]+$',
  byte: (random) => Buffer.from(random.hex(12), 'hex').toString('base64'),
};

function formatted(format: string, subject: string, random: SampleRandom): string | undefined {
  const word = subject
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
    .slice(0, 20);
  return Object.hasOwn(byFormat, format) ? byFormat[format]?.(random, word === '' ? 'sample' : word) : undefined;
}

function instant(random: SampleRandom): string {
  return new Date((firstSecond + random.whole(0, seconds)) * 1000).toISOString().replace('.000', '');
}
