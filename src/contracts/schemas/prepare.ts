import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The versions whose official schema stands in this folder. */
export const preparedVersions = ['2.6.0', '3.0.0', '3.1.0'] as const;

const reference = '#/definitions/Reference';
const annotations: Readonly<Record<string, (value: Json) => boolean>> = {
  description: (value) => typeof value === 'string',
  $comment: (value) => typeof value === 'string',
  markdownDescription: (value) => typeof value === 'string',
  title: (value) => typeof value === 'string',
  examples: (value) => Array.isArray(value),
};

/**
 * The official schema without annotations, and with its `oneOf` choices that have a telling member (`$ref`, `oneOf`, `type`) said as
 * `if`/`then`/`else`: the same documents pass, and a document that does not pass gets the errors of one branch instead of all.
 */
function prepareSchema(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(prepareSchema);
  if (schema === null || typeof schema !== 'object') return schema;
  const entries = Object.entries(schema).filter(([key, value]) => annotations[key]?.(value) !== true);
  return branch(Object.fromEntries(entries.map(([key, value]) => [key, prepareSchema(value)])));
}

function branch(schema: { readonly [key: string]: Json }): Json {
  const choices = schema.oneOf;
  if (!Array.isArray(choices) || choices.length < 2 || 'if' in schema) return schema;
  const { oneOf: _, ...rest } = schema;
  const told = choices.findIndex((choice) => choice?.$ref === reference || choice?.$ref?.endsWith('/definitions/Reference'));
  if (told >= 0) return { ...rest, ...decide('$ref', choices, told) };
  const list = choices.findIndex((choice) => Array.isArray(choice?.required) && choice.required[0] === 'oneOf');
  return list >= 0 ? { ...rest, ...decide('oneOf', choices, list) } : schema;
}

function decide(member: string, choices: readonly Json[], then: number): { readonly [key: string]: Json } {
  const others = choices.filter((_, index) => index !== then);
  return {
    if: { type: 'object', required: [member] },
    then: choices[then] as Json,
    else: others.length === 1 ? (others[0] as Json) : branch({ oneOf: others }),
  };
}

type Definitions = Readonly<Record<string, { readonly [key: string]: Json }>>;

/** The values that a definition allows for `type`, through further choices; undefined when it does not say. */
function typesOf(choice: Json, definitions: Definitions): readonly string[] | undefined {
  const named = (choice as { $ref?: string } | null)?.$ref?.slice('#/definitions/'.length);
  const definition = named === undefined ? undefined : definitions[named];
  if (definition === undefined) return undefined;
  if (Array.isArray(definition.oneOf)) {
    const all = definition.oneOf.map((each) => typesOf(each as Json, definitions));
    return all.every((types) => types !== undefined) ? all.flat() : undefined;
  }
  const type = (definition.properties as { type?: { enum?: readonly string[]; const?: string } } | undefined)?.type;
  return type?.enum ?? (type?.const === undefined ? undefined : [type.const]);
}

/** A definition whose choices all say their `type` first asks for a known type and then for what that type needs. */
function byType(definition: { readonly [key: string]: Json }, definitions: Definitions): { readonly [key: string]: Json } {
  const { oneOf, ...rest } = definition;
  if (!Array.isArray(oneOf) || oneOf.length < 2) return definition;
  const choices = oneOf.map((choice) => ({ choice: choice as Json, types: typesOf(choice as Json, definitions) }));
  if (!choices.every(({ types }) => types !== undefined)) return definition;
  const known = [...new Set(choices.flatMap(({ types }) => types ?? []))];
  if (known.length < 2) return definition;
  const branches = known.map((type) => {
    const fitting = choices.filter(({ types }) => types?.includes(type)).map(({ choice }) => choice);
    const then = fitting.length === 1 ? (fitting[0] as Json) : { oneOf: fitting };
    return { if: { type: 'object', required: ['type'], properties: { type: { const: type } } }, then };
  });
  return { ...rest, type: 'object', required: ['type'], properties: { type: { enum: known } }, allOf: branches };
}

function withTypes(schema: Json): Json {
  const { definitions, ...root } = schema as { readonly [key: string]: Json };
  const known = definitions as Definitions;
  return { ...root, definitions: Object.fromEntries(Object.entries(known).map(([name, each]) => [name, byType(each, known)])) };
}

/** The text of one prepared schema, made from the official file of the npm package `@asyncapi/specs`, which is read and never run. */
export function preparedText(version: string): string {
  const official = new URL(`schemas/${version}-without-$id.json`, import.meta.resolve('@asyncapi/specs/package.json'));
  return `${JSON.stringify(withTypes(prepareSchema(JSON.parse(readFileSync(official, 'utf8')) as Json)))}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const version of preparedVersions) writeFileSync(new URL(`./asyncapi-${version}.json`, import.meta.url), preparedText(version));
}
