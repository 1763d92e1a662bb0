import type { CloudEvent } from './cloud-event.ts';

const plainText = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const BATCH_START = 0x5b;
const BATCH_COMMA = 0x2c;
const BATCH_END = 0x5d;

/**
 * One event in the JSON format. JSON data go in as the bytes they are, line breaks between tokens included; binary data as
 * `data_base64`. `position` takes the place of an extension of that name. The buffer is the caller's.
 */
export function encodeEvent(event: CloudEvent, position?: string): Buffer {
  const { data } = event;
  const head = envelope(event, position);
  if (data === undefined) return Buffer.from(`${head}}`, 'utf8');
  if (event.dataKind === 'json') return joined(`${head},"data":`, data, '}');
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (event.dataKind === 'binary') return joined(`${head},"data_base64":"`, bytes.toString('base64'), '"}');
  return Buffer.from(`${head},"data":${JSON.stringify(bytes.toString('utf8'))}}`, 'utf8');
}

/** Already encoded events as one batch in the JSON batch format. */
export function joinBatch(encoded: readonly Uint8Array[]): Buffer {
  if (encoded.length === 0) return Buffer.from('[]');
  const batch = Buffer.allocUnsafe(encoded.reduce((sum, event) => sum + event.byteLength + 1, 1));
  let at = 0;
  for (const event of encoded) {
    batch[at] = at === 0 ? BATCH_START : BATCH_COMMA;
    batch.set(event, at + 1);
    at += event.byteLength + 1;
  }
  batch[at] = BATCH_END;
  return batch;
}

/** Events in the JSON batch format; `positions`, when given, has one for each. */
export function encodeBatch(events: readonly CloudEvent[], positions?: readonly string[]): Buffer {
  return joinBatch(events.map((event, index) => encodeEvent(event, positions?.[index])));
}

/** Headers of binary content mode (HTTP binding 1.0.2, section 3.1), names in lower case; the data are the body. */
export function encodeBinaryHeaders(event: CloudEvent, position?: string): Record<string, string> {
  const headers: Record<string, string> = {
    'ce-specversion': '1.0',
    'ce-id': encodeHeaderValue(event.id),
    'ce-source': encodeHeaderValue(event.source),
    'ce-type': encodeHeaderValue(event.type),
  };
  if (event.subject !== undefined) headers['ce-subject'] = encodeHeaderValue(event.subject);
  if (event.time !== undefined) headers['ce-time'] = encodeHeaderValue(event.time);
  if (event.dataschema !== undefined) headers['ce-dataschema'] = encodeHeaderValue(event.dataschema);
  for (const [name, value] of Object.entries(event.extensions)) headers[`ce-${name}`] = encodeHeaderValue(String(value));
  if (position !== undefined) headers['ce-position'] = encodeHeaderValue(position);
  // JSON format 1.0.2, section 3.1.2: what JSON implied must be said elsewhere.
  const contentType = event.datacontenttype ?? (event.data !== undefined && event.dataKind === 'json' ? 'application/json' : undefined);
  if (contentType !== undefined) headers['content-type'] = contentType;
  return headers;
}

function encodeHeaderValue(value: string): string {
  if (/^[\x21\x23\x24\x26-\x7e]*$/.test(value)) return value;
  return value.replace(/[^\x21\x23\x24\x26-\x7e]+/g, (part) =>
    Buffer.from(part, 'utf8').reduce((text, byte) => `${text}%${byte.toString(16).toUpperCase().padStart(2, '0')}`, ''),
  );
}

/** The JSON object up to the data, not closed. */
function envelope(event: CloudEvent, position: string | undefined): string {
  let json = `{"specversion":"1.0","id":${quoted(event.id)},"source":${quoted(event.source)},"type":${quoted(event.type)}`;
  if (event.subject !== undefined) json += `,"subject":${quoted(event.subject)}`;
  if (event.time !== undefined) json += `,"time":${quoted(event.time)}`;
  if (event.datacontenttype !== undefined) json += `,"datacontenttype":${quoted(event.datacontenttype)}`;
  if (event.dataschema !== undefined) json += `,"dataschema":${quoted(event.dataschema)}`;
  const { extensions } = event;
  for (const name in extensions) {
    if (name === 'position' && position !== undefined) continue;
    const value = extensions[name];
    if (value !== undefined) json += `,"${name}":${typeof value === 'string' ? quoted(value) : String(value)}`;
  }
  if (position !== undefined) json += `,"position":${quoted(position)}`;
  return json;
}

function quoted(text: string): string {
  return plainText.test(text) ? `"${text}"` : JSON.stringify(text);
}

function joined(head: string, data: Uint8Array | string, tail: string): Buffer {
  const headBytes = Buffer.byteLength(head);
  const dataBytes = data.length;
  const whole = Buffer.allocUnsafe(headBytes + dataBytes + tail.length);
  whole.write(head, 0, 'utf8');
  if (typeof data === 'string') whole.write(data, headBytes, 'latin1');
  else whole.set(data, headBytes);
  whole.write(tail, headBytes + dataBytes, 'latin1');
  return whole;
}
