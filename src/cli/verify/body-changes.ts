import { isObject, parseJson } from '../client/json.ts';

/** What the body may have been before somebody changed it, and what happened to it if so: the rest of "it fits the body …". */
export interface BodyChange {
  readonly body: Buffer;
  readonly sentence: string;
}

/** JSON nested deeper is left as it is from there on. */
const deepest = 100;

const again = 'so it was parsed and written again: verify the bytes as they came, before any JSON parser';
const breaks = 'so an editor, a shell or a log changed its line breaks';

/** The ways in which bodies are changed by accident between who signs and who verifies; none is the body itself. */
export function* bodyChanges(body: Buffer): Generator<BodyChange> {
  const text = body.toString('utf8');
  yield* differing(body, [
    [text.replace(/\r?\n$/, ''), 'without its last line break, which was added: print with printf instead of echo'],
    [`${text}\n`, 'with a line break at its end, which was lost'],
    [text.trim(), 'without the white space around it, which was added'],
    [text.replaceAll('\r\n', '\n'), `with LF instead of CRLF, ${breaks}`],
    [text.replaceAll(/\r?\n/g, '\r\n'), `with CRLF instead of LF, ${breaks}`],
    [text.replace(/^\ufeff/, ''), 'without the byte order mark at its beginning, which was added'],
    [Buffer.from(text, 'latin1'), 'read as ISO 8859-1: its characters were decoded and encoded once too often'],
    [Buffer.from(body.toString('latin1'), 'utf8'), 'with its bytes taken for characters of ISO 8859-1 and encoded as UTF-8'],
    [fromBase64(text), 'once it is decoded from base64, as some gateways hand it over'],
    ['', 'if it is empty: what was signed had no body'],
  ]);
  const parsed = parseJson(text);
  if (parsed !== undefined) yield* differing(body, jsonForms(parsed.value));
}

function* differing(body: Buffer, forms: readonly (readonly [string | Buffer | undefined, string])[]): Generator<BodyChange> {
  for (const [form, sentence] of forms) {
    if (form === undefined) continue;
    const other = typeof form === 'string' ? Buffer.from(form) : form;
    if (!other.equals(body)) yield { body: other, sentence };
  }
}

function jsonForms(value: unknown): readonly (readonly [string, string])[] {
  const compact = JSON.stringify(value);
  const pythonic = spaced(value, 0);
  return [
    [compact, `as compact JSON, ${again}`],
    [JSON.stringify(value, undefined, 2), `as JSON indented by two spaces, ${again}`],
    [JSON.stringify(value, undefined, 4), `as JSON indented by four spaces, ${again}`],
    [JSON.stringify(value, undefined, '\t'), `as JSON indented by tabs, ${again}`],
    [pythonic, `as JSON with a space after commas and colons, ${again}`],
    [asciiOnly(pythonic), `as JSON with a space after commas and colons and with \\u escapes, ${again}`],
    [asciiOnly(compact), `as compact JSON with \\u escapes, ${again}`],
    [compact.replaceAll('/', '\\/'), `as compact JSON with escaped slashes, ${again}`],
    [asciiOnly(compact).replaceAll('/', '\\/'), `as compact JSON with escaped slashes and \\u escapes, ${again}`],
    [htmlSafe(compact), `as compact JSON with <, > and & escaped, ${again}`],
    [JSON.stringify(sorted(value, 0)), `as compact JSON with its members sorted, ${again}`],
  ];
}

/** As Python's json.dumps writes it. */
function spaced(value: unknown, depth: number): string {
  if (depth > deepest) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => spaced(item, depth + 1)).join(', ')}]`;
  if (!isObject(value) || isRaw(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, member]) => `${JSON.stringify(name)}: ${spaced(member, depth + 1)}`)
    .join(', ')}}`;
}

function sorted(value: unknown, depth: number): unknown {
  if (depth > deepest) return value;
  if (Array.isArray(value)) return value.map((item) => sorted(item, depth + 1));
  if (!isObject(value) || isRaw(value)) return value;
  const members = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member, depth + 1)]));
}

/** A number kept as it was written. */
function isRaw(value: object): boolean {
  return (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}

function asciiOnly(text: string): string {
  return text.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function htmlSafe(text: string): string {
  return text.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026');
}

function fromBase64(text: string): Buffer | undefined {
  const trimmed = text.trim();
  return trimmed.length > 3 && /^[A-Za-z0-9+/]+={0,2}$/.test(trimmed) ? Buffer.from(trimmed, 'base64') : undefined;
}
