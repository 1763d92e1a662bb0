import type { Problem } from './problem.ts';

/** JSON Schema drafts that event data is checked by. */
export type Dialect = 'draft-07' | '2019-09' | '2020-12';

/** Where a part of the contract was written. */
export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** JSON pointer within the file. */
  readonly path: string;
}

/** A schema of a payload or of headers. */
export interface MessageSchema {
  /** As written, or the default of AsyncAPI. */
  readonly format: string;
  /** Undefined: another schema language, passed through and not checked. */
  readonly dialect: Dialect | undefined;
  /** For JSON Schema a bundle: `$ref` to one of its own `definitions`, which need nothing outside. For others the value as written. */
  readonly schema: unknown;
  readonly origin: Origin;
  /** Where each of the bundle's `definitions` was written, by its name. */
  readonly origins: Readonly<Record<string, Origin>>;
}

export interface MessageExample {
  readonly name: string | undefined;
  readonly payload: unknown;
  readonly hasPayload: boolean;
  readonly origin: Origin;
}

export interface ContractMessage {
  /** Unique within its channel. */
  readonly id: string;
  readonly name: string | undefined;
  readonly title: string | undefined;
  readonly description: string | undefined;
  /** Event types it goes by, the first one preferred: its name, its id, the name of the component it is. */
  readonly types: readonly string[];
  readonly contentType: string | undefined;
  readonly payload: MessageSchema | undefined;
  readonly headers: MessageSchema | undefined;
  readonly examples: readonly MessageExample[];
  readonly tags: readonly string[];
  readonly bindings: Readonly<Record<string, unknown>>;
  readonly origin: Origin;
}

/** What one parameter of an address may be. */
export interface ChannelParameter {
  readonly name: string;
  readonly description: string | undefined;
  readonly enum: readonly string[] | undefined;
  readonly default: string | undefined;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | undefined;
  /** Regular expression, matched in linear time. */
  readonly pattern: string | undefined;
  /** In characters. */
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
}

export interface ContractChannel {
  readonly id: string;
  /** Template without a leading slash; undefined when it is known only at run time (reply channels), and then not routed. */
  readonly address: string | undefined;
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly parameters: readonly ChannelParameter[];
  readonly tags: readonly string[];
  readonly bindings: Readonly<Record<string, unknown>>;
  /** Names of the servers it is on; empty: all. */
  readonly servers: readonly string[];
  /** The provider sends here: clients may read. */
  readonly send: boolean;
  /** The provider receives here: clients may publish. */
  readonly receive: boolean;
  readonly messages: readonly ContractMessage[];
  /** Ids of the messages of each direction. */
  readonly sends: readonly string[];
  readonly receives: readonly string[];
  /** Names of security schemes of its operations. */
  readonly security: readonly string[];
  readonly origin: Origin;
}

export interface ContractReply {
  /** Id of the channel; undefined when the address comes with the request. */
  readonly channel: string | undefined;
  /** Runtime expression, as in `$message.header#/replyTo`. */
  readonly addressLocation: string | undefined;
  readonly messages: readonly string[];
}

export interface ContractOperation {
  readonly id: string;
  readonly action: 'send' | 'receive';
  readonly channel: string;
  readonly title: string | undefined;
  readonly summary: string | undefined;
  readonly description: string | undefined;
  readonly messages: readonly string[];
  readonly reply: ContractReply | undefined;
  readonly tags: readonly string[];
  readonly security: readonly string[];
  readonly bindings: Readonly<Record<string, unknown>>;
}

export interface ContractServer {
  readonly id: string;
  readonly url: string;
  readonly protocol: string;
  readonly protocolVersion: string | undefined;
  readonly description: string | undefined;
  readonly security: readonly string[];
  readonly tags: readonly string[];
  readonly bindings: Readonly<Record<string, unknown>>;
}

/** An AsyncAPI document as the gateway understands it: plain data, the same for every version of the specification. */
export interface Contract {
  readonly name: string;
  /** `2.6.0`, `3.0.0` or `3.1.0`. */
  readonly specification: string;
  readonly title: string;
  readonly version: string;
  readonly description: string | undefined;
  readonly defaultContentType: string | undefined;
  readonly tags: readonly string[];
  readonly servers: readonly ContractServer[];
  readonly channels: readonly ContractChannel[];
  readonly operations: readonly ContractOperation[];
  /** Component schemas by name. */
  readonly schemas: Readonly<Record<string, MessageSchema>>;
  /** Security schemes by name, as written. */
  readonly securitySchemes: Readonly<Record<string, unknown>>;
  /** What was odd and could be lived with. */
  readonly warnings: readonly Problem[];
}
