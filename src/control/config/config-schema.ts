import { configShape } from './config-shape.ts';
import type { JsonSchema } from './shape.ts';

/** JSON Schema of sluice.yaml for editors: what `schema/sluice.schema.json` holds. */
export function configSchema(): JsonSchema {
  const { properties, ...rest } = configShape.schema('file');
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://sluice.dev/schema/sluice.schema.json',
    title: 'Sluice configuration',
    ...rest,
    properties: withReferences(properties),
  };
}

/** In a file any value may be a `${env:…}` or `${file:…}`: text where something else is wanted by pattern is let through. */
function withReferences(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withReferences);
  if (typeof schema !== 'object' || schema === null) return schema;
  const members = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, key === 'default' || key === 'examples' ? value : withReferences(value)]),
  );
  const { pattern, minLength, maxLength, ...open } = members;
  if (typeof pattern !== 'string' || members['title'] === 'name') return members;
  const bounds = { ...(minLength === undefined ? {} : { minLength }), ...(maxLength === undefined ? {} : { maxLength }) };
  return { ...open, anyOf: [{ pattern, ...bounds }, { pattern: '\\$\\{(env|file):[^}]+\\}' }] };
}
