import { Changes, type ChangeCoding, type Comparable } from '../core/changes.ts';
import { GatewayError } from '../core/errors.ts';
import type { Event, WireFormat } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { readTree, type JsonTree } from '../protocols/json-patch/json-tree.ts';
import { writePatch } from '../protocols/json-patch/write-patch.ts';
import type { EventKey } from './event-key.ts';
import type { Projection } from './projection.ts';

/** Media type of RFC 6902, section 6. */
const patchType = 'application/json-patch+json';
/** About what the attributes of a change cost besides the patch: it must be that much shorter than the data. */
const attributeBytes = 64;
/** Larger data is always written whole: comparing it would hold up everybody. */
const mostDataBytes = 256 * 1024;
/** A tree takes about so many bytes for each byte of its text. */
const treeFactor = 4;

interface Tree extends Comparable {
  readonly value: JsonTree;
  /** Of the text. */
  readonly length: number;
}

/** Events written as JSON Patches against the last event of the same key. */
export class Delta {
  readonly #projection: Projection | undefined;
  readonly #coding: ChangeCoding;
  readonly #text: string;
  /** By the format they are derived from, of which there are only those the entrypoints know. */
  readonly #formats = new Map<WireFormat, WireFormat>();

  constructor(projection: Projection | undefined, key: EventKey) {
    this.#projection = projection;
    this.#text = `patch ${key.text}`;
    this.#coding = {
      keyOf: (event) => key.keyOf(event),
      valueOf: (event) => treeOf(this.#whole(event)),
      change: (event, value, base, before) => changeOf(event, value as Tree, base, before as Tree),
    };
  }

  /** A format whose events may be changes; the same object each time. */
  format(base: WireFormat): WireFormat {
    let format = this.#formats.get(base);
    if (format === undefined) this.#formats.set(base, (format = this.#derive(base)));
    return format;
  }

  /** Events of one page: the first of each key whole, the others as changes where that is shorter. */
  apply(events: readonly Event[]): readonly Event[] {
    const changes = new Changes(this.#coding);
    changes.add(events);
    return events.map((event) => changes.of(event) ?? this.#whole(event));
  }

  #derive(base: WireFormat): WireFormat {
    const whole = this.#projection?.format(base) ?? base;
    return {
      name: `${whole.name} ${this.#text}`,
      encode: (event) => (Object.hasOwn(event.extensions, 'base') ? this.#whole(event).frame(base) : event.frame(whole)),
      encodeGap: (gap) => base.encodeGap(gap),
      changes: { coding: this.#coding, encode: (change) => change.frame(base) },
    };
  }

  /** The event as it goes without a change, and without a `base` of its own, which would make a change of it. */
  #whole(event: Event): Event {
    const seen = this.#projection === undefined ? event : this.#projection.apply(event);
    if (!Object.hasOwn(seen.extensions, 'base')) return seen;
    const { base: _base, ...extensions } = seen.extensions;
    return seen.with({ extensions });
  }
}

/** `patch`, of which there is only one; throws BAD_REQUEST. */
export function readDelta(text: string): 'patch' {
  if (text === 'patch') return text;
  throw new GatewayError('BAD_REQUEST', 'delta takes the word patch: events then come as JSON Patches where that is shorter.');
}

function treeOf({ data, dataKind }: Event): Tree | undefined {
  if (data === undefined || dataKind !== 'json' || data.byteLength > mostDataBytes) return undefined;
  const value = readTree(data);
  return value === undefined ? undefined : { value, length: data.byteLength, bytes: data.byteLength * treeFactor };
}

function changeOf(event: Event, to: Tree, base: Position, from: Tree): Event | undefined {
  const limit = to.length - attributeBytes;
  const patch = writePatch(from.value, to.value, limit);
  if (patch === undefined) return undefined;
  const data = Buffer.from(patch, 'utf8');
  if (data.byteLength >= limit) return undefined;
  return event.with({ data, datacontenttype: patchType, dataschema: undefined, extensions: { ...event.extensions, base } });
}
