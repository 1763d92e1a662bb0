import type { Contract, ContractChannel, ContractMessage, MessageSchema, Origin } from '../../contracts/contract.ts';
import { etagOf, isDocument, type Document } from './document.ts';

/** The channels of a contract as its subscribers are told them: each is written once, and everybody gets those that are theirs. */
export class ChannelsDocument {
  /** Everything but the channels. */
  readonly #head: string;
  readonly #channels: ReadonlyMap<ContractChannel, string>;
  readonly #etag: string;

  private constructor(head: string, channels: ReadonlyMap<ContractChannel, string>) {
    this.#head = head;
    this.#channels = channels;
    this.#etag = etagOf([head, ...channels.values()].join('\n'));
  }

  /** Undefined where it would be too long to be handed out. */
  static of(contract: Contract): ChannelsDocument | undefined {
    const whole = shown(contract);
    if (!isDocument(whole)) return undefined;
    const { channels, ...head } = whole;
    return new ChannelsDocument(JSON.stringify(head), new Map(channels.map((one, at) => [contract.channels[at]!, JSON.stringify(one)])));
  }

  /** With these of the contract's channels alone. */
  with(channels: ReadonlySet<ContractChannel>): Document {
    const head = this.#head.slice(0, -1);
    const chosen = [...this.#channels].filter(([channel]) => channels.has(channel));
    return {
      etag: etagOf(`${this.#etag} ${JSON.stringify(chosen.map(([{ id }]) => id))}`),
      get text() {
        return `${head},"channels":[${chosen.map(([, text]) => text).join()}]}`;
      },
    };
  }
}

/** Without what is the provider's own: where it runs, how it is protected, how its files are called, and what was odd about them. */
function shown(contract: Contract): Contract {
  const channels = contract.channels.map((channel) => {
    const messages = channel.messages.map(shownMessage);
    return { ...channel, servers: [], security: [], bindings: {}, messages, origin: shownOrigin(channel.origin) };
  });
  return { ...contract, name: contract.title, channels, servers: [], operations: [], schemas: {}, securitySchemes: {}, warnings: [] };
}

function shownMessage(message: ContractMessage): ContractMessage {
  const { payload, headers, examples, origin } = message;
  return {
    ...message,
    payload: payload && shownSchema(payload),
    headers: headers && shownSchema(headers),
    examples: examples.map((example) => ({ ...example, origin: shownOrigin(example.origin) })),
    bindings: {},
    origin: shownOrigin(origin),
  };
}

function shownSchema(schema: MessageSchema): MessageSchema {
  return { ...schema, origin: shownOrigin(schema.origin), origins: {} };
}

/** The file is named as the operator named it, by a path of the machine perhaps. */
function shownOrigin(origin: Origin): Origin {
  return { ...origin, file: 'contract' };
}
