import type { ContractMessage, MessageExample, MessageSchema } from './contract.ts';
import type { Part } from './part.ts';
import { originOf } from './schema-bundle.ts';
import type { SchemaBundler } from './schema-bundle.ts';
import type { Spot } from './references.ts';

/** What differs between the versions of the specification, and what all messages of a document share. */
export interface MessageRules {
  readonly bundler: SchemaBundler;
  readonly defaultFormat: string;
  readonly defaultContentType: string | undefined;
  /** Version 2 lets traits win over the message, version 3 the message over its traits. */
  readonly traitsWin: boolean;
  /** Version 3 puts the format beside the schema, version 2 into the message. */
  readonly formatBesideSchema: boolean;
}

/** Reads one message; `key` is its name where it is used, and becomes its id. */
export function readMessage(part: Part, key: string, rules: MessageRules): ContractMessage {
  const traits = part.parts('traits', 'messageTrait').map(([, trait]) => trait);
  const sources = rules.traitsWin ? [...traits.toReversed(), part] : [part, ...traits.toReversed()];
  const text = (name: string): string | undefined => first(sources, (source) => source.text(name));
  const holder = (name: string): Part | undefined => sources.find((source) => source.raw(name) !== undefined);
  const name = text('name');
  const candidates = [name, part.text('messageId'), key, componentName(part)];
  return {
    id: key,
    name,
    title: text('title'),
    description: text('description') ?? text('summary'),
    types: [...new Set(candidates.filter((candidate) => candidate !== undefined && candidate !== ''))] as string[],
    contentType: text('contentType') ?? rules.defaultContentType,
    payload: readSchema(part, 'payload', rules),
    headers: readSchema(holder('headers'), 'headers', rules),
    examples: sources.flatMap(readExamples),
    tags: [...new Set(sources.flatMap((source) => source.tags()))],
    bindings: holder('bindings')?.object('bindings') ?? {},
    origin: part.origin,
  };
}

/** The name of the component, or of the definition in another file, that a message is. */
export function componentName(part: Part): string | undefined {
  const { path } = part.spot;
  return path[0] === 'components' || path.length === 1 ? path.at(-1) : undefined;
}

function first<T, R>(sources: readonly T[], read: (source: T) => R | undefined): R | undefined {
  for (const source of sources) {
    const value = read(source);
    if (value !== undefined) return value;
  }
  return undefined;
}

function readSchema(part: Part | undefined, key: 'payload' | 'headers', rules: MessageRules): MessageSchema | undefined {
  const spot = part?.raw(key);
  if (part === undefined || spot === undefined) return undefined;
  if (!rules.formatBesideSchema) {
    return rules.bundler.bundle(spot, (key === 'payload' ? part.text('schemaFormat') : undefined) ?? rules.defaultFormat);
  }
  return readMultiFormat(spot, part, key, rules);
}

function readMultiFormat(spot: Spot, part: Part, key: string, rules: MessageRules): MessageSchema | undefined {
  const target = part.get(key);
  const schema = target?.raw('schema');
  if (target === undefined) return undefined;
  if (schema === undefined) return rules.bundler.bundle(spot, rules.defaultFormat);
  return rules.bundler.bundle(schema, target.text('schemaFormat') ?? rules.defaultFormat);
}

function readExamples(source: Part): readonly MessageExample[] {
  return source.parts('examples').map(([, example]) => {
    const payload = example.raw('payload');
    return {
      name: example.text('name'),
      payload: payload?.value,
      hasPayload: payload !== undefined,
      origin: originOf(payload ?? example.spot),
    };
  });
}
