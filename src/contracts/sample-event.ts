import { setImmediate } from 'node:timers/promises';
import type { ContractChannel, ContractMessage, MessageSchema } from './contract.ts';
import type { CheckedEvent, Direction, EventChecker, Violation } from './event-checker.ts';
import { quote } from './problem.ts';
import { sampleSchema, type SampleFault } from './sample-schema.ts';

export interface SampleRequest {
  readonly channel: ContractChannel;
  /** One of the channel's. */
  readonly message: ContractMessage;
  /** Compiled from the same contract. */
  readonly checker: EventChecker;
  /** Which way the event goes; left out: either. */
  readonly direction?: Direction | undefined;
  /** The same seed gives the same sample for ever. */
  readonly seed: number;
  /** Of several examples that hold, the one to take, counted from 0 and over again; 0 when left out. */
  readonly turn?: number | undefined;
}

/** What an event of a message looks like. It has no id, source and time yet. */
export interface SampledEvent extends CheckedEvent {
  readonly data: Uint8Array | undefined;
  readonly datacontenttype: string | undefined;
}

export type Sample =
  /** `from` says where its data comes from: an example of the contract, its schema, or `nothing` when the message has none. */
  | {
      readonly ok: true;
      readonly event: SampledEvent;
      readonly from: 'example' | 'schema' | 'nothing';
      readonly example?: string | undefined;
    }
  | { readonly ok: false; readonly sentence: string };

const mostExamples = 100;
/** A sample of more bytes is of no use to people. */
const mostBytes = 1024 * 1024;

/**
 * An event as a message's contract describes it: from the first of its examples that hold, else made from its JSON Schema, and in
 * either case checked as if it were published. Bounded in time and size however hostile the contract; other work goes on between two tries.
 */
export async function sampleEvent(request: SampleRequest): Promise<Sample> {
  const { message } = request;
  const type = message.types[0] ?? message.id;
  const named = quote(type);
  const kind = dataKindOf(message);
  if (kind === undefined) return refusal(`${named} is ${quote(message.contentType)}, and samples are JSON or text.`);
  const fromExample = await exampleOf(request, type, kind);
  if ('ok' in fromExample) return fromExample;
  const { payload } = message;
  if (payload === undefined) return judge(request, { type, data: undefined, dataKind: 'binary', datacontenttype: undefined }, 'nothing');
  if (payload.dialect === undefined) {
    return refusal(`The schema of ${named} is ${quote(payload.format)}, and samples are made from JSON Schema only; give it an example.`);
  }
  const made = await fromSchema(request, payload, type, kind);
  if (made.ok) return made;
  const examples = fromExample.fault === undefined ? '' : ` Its examples do not hold either: ${fromExample.fault}`;
  return refusal(`No event ${named} could be made from its schema: ${made.sentence}${examples} An example in the contract would help.`);
}

type Kind = 'json' | 'text';

function dataKindOf({ contentType }: ContractMessage): Kind | undefined {
  if (contentType === undefined || /^[^;]*[/+]json\s*(;|$)/i.test(contentType)) return 'json';
  return /^text\//i.test(contentType) ? 'text' : undefined;
}

async function exampleOf(request: SampleRequest, type: string, kind: Kind): Promise<Holding | { readonly fault: string | undefined }> {
  const holding: Holding[] = [];
  const { turn = 0 } = request;
  let fault: string | undefined;
  for (const example of request.message.examples.filter(({ hasPayload }) => hasPayload).slice(0, mostExamples)) {
    const sample = judge(request, eventOf(request.message, type, kind, example.payload), 'example');
    if (sample.ok) holding.push({ ...sample, example: example.name });
    else fault ??= sample.sentence;
    if (holding.length > turn) break;
    await setImmediate();
  }
  return holding[turn % Math.max(1, holding.length)] ?? { fault };
}

async function fromSchema(request: SampleRequest, payload: MessageSchema, type: string, kind: Kind): Promise<Sample> {
  const judged = (value: unknown): Judged => judge(request, eventOf(request.message, type, kind, value), 'schema');
  const found = await sampleSchema(payload, request.seed, (value) => {
    const sample = judged(value);
    return sample.ok ? undefined : sample;
  });
  return 'value' in found ? judged(found.value) : refusal(found.sentence);
}

type Holding = Extract<Sample, { readonly ok: true }>;
type Judged = Holding | ({ readonly ok: false } & SampleFault);

function judge(
  { channel, checker, direction }: SampleRequest,
  event: SampledEvent | string,
  from: 'example' | 'schema' | 'nothing',
): Judged {
  if (typeof event === 'string') return { ok: false, sentence: event, hopeless: false };
  if ((event.data?.byteLength ?? 0) > mostBytes)
    return { ok: false, sentence: `It would have more than ${mostBytes} bytes.`, hopeless: false };
  const [violation] = checker.check(channel, event, direction) ?? [];
  return violation === undefined ? { ok: true, event, from } : { ok: false, sentence: violation.sentence, hopeless: isHopeless(violation) };
}

/** Another try would meet the same fault, or take as long. */
function isHopeless({ keyword }: Violation): boolean {
  return keyword === 'too-expensive' || keyword === 'type-unknown' || keyword === 'not-json';
}

/** The event with this data, or why it cannot be its data. */
function eventOf(message: ContractMessage, type: string, kind: Kind, payload: unknown): SampledEvent | string {
  if (kind === 'json') {
    const text = JSON.stringify(payload) as string | undefined;
    if (text === undefined) return 'It is no JSON value.';
    return { type, data: Buffer.from(text), dataKind: 'json', datacontenttype: message.contentType ?? 'application/json' };
  }
  if (typeof payload !== 'string') return `Its data is ${quote(message.contentType)}, but the value is no text.`;
  return { type, data: Buffer.from(payload), dataKind: 'text', datacontenttype: message.contentType };
}

function refusal(sentence: string): { readonly ok: false; readonly sentence: string } {
  return { ok: false, sentence };
}
