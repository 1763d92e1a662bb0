import { fullFormats } from 'ajv-formats/dist/formats.js';
import type { Format } from 'ajv';
import { linearPattern } from './linear-pattern.ts';

/** Longest text, in UTF-16 units, that a format written as a backtracking pattern is tried on; real ones are shorter. */
const longest: Readonly<Record<string, number>> = {
  duration: 128,
  uri: 2048,
  'uri-reference': 2048,
  'uri-template': 2048,
  email: 320,
  hostname: 255,
  ipv4: 15,
  ipv6: 45,
  uuid: 45,
  'json-pointer': 2048,
  'relative-json-pointer': 2048,
  date: 10,
  time: 64,
  'date-time': 80,
};

/** The formats that are checked, each in bounded time; any other format is an annotation, as JSON Schema allows. */
export const formats: Readonly<Record<string, Format>> = {
  ...Object.fromEntries(Object.entries(longest).map(([name, most]) => [name, bounded(name, most)])),
  regex: isPattern,
  int32: fullFormats.int32,
  int64: fullFormats.int64,
  float: true,
  double: true,
  byte: true,
  binary: true,
  password: true,
};

function bounded(name: string, most: number): Format {
  const format: unknown = fullFormats[name as keyof typeof fullFormats];
  const check = typeof format === 'object' && format !== null && 'validate' in format ? format.validate : format;
  if (check instanceof RegExp) return (text: string) => text.length <= most && check.test(text);
  if (typeof check === 'function') return (text: string) => text.length <= most && Boolean((check as (text: string) => unknown)(text));
  throw new TypeError(`No check for the format ${name}.`);
}

function isPattern(text: string): boolean {
  try {
    linearPattern(text);
    return true;
  } catch {
    return false;
  }
}
