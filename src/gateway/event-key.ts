import type { Keys } from '../core/conflation.ts';
import { GatewayError } from '../core/errors.ts';
import type { Event } from '../core/event.ts';
import { scalarAt } from '../protocols/json/scalar-at.ts';
import { MemberPathError, readMemberPath } from './member-path.ts';

/** Longest key in characters: longer ones name nothing, they are content. */
const maxKey = 1024;

/** What tells one thing's events from another's. */
export interface EventKey extends Keys {
  /** Equal for equal keys. */
  readonly text: string;
}

/** `subject` (also when nothing is said; the type where an event has none), `type`, `source`, `ext.NAME` or `data.PATH`; throws BAD_REQUEST. */
export function readEventKey(text = 'subject'): EventKey {
  const valueOf = readValue(text);
  return {
    text,
    keyOf: (event) => {
      const value = valueOf(event);
      return value === undefined || value.length > maxKey ? undefined : `${event.address}\n${value}`;
    },
  };
}

function readValue(text: string): (event: Event) => string | undefined {
  if (text === 'subject') return ({ subject, type }) => subject ?? type;
  if (text === 'type') return ({ type }) => type;
  if (text === 'source') return ({ source }) => source;
  if (text.startsWith('ext.')) return valueOfExtension(text.slice(4));
  if (text.startsWith('data.')) return valueInData(text.slice(5));
  throw new GatewayError('BAD_REQUEST', 'by takes subject, type, source, ext.NAME or a path into the data such as data.symbol.');
}

function valueOfExtension(name: string): (event: Event) => string | undefined {
  if (!/^[a-z0-9]{1,128}$/.test(name))
    throw new GatewayError('BAD_REQUEST', 'by takes ext. and the name of an extension, which has small letters and digits only.');
  return ({ extensions }) => (Object.hasOwn(extensions, name) ? String(extensions[name]) : undefined);
}

function valueInData(text: string): (event: Event) => string | undefined {
  const path = readPath(text);
  return ({ data, dataKind }) => (data === undefined || dataKind !== 'json' ? undefined : scalarAt(data, path));
}

function readPath(text: string): readonly string[] {
  try {
    return readMemberPath(text);
  } catch (error) {
    if (!(error instanceof MemberPathError)) throw error;
    throw new GatewayError('BAD_REQUEST', `by cannot be read: ${error.message}.`, { cause: error });
  }
}
