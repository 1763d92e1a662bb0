import { randomUUID } from 'node:crypto';
import type { EventChecker } from '../../contracts/event-checker.ts';
import { sampleEvent, type SampledEvent } from '../../contracts/sample-event.ts';
import { parseJson } from '../client/json.ts';
import { CliError } from '../exit-code.ts';
import { printable } from '../output.ts';
import { eventAddress } from './event-address.ts';
import { typeOf, type KnownEvent } from './find-event.ts';
import { setMember, type Assignment } from './set-member.ts';

/** What somebody wants of the events, besides their type. */
export interface EventWishes {
  /** Undefined: one of the channel's is made. */
  readonly address: string | undefined;
  readonly parameters: ReadonlyMap<string, string>;
  /** Instead of a sample. */
  readonly data: string | undefined;
  readonly assignments: readonly Assignment[];
  readonly subject: string | undefined;
  readonly source: string;
}

export interface MadeEvent {
  readonly address: string;
  /** `example`, `schema`, `nothing` or `--data`. */
  readonly from: string;
  readonly id: string;
  /** The CloudEvent as JSON. */
  readonly text: string;
}

/** Makes events of one message, each checked by its contract. */
export class EventMaker {
  readonly #event: KnownEvent;
  readonly #checker: EventChecker;
  readonly #wishes: EventWishes;

  /** The checker is compiled from the event's contract. */
  constructor(event: KnownEvent, checker: EventChecker, wishes: EventWishes) {
    this.#event = event;
    this.#checker = checker;
    this.#wishes = wishes;
  }

  /** Throws CliError for data that breaks the contract, or that cannot be made. */
  async make(turn: number, seed: number): Promise<MadeEvent> {
    const { from, event } = await this.#data(turn, seed);
    const { address: chosen, parameters, source, subject } = this.#wishes;
    const text = event.data === undefined ? undefined : Buffer.from(event.data).toString('utf8');
    const json = event.dataKind === 'json' && text !== undefined ? parseJson(text) : undefined;
    if (event.dataKind === 'json' && text !== undefined && json === undefined) throw new CliError('invalid', 'The data is not JSON.');
    const [violation] = this.#checker.check(this.#event.channel, event) ?? [];
    if (violation !== undefined) throw new CliError('invalid', printable(violation.sentence), { details: violation });
    const address = chosen ?? eventAddress(this.#event, parameters, json?.value, seed);
    const head = {
      specversion: '1.0',
      id: randomUUID(),
      source,
      type: event.type,
      ...(subject === undefined ? {} : { subject }),
      time: new Date().toISOString(),
      ...(event.datacontenttype === undefined ? {} : { datacontenttype: event.datacontenttype }),
    };
    const data = text === undefined ? '' : `,"data":${json === undefined ? JSON.stringify(text) : text}`;
    return { address, from, id: head.id, text: `${JSON.stringify(head).slice(0, -1)}${data}}` };
  }

  async #data(turn: number, seed: number): Promise<{ readonly from: string; readonly event: SampledEvent }> {
    const { message, channel } = this.#event;
    const type = typeOf(this.#event);
    const isText = /^text\//i.test(message.contentType ?? '');
    const { data } = this.#wishes;
    if (data !== undefined) {
      const datacontenttype = message.contentType ?? 'application/json';
      const event: SampledEvent = { type, data: Buffer.from(data), dataKind: isText ? 'text' : 'json', datacontenttype };
      return { from: '--data', event: this.#changed(event) };
    }
    const sample = await sampleEvent({ channel, message, checker: this.#checker, seed, turn });
    if (!sample.ok) throw new CliError('invalid', printable(`${sample.sentence} Or give the data with --data.`));
    return { from: sample.from, event: this.#changed(sample.event) };
  }

  #changed(event: SampledEvent): SampledEvent {
    const { assignments } = this.#wishes;
    if (assignments.length === 0) return event;
    if (event.dataKind === 'text') throw new CliError('usage', 'The data is a text, which has no members for --set.');
    const start = event.data === undefined ? undefined : parseJson(Buffer.from(event.data).toString('utf8'));
    if (event.data !== undefined && start === undefined) throw new CliError('invalid', 'The data is not JSON.');
    const data = assignments.reduce<unknown>(setMember, start?.value);
    return {
      ...event,
      data: Buffer.from(JSON.stringify(data)),
      dataKind: 'json',
      datacontenttype: event.datacontenttype ?? 'application/json',
    };
  }
}
