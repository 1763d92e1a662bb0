import { GatewayError } from '../core/errors.ts';
import type { Event, WireFormat } from '../core/event.ts';
import { selectMembers, type MemberTree } from '../protocols/json/select-members.ts';
import { MemberPathError, readMemberTree, writeMemberTree } from './member-path.ts';

/** Only some members of the events' JSON data. Its formats are objects of their own, so that readers with equal projections share frames. */
export class Projection {
  /** Equal for equal projections. */
  readonly text: string;
  readonly #members: MemberTree;
  /** By the format they are derived from, of which there are only those the entrypoints know. */
  readonly #formats = new Map<WireFormat, WireFormat>();

  private constructor(members: MemberTree) {
    this.text = writeMemberTree(members);
    this.#members = members;
  }

  /** `a,b.c`; throws BAD_REQUEST. */
  static of(fields: string): Projection {
    try {
      return new Projection(readMemberTree(fields));
    } catch (error) {
      if (!(error instanceof MemberPathError)) throw error;
      throw new GatewayError('BAD_REQUEST', `fields cannot be read: ${error.message}.`, { cause: error });
    }
  }

  /** The event with these members of its data and all attributes; itself where the data is no JSON object or array. */
  apply(event: Event): Event {
    if (event.data === undefined || event.dataKind !== 'json') return event;
    const data = selectMembers(event.data, this.#members);
    return data === undefined ? event : event.with({ data });
  }

  /** A format in which events have these members only; the same object each time. */
  format(base: WireFormat): WireFormat {
    let format = this.#formats.get(base);
    if (format === undefined) this.#formats.set(base, (format = this.#derive(base)));
    return format;
  }

  #derive(base: WireFormat): WireFormat {
    return {
      name: `${base.name} ${this.text}`,
      encode: (event) => this.apply(event).frame(base),
      encodeGap: (gap) => base.encodeGap(gap),
    };
  }
}
