import { setImmediate } from 'node:timers/promises';
import type { ErrorObject, ValidateFunction } from 'ajv';
import type { ThreadLimits } from './bounded-thread.ts';
import { TooExpensive } from './check-budget.ts';
import type { Contract, ContractChannel, ContractMessage, MessageSchema } from './contract.ts';
import { problemAt } from './contract-places.ts';
import { ContractError, finish, quote, quoteList } from './problem.ts';
import type { Problem } from './problem.ts';
import { SchemaCompiler } from './schema-compiler.ts';
import { causesOf, sentenceOf } from './schema-error.ts';
import { trialCompile, trialLimits } from './trial-compile.ts';

/** What an event is checked by; core's `EventDraft` is one. */
export interface CheckedEvent {
  readonly type: string;
  readonly data?: Uint8Array | undefined;
  readonly dataKind: 'json' | 'text' | 'binary';
  readonly datacontenttype?: string | undefined;
}

/** One way in which an event breaks the contract. */
export interface Violation {
  /** JSON pointer into the CloudEvent: `/type`, `/data`, `/data/items/0/price`. */
  readonly path: string;
  readonly sentence: string;
  /** The rule of the schema, or `type-unknown`, `not-json`, `too-expensive`. */
  readonly keyword: string;
}

/** A message whose data is passed through, and why. */
export interface NotChecked {
  readonly channel: string;
  readonly message: string;
  /** The schema language. */
  readonly format: string;
}

/** Which of a channel's messages an event may be: those the provider sends, or those it receives. */
export type Direction = 'send' | 'receive';

const mostViolations = 20;
const mostSentenceCharacters = 300;
/** Larger events are told their first violation only: collecting all costs memory per violation. */
const mostBytesCollected = 64 * 1024;

interface CompiledMessage {
  readonly message: ContractMessage;
  readonly schema: CompiledSchema | undefined;
}

interface CompiledSchema {
  readonly first: ValidateFunction;
  /** Compiled when the first event breaks it. */
  all: ValidateFunction | undefined;
  readonly source: MessageSchema;
}

interface CompiledChannel {
  readonly send: ReadonlyMap<string, readonly CompiledMessage[]>;
  readonly receive: ReadonlyMap<string, readonly CompiledMessage[]>;
  readonly either: ReadonlyMap<string, readonly CompiledMessage[]>;
}

/** Checks events against the messages of their channel, each in bounded time whatever the contract and the event are. */
export class EventChecker {
  readonly notChecked: readonly NotChecked[];
  readonly #channels: ReadonlyMap<string, CompiledChannel>;
  readonly #compiler: SchemaCompiler;

  constructor(channels: ReadonlyMap<string, CompiledChannel>, notChecked: readonly NotChecked[], compiler: SchemaCompiler) {
    this.#channels = channels;
    this.notChecked = notChecked;
    this.#compiler = compiler;
  }

  /** At most 20 violations, or undefined when there are none. A channel without messages takes everything. */
  check(channel: ContractChannel, event: CheckedEvent, direction?: Direction): readonly Violation[] | undefined {
    const compiled = this.#channels.get(channel.id);
    if (compiled === undefined || channel.messages.length === 0) return undefined;
    const types = compiled[direction ?? 'either'];
    const candidates = types.get(event.type);
    if (candidates === undefined) return [unknownType(channel, event.type, types)];
    let violations: readonly Violation[] | undefined;
    for (const candidate of candidates) {
      const found = this.#checkData(candidate, event);
      if (found === undefined) return undefined;
      violations ??= found;
    }
    return violations;
  }

  #checkData({ message, schema }: CompiledMessage, event: CheckedEvent): readonly Violation[] | undefined {
    if (schema === undefined) return undefined;
    if (event.data === undefined) {
      return [
        { path: '/data', sentence: `The event must have data: the message ${quote(message.id)} has a payload.`, keyword: 'required' },
      ];
    }
    const text = Buffer.from(event.data.buffer, event.data.byteOffset, event.data.byteLength);
    if (event.dataKind !== 'json') {
      if (message.contentType !== undefined && isJson(message.contentType)) return [notJson(message, event)];
      return event.dataKind === 'binary' ? undefined : this.#validate(schema, text.toString('utf8'), text.length);
    }
    let value: unknown;
    try {
      value = JSON.parse(text.toString('utf8'));
    } catch {
      return [{ path: '/data', sentence: 'The data is not well-formed JSON.', keyword: 'not-json' }];
    }
    return this.#validate(schema, value, text.length);
  }

  #validate(schema: CompiledSchema, value: unknown, bytes: number): readonly Violation[] | undefined {
    try {
      this.#compiler.budget.reset();
      if (schema.first(value)) return undefined;
      if (bytes > mostBytesCollected) return violationsOf(schema.first.errors);
      schema.all ??= this.#compiler.compile(schema.source, 'all');
      this.#compiler.budget.reset();
      return schema.all(value) ? violationsOf(schema.first.errors) : violationsOf(schema.all.errors);
    } catch (thrown) {
      if (!(thrown instanceof TooExpensive) && !(thrown instanceof RangeError)) throw thrown;
      const sentence = 'The data takes too long to check against its schema; send less of it, or nest it less.';
      return [{ path: '/data', sentence, keyword: 'too-expensive' }];
    }
  }
}

function unknownType(channel: ContractChannel, type: string, types: ReadonlyMap<string, readonly CompiledMessage[]>): Violation {
  const known = [...new Set([...types.values()].flat().map((each) => each.message.types[0] ?? each.message.id))];
  const remedy = known.length === 0 ? 'none may be published here' : `known: ${quoteList(known)}`;
  return {
    path: '/type',
    sentence: cut(`The channel ${quote(channel.id)} has no message of the type ${quote(type)}; ${remedy}.`, 1200),
    keyword: 'type-unknown',
  };
}

function notJson(message: ContractMessage, event: CheckedEvent): Violation {
  const got = event.datacontenttype === undefined ? event.dataKind : quote(event.datacontenttype);
  return { path: '/data', sentence: `The data must be ${quote(message.contentType)}, not ${got}.`, keyword: 'not-json' };
}

function isJson(contentType: string): boolean {
  return /^[^;]*[/+]json\s*(;|$)/i.test(contentType);
}

function violationsOf(errors: readonly ErrorObject[] | null | undefined): readonly Violation[] {
  return causesOf(errors ?? [])
    .slice(0, mostViolations)
    .map((error) => {
      const path = cut(`/data${error.instancePath}`, mostSentenceCharacters);
      const subject = error.instancePath === '' ? 'The data' : quote(error.instancePath.slice(1).replaceAll('/', '.'));
      return { path, sentence: cut(finish(`${subject} ${sentenceOf(error)}`), mostSentenceCharacters), keyword: error.keyword };
    });
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** Compiles the payload schemas of a contract, first on trial in a thread with limits. Rejects with ContractError naming each schema that cannot be used. */
export async function compileChecker(contract: Contract, limits: ThreadLimits = trialLimits): Promise<EventChecker> {
  const schemas = checkable(contract);
  const faults = await trialCompile(schemas, limits);
  const problems = schemas.flatMap((schema, index) => problemsOf(contract, schema, faults[index] ?? []));
  if (problems.length > 0) throw new ContractError(problems.slice(0, 50));
  const compiler = new SchemaCompiler();
  const compiled = new Map<MessageSchema, CompiledSchema>();
  for (const schema of schemas) {
    compiled.set(schema, { first: compiler.compile(schema, 'first'), all: undefined, source: schema });
    await setImmediate();
  }
  const channels = new Map(contract.channels.map((channel) => [channel.id, compileChannel(channel, compiled)]));
  return new EventChecker(channels, notCheckedOf(contract), compiler);
}

function checkable(contract: Contract): readonly MessageSchema[] {
  const payloads = contract.channels.flatMap((channel) => channel.messages.flatMap((message) => message.payload ?? []));
  return [...new Set(payloads)].filter((schema) => schema.dialect !== undefined);
}

function problemsOf(
  contract: Contract,
  schema: MessageSchema,
  faults: Awaited<ReturnType<typeof trialCompile>>[number],
): readonly Problem[] {
  return faults.map((fault) => {
    const origin = schema.origins[fault.definition] ?? schema.origin;
    return problemAt(contract, origin, fault.steps, 'error', fault.code, fault.sentence);
  });
}

function compileChannel(channel: ContractChannel, compiled: ReadonlyMap<MessageSchema, CompiledSchema>): CompiledChannel {
  const messages = channel.messages.map((message) => ({
    message,
    schema: message.payload === undefined ? undefined : compiled.get(message.payload),
  }));
  const byType = (ids: readonly string[]): ReadonlyMap<string, readonly CompiledMessage[]> => {
    const wanted = new Set(ids);
    const typed = messages
      .filter((each) => wanted.has(each.message.id))
      .flatMap((each) => each.message.types.map((type) => ({ type, each })));
    return new Map([...Map.groupBy(typed, ({ type }) => type)].map(([type, group]) => [type, group.map(({ each }) => each)]));
  };
  return { send: byType(channel.sends), receive: byType(channel.receives), either: byType(channel.messages.map((message) => message.id)) };
}

function notCheckedOf(contract: Contract): readonly NotChecked[] {
  return contract.channels.flatMap((channel) =>
    channel.messages.flatMap(({ id, payload }) =>
      payload === undefined || payload.dialect !== undefined ? [] : [{ channel: channel.id, message: id, format: payload.format }],
    ),
  );
}

/** What an event sent without an envelope gets: a type, when exactly one message goes that way there. */
export function defaultsFor(channel: ContractChannel, direction: Direction = 'receive'): { readonly type: string | undefined } {
  const ids = direction === 'receive' ? channel.receives : channel.sends;
  const [only, ...others] = channel.messages.filter((message) => ids.includes(message.id));
  return { type: only === undefined || others.length > 0 ? undefined : only.types[0] };
}
