import { randomUUID } from 'node:crypto';
import { CliError } from '../exit-code.ts';
import { isCloudEvent, parseJson, type JsonObject } from './json.ts';
import type { Publication } from './publisher.ts';

/** Attributes given beside the data. */
export interface Attributes {
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  readonly id?: string | undefined;
  readonly subject?: string | undefined;
}

const structured = 'application/cloudevents+json';
const batch = 'application/cloudevents-batch+json';
const maxEventsPerRequest = 100;
const maxCharactersPerRequest = 512 * 1024;

/** A JSON document as what it is: one CloudEvent, an array of them, or the data of an event. */
export function publicationOf(text: string, attributes: Attributes): Publication {
  const parsed = parseJson(text);
  if (parsed === undefined)
    throw new CliError('invalid', 'This is not JSON; say what it is with --content-type, or one event per line with each line JSON.');
  return ofValue(text, parsed.value, attributes);
}

/** Lines of JSON as few requests: neighbouring CloudEvents go as a batch, plain data one by one. `firstLine` is for messages. */
export function publicationsOfLines(lines: readonly string[], attributes: Attributes, firstLine: number): Publication[] {
  const publications: Publication[] = [];
  let gathered: string[] = [];
  let characters = 0;
  const flush = () => {
    if (gathered.length > 0) publications.push({ contentType: batch, body: `[${gathered.join(',')}]` });
    gathered = [];
    characters = 0;
  };
  for (const [index, line] of lines.entries()) {
    const publication = ofLine(line, attributes, firstLine + index);
    if (publication.contentType !== structured) {
      flush();
      publications.push(publication);
      continue;
    }
    const event = String(publication.body);
    if (gathered.length === maxEventsPerRequest || characters + event.length > maxCharactersPerRequest) flush();
    gathered.push(event);
    characters += event.length;
  }
  flush();
  return publications;
}

function ofLine(line: string, attributes: Attributes, number: number): Publication {
  const parsed = parseJson(line);
  if (parsed === undefined) throw new CliError('invalid', `Line ${number} is not JSON.`);
  return ofValue(line, parsed.value, attributes);
}

/** Data of any media type in the binary mode, which carries it byte for byte. */
export function binaryPublication(data: Uint8Array, contentType: string, attributes: Attributes): Publication {
  const named = { ...nameEvent(attributes), specversion: '1.0' };
  const headers = Object.entries(named).map(([name, value]) => [`ce-${name}`, encodeHeader(value)] as const);
  return { contentType, body: data, headers: Object.fromEntries(headers) };
}

function ofValue(text: string, value: unknown, attributes: Attributes): Publication {
  if (Array.isArray(value) && value.length > 0 && value.every(isCloudEvent)) {
    if (attributes.id !== undefined) throw new CliError('usage', '--id names one event, but the input has several.');
    return { contentType: batch, body: `[${value.map((event) => withAttributes(event, attributes)).join(',')}]` };
  }
  if (isCloudEvent(value)) return { contentType: structured, body: withAttributes(value, attributes) };
  if (Object.values(attributes).every((attribute) => attribute === undefined)) return { contentType: 'application/json', body: text };
  const head = JSON.stringify({ specversion: '1.0', ...nameEvent(attributes), datacontenttype: 'application/json' });
  return { contentType: structured, body: `${head.slice(0, -1)},"data":${text}}` };
}

function withAttributes(event: JsonObject, attributes: Attributes): string {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return JSON.stringify(given.length === 0 ? event : { ...event, ...Object.fromEntries(given) });
}

function nameEvent(attributes: Attributes): Record<string, string> {
  if (attributes.type === undefined) throw new CliError('usage', 'An event with attributes of its own needs --type.');
  const { type, source = '/sluice/cli', id = randomUUID(), subject } = attributes;
  return { id, source, type, time: new Date().toISOString(), ...(subject === undefined ? {} : { subject }) };
}

/** CloudEvents HTTP binding 1.0.2, section 3.1.3.2: what is not printable ASCII, and `"` and `%`, is percent-encoded. */
function encodeHeader(value: string): string {
  return value.replaceAll(/[^\x21\x23\x24\x26-\x7e]+/gu, (characters) => encodeURIComponent(characters).replaceAll("'", '%27'));
}
