import { isUtf8 } from 'node:buffer';
import { checkCore, checkExtensionName, checkSpecVersion, checkString, maxExtensions, shown } from './attributes.ts';
import type { CloudEvent } from './cloud-event.ts';
import { CloudEventError } from './cloud-event-error.ts';
import { kindOfBytes } from './data.ts';

/** Header fields as Node gives them: names in lower case. With arrays (`headersDistinct`) a field given twice is recognised. */
export type EventHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Whether a request is meant as binary content mode: at least one attribute that every event has is among its headers. */
export function hasEventHeaders(headers: EventHeaders): boolean {
  return (
    headers['ce-specversion'] !== undefined ||
    headers['ce-id'] !== undefined ||
    headers['ce-type'] !== undefined ||
    headers['ce-source'] !== undefined
  );
}

/**
 * Reads one event in binary content mode (HTTP binding 1.0.2, section 3.1). Extensions are strings here; an empty body is no data.
 * Throws CloudEventError.
 */
export function decodeBinary(headers: EventHeaders, body: Uint8Array): CloudEvent {
  const attributes = new Map<string, string>();
  const extensions: Record<string, string> = {};
  let extensionCount = 0;
  for (const header of Object.keys(headers)) {
    if (!header.startsWith('ce-')) continue;
    const raw = single(headers, header);
    if (raw === undefined) continue;
    const name = header.slice(3);
    if (isCore(name)) {
      attributes.set(name, decodeHeaderValue(name, raw));
      continue;
    }
    if (name === 'datacontenttype')
      throw new CloudEventError(name, 'in binary mode it is the Content-Type header, and ce-datacontenttype is not allowed');
    checkExtensionName(name);
    extensionCount += 1;
    if (extensionCount > maxExtensions) throw new CloudEventError(name, `an event has at most ${maxExtensions} extension attributes`);
    const value = decodeHeaderValue(name, raw);
    checkString(name, value);
    extensions[name] = value;
  }
  checkSpecVersion(attributes.get('specversion') ?? missing('specversion'));
  const datacontenttype = single(headers, 'content-type');
  if (datacontenttype !== undefined) checkCore('datacontenttype', datacontenttype);
  return {
    id: checked('id', attributes) ?? missing('id'),
    source: checked('source', attributes) ?? missing('source'),
    type: checked('type', attributes) ?? missing('type'),
    subject: checked('subject', attributes),
    time: checked('time', attributes),
    datacontenttype,
    dataschema: checked('dataschema', attributes),
    extensions,
    ...dataOf(body, datacontenttype),
  };
}

/** What a plain body is given by the contract and the gateway, since it brings no attributes itself. */
export interface PlainAttributes {
  readonly type: string;
  readonly source: string;
  readonly id: string;
  readonly time: string | undefined;
}

/** Makes an event of a body without envelope. Throws CloudEventError at `data` or `datacontenttype`. */
export function decodePlain(body: Uint8Array, contentType: string | undefined, attributes: PlainAttributes): CloudEvent {
  if (contentType !== undefined) checkCore('datacontenttype', contentType);
  return { ...attributes, datacontenttype: contentType, extensions: {}, ...dataOf(body, contentType) };
}

function dataOf(body: Uint8Array, datacontenttype: string | undefined): Pick<CloudEvent, 'data' | 'dataKind'> {
  if (body.byteLength === 0) return { data: undefined, dataKind: 'json' };
  return { data: body, dataKind: kindOfBytes(body, datacontenttype) };
}

function isCore(name: string): boolean {
  return (
    name === 'specversion' ||
    name === 'id' ||
    name === 'source' ||
    name === 'type' ||
    name === 'subject' ||
    name === 'time' ||
    name === 'dataschema'
  );
}

function checked(
  name: 'id' | 'source' | 'type' | 'subject' | 'time' | 'dataschema',
  attributes: ReadonlyMap<string, string>,
): string | undefined {
  const value = attributes.get(name);
  if (value !== undefined) checkCore(name, value);
  return value;
}

function single(headers: EventHeaders, header: string): string | undefined {
  const value = headers[header];
  if (typeof value === 'string' || value === undefined) return value;
  if (value.length > 1) throw new CloudEventError(shown(header.replace(/^ce-/, '')), `the header ${shown(header)} is there more than once`);
  return value[0];
}

function missing(name: string): never {
  throw new CloudEventError(name, `the header ce-${name} is missing`);
}

/** Undoes double quotes (RFC 9110, section 5.6.4), then one round of percent-encoding (HTTP binding 1.0.2, section 3.1.3.2). */
export function decodeHeaderValue(name: string, raw: string): string {
  if (!/^[\x20-\x7e\t]*$/.test(raw)) {
    throw new CloudEventError(name, 'other characters than printable ASCII must be percent-encoded as UTF-8 in a header');
  }
  const value = raw.includes('"') ? unquote(name, raw) : raw;
  if (!value.includes('%')) return value;
  if (/%(?![0-9A-Fa-f]{2})/.test(value)) {
    throw new CloudEventError(name, 'a percent sign must be followed by two hexadecimal digits; write %25 for the sign itself');
  }
  const bytes = Buffer.from(
    value.replace(/%([0-9A-Fa-f]{2})/g, (_match, digits: string) => String.fromCharCode(parseInt(digits, 16))),
    'latin1',
  );
  if (!isUtf8(bytes)) throw new CloudEventError(name, 'what is percent-encoded is not UTF-8');
  return bytes.toString('utf8');
}

function unquote(name: string, raw: string): string {
  let value = '';
  let quoted = false;
  for (let at = 0; at < raw.length; at += 1) {
    const character = raw.charAt(at);
    if (character === '"') quoted = !quoted;
    else if (quoted && character === '\\' && at + 1 < raw.length) value += raw.charAt(++at);
    else value += character;
  }
  if (quoted) throw new CloudEventError(name, 'a closing double quote is missing in the header');
  return value;
}
