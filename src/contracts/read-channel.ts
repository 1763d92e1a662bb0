import type { ChannelParameter, ContractChannel, ContractMessage } from './contract.ts';
import { normaliseAddress, parseAddress } from './channel-address.ts';
import { linearPattern } from './linear-pattern.ts';
import type { Part } from './part.ts';
import { quote } from './problem.ts';
import type { ProblemList } from './problem.ts';
import type { References, Spot } from './references.ts';

/** A channel while it is read: directions and messages come from its operations. */
export interface ChannelDraft {
  readonly id: string;
  /** Where the address is written. */
  readonly spot: Spot;
  readonly part: Part;
  readonly address: string | undefined;
  readonly parameters: readonly ChannelParameter[];
  readonly servers: readonly string[];
  /** By the place where each is defined. */
  readonly messages: Map<string, ContractMessage>;
  readonly sends: Set<string>;
  readonly receives: Set<string>;
  readonly security: Set<string>;
  send: boolean;
  receive: boolean;
}

/** The normalised address; notes a problem when it cannot be routed. */
export function readAddress(spot: Spot, address: string, references: References, of: 'key' | 'value'): string | undefined {
  const normal = normaliseAddress(address);
  const template = parseAddress(normal);
  if (typeof template !== 'string') return normal;
  references.problems.add(spot.document.problem(spot.path, 'address', `The address ${quote(address)} ${template}.`, { key: of === 'key' }));
  return undefined;
}

/** Parameters of version 3 hold `enum` and `default` themselves, those of version 2 a schema. */
export function readParameters(part: Part, problems: ProblemList): readonly ChannelParameter[] {
  return part.parts('parameters', 'parameter').map(([name, parameter]) => {
    const rule = parameter.get('schema') ?? parameter;
    const allowed = rule.raw('enum')?.value ?? (rule.raw('const') === undefined ? undefined : [rule.raw('const')?.value]);
    const type = rule.text('type');
    const fallback = rule.raw('default')?.value;
    return {
      name,
      description: parameter.text('description'),
      enum: Array.isArray(allowed) ? allowed.map(textOf) : undefined,
      default: fallback === undefined ? undefined : textOf(fallback),
      type: type === 'integer' || type === 'number' || type === 'boolean' || type === 'string' ? type : undefined,
      pattern: readPattern(rule, problems),
      minLength: rule.number('minLength'),
      maxLength: rule.number('maxLength'),
      minimum: rule.number('minimum'),
      maximum: rule.number('maximum'),
    };
  });
}

/** A parameter is text in a URL, whatever type its schema gives it. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function readPattern(rule: Part, problems: ProblemList): string | undefined {
  const pattern = rule.text('pattern');
  if (pattern === undefined) return undefined;
  try {
    linearPattern(pattern);
    return pattern;
  } catch (thrown) {
    const { document, path } = rule.spot;
    problems.add(document.problem([...path, 'pattern'], 'pattern', (thrown as Error).message));
    return undefined;
  }
}

/** Adds a message used in a direction and returns its id, made unique within the channel. */
export function addMessage(channel: ChannelDraft, place: string, read: () => ContractMessage): string {
  const known = channel.messages.get(place);
  if (known !== undefined) return known.id;
  const message = read();
  const taken = new Set([...channel.messages.values()].map((other) => other.id));
  let id = message.id;
  for (let number = 2; taken.has(id); number += 1) id = `${message.id}-${number}`;
  channel.messages.set(place, id === message.id ? message : { ...message, id });
  return id;
}

/** Finished channels. Those with the very same address become one, since one URL is one channel; `ids` leads from every id to the one it became. */
export function finishChannels(
  drafts: readonly ChannelDraft[],
  problems: ProblemList,
): { channels: readonly ContractChannel[]; ids: ReadonlyMap<string, string> } {
  const ids = new Map<string, string>();
  const byAddress = new Map<string, ChannelDraft>();
  const kept: ChannelDraft[] = [];
  for (const draft of drafts) {
    const first = draft.address === undefined ? undefined : byAddress.get(draft.address);
    ids.set(draft.id, first?.id ?? draft.id);
    if (first === undefined) {
      kept.push(draft);
      if (draft.address !== undefined) byAddress.set(draft.address, draft);
      continue;
    }
    merge(first, draft);
    const sentence = `The channel ${quote(draft.id)} has the same address as ${quote(first.id)}; both are served as one channel.`;
    problems.add(draft.spot.document.problem(draft.spot.path, 'duplicate-address', sentence, { severity: 'warning' }));
  }
  return { channels: kept.map(finish), ids };
}

function merge(into: ChannelDraft, from: ChannelDraft): void {
  const renamed = new Map<string, string>();
  for (const [place, message] of from.messages)
    renamed.set(
      message.id,
      addMessage(into, place, () => message),
    );
  for (const id of from.sends) into.sends.add(renamed.get(id) ?? id);
  for (const id of from.receives) into.receives.add(renamed.get(id) ?? id);
  for (const name of from.security) into.security.add(name);
  into.send ||= from.send;
  into.receive ||= from.receive;
}

function finish(draft: ChannelDraft): ContractChannel {
  return {
    id: draft.id,
    address: draft.address,
    title: draft.part.text('title'),
    description: draft.part.text('description') ?? draft.part.text('summary'),
    parameters: draft.parameters,
    tags: draft.part.tags(),
    bindings: draft.part.object('bindings'),
    servers: draft.servers,
    send: draft.send,
    receive: draft.receive,
    messages: [...draft.messages.values()],
    sends: [...draft.sends],
    receives: [...draft.receives],
    security: [...draft.security],
    origin: draft.part.origin,
  };
}
