import type { Contract, MessageSchema } from './contract.ts';
import type { Part } from './part.ts';
import type { MessageRules } from './read-message.ts';

type Shared = Pick<
  Contract,
  'name' | 'specification' | 'title' | 'version' | 'description' | 'defaultContentType' | 'schemas' | 'securitySchemes'
>;

/** What every version of the specification writes in the same place. */
export function readDocument(root: Part, name: string, rules: MessageRules): Shared {
  const info = root.get('info');
  const components = root.get('components');
  return {
    name,
    specification: root.text('asyncapi') ?? '',
    title: info?.text('title') ?? '',
    version: info?.text('version') ?? '',
    description: info?.text('description'),
    defaultContentType: root.text('defaultContentType'),
    schemas: Object.fromEntries(components === undefined ? [] : readSchemas(components, rules)),
    securitySchemes: Object.fromEntries((components?.parts('securitySchemes') ?? []).map(([key, part]) => [key, part.spot.value])),
  };
}

function readSchemas(components: Part, rules: MessageRules): readonly (readonly [string, MessageSchema])[] {
  return components.children('schemas').map(([key, spot]) => {
    const part = rules.formatBesideSchema ? components.get('schemas')?.get(key) : undefined;
    const schema = part?.raw('schema');
    if (part === undefined || schema === undefined) return [key, rules.bundler.bundle(spot, rules.defaultFormat)] as const;
    return [key, rules.bundler.bundle(schema, part.text('schemaFormat') ?? rules.defaultFormat)] as const;
  });
}
