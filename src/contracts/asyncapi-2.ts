import type { Contract, ContractOperation, ContractServer } from './contract.ts';
import { Part } from './part.ts';
import type { Reading } from './part.ts';
import { addMessage, finishChannels, readAddress, readParameters } from './read-channel.ts';
import type { ChannelDraft } from './read-channel.ts';
import { readDocument } from './read-document.ts';
import { componentName, readMessage } from './read-message.ts';
import type { MessageRules } from './read-message.ts';
import { SchemaBundler } from './schema-bundle.ts';

/** Reads a document of version 2.6: `subscribe` is what the provider sends, `publish` what it receives. */
export function readAsyncApi2(reading: Reading): Omit<Contract, 'warnings'> {
  const { references, official } = reading;
  const root = new Part(reading, references.root());
  const rules: MessageRules = {
    bundler: new SchemaBundler(references),
    defaultFormat: `application/vnd.aai.asyncapi;version=${official.version}`,
    defaultContentType: root.text('defaultContentType'),
    traitsWin: true,
    formatBesideSchema: false,
  };
  const operations: ContractOperation[] = [];
  const drafts = root.children('channels').flatMap(([address, spot]) => {
    const part = Part.at(reading, spot, 'channelItem');
    if (part === undefined) return [];
    const draft: ChannelDraft = {
      id: address,
      spot,
      part,
      address: readAddress(spot, address, references, 'key'),
      parameters: readParameters(part, references.problems),
      servers: part.texts('servers'),
      messages: new Map(),
      sends: new Set(),
      receives: new Set(),
      security: new Set(),
      send: false,
      receive: false,
    };
    for (const verb of ['subscribe', 'publish'] as const) {
      const operation = part.get(verb);
      if (operation !== undefined) operations.push(readOperation(draft, operation, verb, rules));
    }
    return [draft];
  });
  const { channels, ids } = finishChannels(drafts, references.problems);
  return {
    ...readDocument(root, references.main.name, rules),
    tags: root.tags(),
    servers: root.parts('servers', 'server').map(([id, server]) => readServer(id, server)),
    channels,
    operations: operations.map((operation) => ({ ...operation, channel: ids.get(operation.channel) ?? operation.channel })),
  };
}

function readOperation(draft: ChannelDraft, part: Part, verb: 'subscribe' | 'publish', rules: MessageRules): ContractOperation {
  const traits = part.parts('traits', 'operationTrait').map(([, trait]) => trait);
  const text = (key: string): string | undefined =>
    [...traits.toReversed(), part].map((source) => source.text(key)).find((value) => value !== undefined);
  const ids = messagesOf(part).map((message, index) => {
    const name =
      message.text('messageId') ?? message.text('name') ?? componentName(message) ?? `${verb}${index === 0 ? '' : `-${index + 1}`}`;
    return addMessage(draft, message.id, () => readMessage(message, name, rules));
  });
  const security = [part, ...traits].flatMap(securityNames);
  for (const name of security) draft.security.add(name);
  for (const id of ids) (verb === 'subscribe' ? draft.sends : draft.receives).add(id);
  if (verb === 'subscribe') draft.send = true;
  else draft.receive = true;
  return {
    id: text('operationId') ?? `${verb} ${draft.id}`,
    action: verb === 'subscribe' ? 'send' : 'receive',
    channel: draft.id,
    title: undefined,
    summary: text('summary'),
    description: text('description'),
    messages: ids,
    reply: undefined,
    tags: part.tags(),
    security,
    bindings: part.object('bindings'),
  };
}

/** A message, or each of a `oneOf` list of them. */
function messagesOf(operation: Part): readonly Part[] {
  const message = operation.get('message', 'message');
  if (message === undefined) return [];
  return message.raw('oneOf') === undefined ? [message] : message.parts('oneOf', 'message').map(([, part]) => part);
}

function securityNames(part: Part): readonly string[] {
  return part.parts('security').flatMap(([, requirement]) => Object.keys((requirement.spot.value as object | null) ?? {}));
}

function readServer(id: string, part: Part): ContractServer {
  return {
    id,
    url: part.text('url') ?? '',
    protocol: part.text('protocol') ?? '',
    protocolVersion: part.text('protocolVersion'),
    description: part.text('description'),
    security: securityNames(part),
    tags: part.tags(),
    bindings: part.object('bindings'),
  };
}
