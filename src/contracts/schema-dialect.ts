import type { Dialect } from './contract.ts';

const byFormat: readonly (readonly [RegExp, Dialect])[] = [
  [/^application\/vnd\.aai\.asyncapi(\+json|\+yaml)?(;|$)/, 'draft-07'],
  [/^application\/schema(\+json|\+yaml)?(;\s*version=draft-0[67])?$/, 'draft-07'],
  [/^application\/schema(\+json|\+yaml)?;\s*version=(draft\/)?(draft-)?2019-09$/, '2019-09'],
  [/^application\/schema(\+json|\+yaml)?;\s*version=(draft\/)?(draft-)?2020-12$/, '2020-12'],
];

const byMetaSchema: readonly (readonly [string, Dialect])[] = [
  ['http://json-schema.org/draft-06/schema', 'draft-07'],
  ['http://json-schema.org/draft-07/schema', 'draft-07'],
  ['https://json-schema.org/draft/2019-09/schema', '2019-09'],
  ['https://json-schema.org/draft/2020-12/schema', '2020-12'],
];

/** The draft that a `schemaFormat` names, or a schema's own `$schema` within it; undefined for every other schema language. */
export function dialectOf(format: string, schema: unknown): Dialect | undefined {
  const named = byFormat.find(([pattern]) => pattern.test(format.trim().toLowerCase()))?.[1];
  if (named === undefined || typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, '$schema')) return named;
  const meta = String((schema as { $schema: unknown }).$schema)
    .replace(/#$/, '')
    .replace(/^https?:\/\/json-schema\.org\/draft-/, 'http://json-schema.org/draft-');
  return byMetaSchema.find(([uri]) => uri === meta)?.[1];
}
