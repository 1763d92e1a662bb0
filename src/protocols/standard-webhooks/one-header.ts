import { refused, type Refused } from './verdict.ts';

/** Header fields as Node gives them: names in lower case. With arrays (`headersDistinct`) a field given twice is recognised. */
export type WebhookHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Longest header that is read, in characters, where the caller names no other bound. */
const defaultMaxLength = 512;

/** The value of a header that must be there exactly once and not be longer than this many characters. */
export function oneHeader(headers: WebhookHeaders, name: string, maxLength = defaultMaxLength): string | Refused {
  const found = Object.hasOwn(headers, name) ? headers[name] : undefined;
  const values = typeof found === 'string' ? [found] : (found ?? []);
  const [value] = values;
  if (value === undefined || value === '') return refused('HEADER_MISSING', `The header ${name} is missing.`);
  if (values.length > 1) return refused('HEADER_REPEATED', `The header ${name} is there more than once.`);
  if (value.length > maxLength) return refused('HEADER_MALFORMED', `The header ${name} is longer than ${maxLength} characters.`);
  return value;
}

/** The same for a header that may be missing; undefined too when it is repeated or too long. */
export function optionalHeader(headers: WebhookHeaders, name: string, maxLength = defaultMaxLength): string | undefined {
  const value = oneHeader(headers, name, maxLength);
  return typeof value === 'string' ? value : undefined;
}
