import type { Contract, ContractOperation, ContractReply, ContractServer } from './contract.ts';
import { Part } from './part.ts';
import type { Reading } from './part.ts';
import { quote, quoteList } from './problem.ts';
import { addMessage, finishChannels, readAddress, readParameters } from './read-channel.ts';
import type { ChannelDraft } from './read-channel.ts';
import { readDocument } from './read-document.ts';
import { readMessage } from './read-message.ts';
import type { MessageRules } from './read-message.ts';
import { referenceOf } from './references.ts';
import type { Spot } from './references.ts';
import { SchemaBundler } from './schema-bundle.ts';

/** Reads a document of version 3.0 or 3.1. */
export function readAsyncApi3(reading: Reading): Omit<Contract, 'warnings'> {
  const { references, official } = reading;
  const root = new Part(reading, references.root());
  const rules: MessageRules = {
    bundler: new SchemaBundler(references),
    defaultFormat: `application/vnd.aai.asyncapi;version=${official.version}`,
    defaultContentType: root.text('defaultContentType'),
    traitsWin: false,
    formatBesideSchema: true,
  };
  const channels = new Channels(reading, root, rules);
  const operations = root.parts('operations', 'operation').flatMap(([id, part]) => readOperation(id, part, channels) ?? []);
  const { channels: finished, ids } = finishChannels(channels.drafts, references.problems);
  const idOf = (id: string): string => ids.get(id) ?? id;
  return {
    ...readDocument(root, references.main.name, rules),
    tags: root.get('info')?.tags() ?? [],
    servers: root.parts('servers', 'server').map(([id, server]) => readServer(id, server)),
    channels: finished,
    operations: operations.map((operation) => {
      const reply =
        operation.reply?.channel === undefined ? operation.reply : { ...operation.reply, channel: idOf(operation.reply.channel) };
      return { ...operation, channel: idOf(operation.channel), reply };
    }),
  };
}

/** The channels of a document, found by what operations refer to. */
class Channels {
  readonly drafts: readonly ChannelDraft[];
  readonly reading: Reading;
  /** By where the channel is listed, and by where it is defined. */
  readonly #byPlace = new Map<string, ChannelDraft>();
  /** By channel and by where the message is listed or defined: its id. */
  readonly #messages = new Map<ChannelDraft, Map<string, string>>();

  constructor(reading: Reading, root: Part, rules: MessageRules) {
    this.reading = reading;
    this.drafts = root.children('channels').flatMap(([id, spot]) => {
      const part = Part.at(reading, spot, 'channel');
      if (part === undefined) return [];
      const draft = newDraft(id, spot, part, reading);
      this.#byPlace.set(placeOf(reading, spot), draft);
      this.#byPlace.set(part.id, draft);
      this.#messages.set(draft, readMessages(draft, reading, rules));
      return [draft];
    });
  }

  /** The channel that a member holding a reference names. */
  named(spot: Spot): ChannelDraft | undefined {
    const { references } = this.reading;
    const reference = referenceOf(spot.value);
    const direct = reference === undefined ? undefined : references.resolve(spot, reference);
    if (direct === undefined) return undefined;
    const target = Part.at(this.reading, direct, 'channel');
    const draft = this.#byPlace.get(placeOf(this.reading, direct)) ?? (target === undefined ? undefined : this.#byPlace.get(target.id));
    if (draft !== undefined) return draft;
    const sentence = `${quote(reference)} is not one of the channels of this document (${quoteList(this.drafts.map((each) => `#/channels/${each.id}`))}).`;
    references.problems.add(spot.document.problem([...spot.path, '$ref'], 'reference', sentence));
    return undefined;
  }

  /** Ids of the messages an operation or reply lists; all of its channel's when it lists none. */
  messages(part: Part, channel: ChannelDraft): readonly string[] {
    const known = this.#messages.get(channel) ?? new Map<string, string>();
    if (part.raw('messages') === undefined) return [...new Set(known.values())];
    return part.children('messages').flatMap(([, spot]) => {
      const reference = referenceOf(spot.value);
      const direct = reference === undefined ? undefined : this.reading.references.resolve(spot, reference);
      if (direct === undefined) return [];
      const target = Part.at(this.reading, direct, 'messageObject');
      const id = known.get(placeOf(this.reading, direct)) ?? (target === undefined ? undefined : known.get(target.id));
      if (id !== undefined) return [id];
      const sentence = `${quote(reference)} is not a message of the channel ${quote(channel.id)}; list it there, and refer to it as ${quote(`#/channels/${channel.id}/messages/…`)}.`;
      this.reading.references.problems.add(spot.document.problem([...spot.path, '$ref'], 'reference', sentence));
      return [];
    });
  }
}

function placeOf(reading: Reading, spot: Spot): string {
  return new Part(reading, spot).id;
}

function newDraft(id: string, spot: Spot, part: Part, reading: Reading): ChannelDraft {
  const written = part.raw('address');
  const address =
    written === undefined || typeof written.value !== 'string'
      ? undefined
      : readAddress(written, written.value, reading.references, 'value');
  return {
    id,
    spot: written ?? spot,
    part,
    address,
    parameters: readParameters(part, reading.references.problems),
    servers: part.parts('servers', 'server').map(([, server]) => server.spot.path.at(-1) ?? ''),
    messages: new Map(),
    sends: new Set(),
    receives: new Set(),
    security: new Set(),
    send: false,
    receive: false,
  };
}

function readMessages(draft: ChannelDraft, reading: Reading, rules: MessageRules): Map<string, string> {
  const ids = new Map<string, string>();
  for (const [key, spot] of draft.part.children('messages')) {
    const part = Part.at(reading, spot, 'messageObject');
    if (part === undefined) continue;
    const id = addMessage(draft, `${part.id} as ${key}`, () => readMessage(part, key, rules));
    ids.set(placeOf(reading, spot), id);
    ids.set(part.id, id);
  }
  return ids;
}

function readOperation(id: string, part: Part, channels: Channels): ContractOperation | undefined {
  const traits = part.parts('traits', 'operationTrait').map(([, trait]) => trait);
  const sources = [part, ...traits.toReversed()];
  const text = (key: string): string | undefined => sources.map((source) => source.text(key)).find((value) => value !== undefined);
  const named = part.raw('channel');
  const channel = named === undefined ? undefined : channels.named(named);
  const action = part.text('action');
  if (channel === undefined || (action !== 'send' && action !== 'receive')) return undefined;
  const messages = channels.messages(part, channel);
  const security = [...new Set(sources.flatMap(securityNames))];
  permit(channel, action, messages, security);
  return {
    id,
    action,
    channel: channel.id,
    title: text('title'),
    summary: text('summary'),
    description: text('description'),
    messages,
    reply: readReply(part, action, channel, channels),
    tags: [...new Set(sources.flatMap((source) => source.tags()))],
    security,
    bindings: sources.find((source) => source.raw('bindings') !== undefined)?.object('bindings') ?? {},
  };
}

/** A reply goes the other way: who receives a request sends its reply. */
function readReply(part: Part, action: 'send' | 'receive', request: ChannelDraft, channels: Channels): ContractReply | undefined {
  const reply = part.get('reply');
  if (reply === undefined) return undefined;
  const named = reply.raw('channel');
  const channel = named === undefined ? undefined : channels.named(named);
  const messages = channel === undefined && reply.raw('messages') === undefined ? [] : channels.messages(reply, channel ?? request);
  if (channel !== undefined) permit(channel, action === 'send' ? 'receive' : 'send', messages, []);
  return { channel: channel?.id, addressLocation: reply.get('address')?.text('location'), messages };
}

function permit(channel: ChannelDraft, action: 'send' | 'receive', messages: readonly string[], security: readonly string[]): void {
  const ids = action === 'send' ? channel.sends : channel.receives;
  for (const id of messages) ids.add(id);
  for (const name of security) channel.security.add(name);
  if (action === 'send') channel.send = true;
  else channel.receive = true;
}

function securityNames(part: Part): readonly string[] {
  return part.parts('security').flatMap(([, scheme]) => scheme.spot.path.at(-1) ?? []);
}

function readServer(id: string, part: Part): ContractServer {
  const protocol = part.text('protocol') ?? '';
  return {
    id,
    url: `${protocol}://${part.text('host') ?? ''}${part.text('pathname') ?? ''}`,
    protocol,
    protocolVersion: part.text('protocolVersion'),
    description: part.text('description'),
    security: securityNames(part),
    tags: part.tags(),
    bindings: part.object('bindings'),
  };
}
