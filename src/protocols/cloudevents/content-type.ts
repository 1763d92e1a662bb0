/** A media type with its parameters (RFC 9110, section 8.3.1); names in lower case, values as given. */
export interface MediaType {
  /** `type/subtype` in lower case. */
  readonly essence: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** How a request body carries events (HTTP binding 1.0.2, section 3): `foreign` is a CloudEvents format that this codec does not read. */
export type BodyForm = 'structured' | 'batch' | 'plain' | 'foreign';

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const start = new RegExp(`(${token})/(${token})`, 'y');
const parameter = new RegExp(
  `[ \\t]*;[ \\t]*(?:(${token})=(?:(${token})|"((?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*)"))?`,
  'y',
);

/** Longest media type that is read, in characters: RFC 6838 allows 127 for each name, the rest is for parameters. */
const maxLength = 1024;

/** By far the most common one, not worth reading anew for each event. */
const json: MediaType = { essence: 'application/json', parameters: new Map() };

/** Reads a media type strictly; undefined when it is none, or names a parameter twice. */
export function parseMediaType(text: string): MediaType | undefined {
  if (text === json.essence) return json;
  if (text.length > maxLength) return undefined;
  start.lastIndex = 0;
  const head = start.exec(text);
  if (head === null) return undefined;
  const parameters = new Map<string, string>();
  let at = start.lastIndex;
  while (at < text.length) {
    parameter.lastIndex = at;
    const match = parameter.exec(text);
    if (match === null) return undefined;
    at = parameter.lastIndex;
    if (match[1] === undefined) continue;
    const name = match[1].toLowerCase();
    if (parameters.has(name)) return undefined;
    parameters.set(name, match[2] ?? (match[3] ?? '').replace(/\\(.)/g, '$1'));
  }
  return { essence: head[0].toLowerCase(), parameters };
}

/** Whether a media type declares JSON-formatted data (JSON format 1.0.2, section 3.1.1): its subtype is `json` or ends with `+json`. */
export function isJsonType(media: MediaType): boolean {
  return media.essence.endsWith('/json') || media.essence.endsWith('+json');
}

/** Whether a media type declares readable text: `text/*` or XML. */
export function isTextType(media: MediaType): boolean {
  return media.essence.startsWith('text/') || media.essence.endsWith('/xml') || media.essence.endsWith('+xml');
}

/** Whether the charset is UTF-8, said, left out or implied by its subset US-ASCII. */
export function isUtf8Charset(media: MediaType): boolean {
  const charset = media.parameters.get('charset')?.toLowerCase();
  return charset === undefined || charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii';
}

/** What the Content-Type of a request says about its body; `plain` is binary content mode or an event without envelope. */
export function bodyForm(contentType: string | undefined): BodyForm {
  if (contentType === undefined) return 'plain';
  if (contentType === 'application/cloudevents+json') return 'structured';
  const media = parseMediaType(contentType);
  if (media === undefined) return contentType.trimStart().toLowerCase().startsWith('application/cloudevents') ? 'foreign' : 'plain';
  if (!media.essence.startsWith('application/cloudevents')) return 'plain';
  if (!isUtf8Charset(media)) return 'foreign';
  if (media.essence === 'application/cloudevents+json') return 'structured';
  return media.essence === 'application/cloudevents-batch+json' ? 'batch' : 'foreign';
}
