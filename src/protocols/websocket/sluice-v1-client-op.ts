import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { CloudEventError } from '../cloudevents/cloud-event-error.ts';
import { readEvent, readEvents } from '../cloudevents/structured.ts';
import { JsonError } from '../json/json-error.ts';
import { JsonReader } from '../json/json-reader.ts';

/** A client's own name for a request, given back in the answer: a string of at most 128 characters or a safe integer. */
export type Ref = string | number;

/** What a client may present; a bare string is a bearer token. */
export interface OfferedCredential {
  readonly kind: 'api-key' | 'bearer' | 'ticket';
  readonly value: string;
}

/** What a client says under `sluice.v1.json`. */
export type ClientOp =
  /** `event` or `events`; `address` is needed only where the connection's own is a pattern or another. */
  | { readonly op: 'publish'; readonly ref: Ref | undefined; readonly address: string | undefined; readonly events: readonly CloudEvent[] }
  | { readonly op: 'ack'; readonly position: string }
  | { readonly op: 'renew'; readonly credential: OfferedCredential }
  | { readonly op: 'limits' };

/** A message that is no operation. The message is a sentence for its sender. */
export class ClientOpError extends Error {
  override readonly name = 'ClientOpError';
  /** Member at fault, such as `events[3].id`; empty for the whole. */
  readonly path: string;
  /** The `ref` of the message, as far as it could be read. */
  readonly ref: Ref | undefined;
  /** Whether the operation was fine and only an event in it is not. */
  readonly invalidEvent: boolean;

  constructor(sentence: string, at: { path: string; ref: Ref | undefined; invalidEvent: boolean }, cause?: unknown) {
    super(sentence, { cause });
    this.path = at.path;
    this.ref = at.ref;
    this.invalidEvent = at.invalidEvent;
  }
}

const membersOf: Readonly<Record<ClientOp['op'], readonly string[]>> = {
  publish: ['op', 'ref', 'event', 'events', 'address'],
  ack: ['op', 'position'],
  renew: ['op', 'credential'],
  limits: ['op'],
};

/** Longest `ref` and `position` in characters, and `address` and `credential`: they are kept or compared, never needed longer. */
const maxRef = 128;
const maxText = 8192;

/** Reads one text message; event data are slices of it. Throws ClientOpError. The caller has bounded the size. */
export function parseClientOp(message: Uint8Array | string, maxEvents: number): ClientOp {
  const bytes = typeof message === 'string' ? Buffer.from(message, 'utf8') : message;
  try {
    return readOp(new JsonReader(bytes), maxEvents);
  } catch (thrown) {
    const invalidEvent = thrown instanceof CloudEventError;
    if (invalidEvent || thrown instanceof Malformed) {
      throw new ClientOpError(thrown.message, { path: thrown.path, ref: findRef(bytes), invalidEvent }, thrown);
    }
    if (thrown instanceof JsonError) {
      throw new ClientOpError(
        `The message is not JSON as RFC 8259 has it: ${thrown.message}.`,
        { path: '', ref: undefined, invalidEvent: false },
        thrown,
      );
    }
    throw thrown;
  }
}

class Malformed extends Error {
  readonly path: string;

  constructor(path: string, reason: string) {
    super(path === '' ? `The message is not an operation: ${reason}.` : `The message is not an operation: at ${path}, ${reason}.`);
    this.path = path;
  }
}

interface Members {
  op?: string;
  ref?: Ref;
  address?: string;
  position?: string;
  credential?: OfferedCredential;
  events?: CloudEvent[];
}

function readOp(reader: JsonReader, maxEvents: number): ClientOp {
  if (reader.kind() !== 'object') throw new Malformed('', 'it must be a JSON object with the member op');
  const members: Members = {};
  const names: string[] = [];
  reader.openObject();
  for (let name = reader.member(); name !== undefined; name = reader.member()) {
    if (names.includes(name)) throw new Malformed(name, 'the member is there more than once');
    if (name === 'event' && names.includes('events')) throw new Malformed(name, 'event and events exclude each other');
    if (name === 'events' && names.includes('event')) throw new Malformed(name, 'event and events exclude each other');
    readMember(name, reader, members, maxEvents);
    names.push(name);
  }
  reader.end();
  const { op } = members;
  if (op === undefined) throw new Malformed('op', 'the member is missing; it is publish, ack, renew or limits');
  if (!isOp(op)) throw new Malformed('op', 'it must be publish, ack, renew or limits');
  const stranger = names.find((name) => !membersOf[op].includes(name));
  if (stranger !== undefined) throw new Malformed(stranger, `${op} has no such member; it has ${membersOf[op].join(', ')}`);
  return build(op, members);
}

function readMember(name: string, reader: JsonReader, members: Members, maxEvents: number): void {
  switch (name) {
    case 'op':
      members.op = readText(name, reader, maxRef);
      break;
    case 'ref':
      members.ref = readRef(reader);
      break;
    case 'address':
      members.address = readText(name, reader, maxText);
      break;
    case 'position':
      members.position = readText(name, reader, maxRef);
      break;
    case 'credential':
      members.credential = readCredential(reader);
      break;
    case 'event':
      members.events = [within('event', () => readEvent(reader))];
      break;
    case 'events':
      if (reader.kind() !== 'array') throw new Malformed(name, 'it must be an array of events');
      members.events = within('events', () => readEvents(reader, maxEvents));
      break;
    default:
      throw new Malformed(name.length > 64 || /[^\x20-\x7e]/.test(name) ? '' : name, 'no operation has such a member');
  }
}

function build(op: ClientOp['op'], members: Members): ClientOp {
  switch (op) {
    case 'publish':
      if (members.events === undefined) throw new Malformed('event', 'publish needs event or events');
      return { op, ref: members.ref, address: members.address, events: members.events };
    case 'ack':
      if (members.position === undefined) throw new Malformed('position', 'ack needs the position of the last event that was dealt with');
      return { op, position: members.position };
    case 'renew':
      if (members.credential === undefined) throw new Malformed('credential', 'renew needs the new credential');
      return { op, credential: members.credential };
    case 'limits':
      return { op };
  }
}

function isOp(op: string): op is ClientOp['op'] {
  return Object.hasOwn(membersOf, op);
}

/** Puts the member's name before the path of an event's error: `events` and `[3].id` give `events[3].id`. */
function within<T>(member: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof CloudEventError)) throw thrown;
    throw thrown.path.startsWith('[') ? new CloudEventError(member + thrown.path, thrown.reason, thrown.cause) : thrown.within(member);
  }
}

function readText(name: string, reader: JsonReader, maxLength: number): string {
  if (reader.kind() !== 'string') throw new Malformed(name, 'it must be a string');
  const text = reader.string();
  if (text === '' || text.length > maxLength) throw new Malformed(name, `it must have 1 to ${maxLength} characters`);
  if (!text.isWellFormed()) throw new Malformed(name, 'unpaired surrogates are not allowed');
  return text;
}

function readRef(reader: JsonReader): Ref {
  if (reader.kind() !== 'number') return readText('ref', reader, maxRef);
  const ref = Number(reader.number());
  if (!Number.isSafeInteger(ref)) throw new Malformed('ref', 'a number must be an integer that JSON parsers keep exactly');
  return ref;
}

function readCredential(reader: JsonReader): OfferedCredential {
  if (reader.kind() === 'string') return { kind: 'bearer', value: readText('credential', reader, maxText) };
  if (reader.kind() !== 'object') throw new Malformed('credential', 'it must be a token, or an object with kind and value');
  const given = new Map<string, string>();
  reader.openObject();
  for (let name = reader.member(); name !== undefined; name = reader.member()) {
    if (name !== 'kind' && name !== 'value') throw new Malformed('credential', 'it has only kind and value');
    if (given.has(name)) throw new Malformed(`credential.${name}`, 'the member is there more than once');
    given.set(name, readText(`credential.${name}`, reader, maxText));
  }
  const kind = given.get('kind');
  const value = given.get('value');
  if (kind !== 'api-key' && kind !== 'bearer' && kind !== 'ticket')
    throw new Malformed('credential.kind', 'it must be api-key, bearer or ticket');
  if (value === undefined) throw new Malformed('credential.value', 'the member is missing');
  return { kind, value };
}

/** The `ref` of a message that was refused, so that the client knows which of its requests it was: wherever it stands, if it can be read. */
function findRef(bytes: Uint8Array): Ref | undefined {
  try {
    const reader = new JsonReader(bytes);
    reader.openObject();
    for (let name = reader.member(); name !== undefined; name = reader.member()) {
      if (name === 'ref') return readRef(reader);
      reader.skip();
    }
  } catch {
    // The refusal itself is what the client is told.
  }
  return undefined;
}
