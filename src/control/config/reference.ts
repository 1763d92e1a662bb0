import { configShape } from './config-shape.ts';
import type { JsonSchema } from './shape.ts';
import { isRecord } from './shape.ts';

/** One object of the configuration: how it is reached, and its schema. */
interface Section {
  readonly path: string;
  readonly schema: JsonSchema;
}

/** Puts the tables of all keys between the marks of docs/reference/configuration.md. */
export function withConfigTables(page: string): string {
  const begin = '<!-- begin keys -->';
  const end = '<!-- end keys -->';
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to < from) throw new Error(`the page has no ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${sections().map(table).join('\n\n')}\n\n${page.slice(to)}`;
}

/** All objects of the file, outer ones first. */
function sections(): readonly Section[] {
  const found: Section[] = [];
  const waiting: Section[] = [{ path: '', schema: configShape.schema('file') }];
  while (waiting.length > 0) {
    const section = waiting.shift()!;
    found.push(section);
    const inner = Object.entries(propertiesOf(section.schema)).flatMap(([key, schema]) =>
      objectsIn(section.path === '' ? key : `${section.path}.${key}`, schema),
    );
    waiting.unshift(...inner);
  }
  return found;
}

/** The objects a member may hold: itself, the values of a map, the entries of a list, or one of several forms. */
function objectsIn(path: string, schema: JsonSchema): readonly Section[] {
  const forms = schema['anyOf'];
  if (Array.isArray(forms)) {
    const objects = (forms as JsonSchema[]).flatMap((form) => objectsIn(path, form));
    return objects.filter(
      (section, index) => objects.findIndex((other) => JSON.stringify(other.schema) === JSON.stringify(section.schema)) === index,
    );
  }
  if (schema['type'] === 'array' && isRecord(schema['items'])) return objectsIn(`${path}[]`, schema['items']);
  if (schema['type'] !== 'object') return [];
  if (isRecord(schema['additionalProperties'])) return objectsIn(`${path}.{name}`, schema['additionalProperties']);
  return Object.keys(propertiesOf(schema)).length === 0 ? [] : [{ path, schema }];
}

function propertiesOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
}

function table({ path, schema }: Section): string {
  const needed = (schema['required'] ?? []) as readonly string[];
  const rows = Object.entries(propertiesOf(schema)).map(([key, member]) => {
    const value = needed.includes(key) ? 'required' : member['default'] === undefined ? '' : code(JSON.stringify(member['default']));
    return `| \`${key}\` | ${valueOf(member)} | ${value} | ${cell(member['description'] as string)} |`;
  });
  const heading = path === '' ? 'The whole file' : `\`${path}\``;
  return [`### ${heading}`, '', '| key | value | default | |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** What may be written, in a few words. */
function valueOf(schema: JsonSchema): string {
  if (Array.isArray(schema['anyOf'])) return [...new Set((schema['anyOf'] as JsonSchema[]).map(valueOf))].join(' or ');
  if (Array.isArray(schema['enum'])) return (schema['enum'] as string[]).map(code).join(', ');
  if (schema['type'] === 'array') return `list of: ${valueOf(schema['items'] as JsonSchema)}`;
  if (schema['type'] === 'object') return isRecord(schema['additionalProperties']) ? 'entries by name' : 'object';
  if (schema['type'] === 'integer') return range(schema);
  return (schema['title'] as string | undefined) ?? 'text';
}

function range(schema: JsonSchema): string {
  const { minimum, maximum } = schema as { readonly minimum?: number; readonly maximum?: number };
  return maximum === undefined ? `whole number, at least ${minimum}` : `whole number, ${minimum} to ${maximum}`;
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
