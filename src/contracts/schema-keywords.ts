/** What a keyword holds: a value, one schema, a list or a map of schemas, or either. */
export type KeywordHolds = 'value' | 'schema' | 'list' | 'map' | 'list-or-schema' | 'map-or-names';

/** Which value a subschema looks at: the same as its parent's, one part of it, or each of its parts. */
export type KeywordLooks = 'here' | 'part' | 'each';

export interface KeywordRule {
  readonly holds: KeywordHolds;
  readonly looks: KeywordLooks;
}

function rules(holds: KeywordHolds, looks: KeywordLooks, names: string): Record<string, KeywordRule> {
  return Object.fromEntries(names.split(' ').map((name) => [name, { holds, looks }]));
}

/** Every keyword of JSON Schema drafts 7, 2019-09 and 2020-12 that checks something; all others are annotations. */
export const schemaKeywords: Readonly<Record<string, KeywordRule>> = {
  ...rules(
    'value',
    'part',
    'type enum const format pattern required uniqueItems multipleOf maximum minimum exclusiveMaximum exclusiveMinimum',
  ),
  ...rules('value', 'part', 'maxLength minLength maxItems minItems maxContains minContains maxProperties minProperties dependentRequired'),
  ...rules('schema', 'each', 'additionalProperties propertyNames additionalItems contains unevaluatedItems unevaluatedProperties'),
  ...rules('schema', 'here', 'not if then else'),
  ...rules('list', 'here', 'allOf anyOf oneOf'),
  ...rules('list', 'part', 'prefixItems'),
  ...rules('list-or-schema', 'each', 'items'),
  ...rules('map', 'part', 'properties'),
  ...rules('map', 'each', 'patternProperties'),
  ...rules('map', 'here', 'dependentSchemas'),
  ...rules('map-or-names', 'here', 'dependencies'),
};

export function keywordRule(key: string): KeywordRule | undefined {
  return Object.hasOwn(schemaKeywords, key) ? schemaKeywords[key] : undefined;
}

/** The subschemas under one keyword, with the steps that lead to each. */
export function subschemas(rule: KeywordRule, value: unknown): readonly (readonly [steps: readonly string[], schema: unknown])[] {
  if (rule.holds === 'value') return [];
  if (Array.isArray(value)) {
    return rule.holds === 'list' || rule.holds === 'list-or-schema'
      ? value.map((item: unknown, index) => [[String(index)], item] as const)
      : [];
  }
  if (rule.holds === 'schema' || rule.holds === 'list-or-schema') return [[[], value]];
  if (rule.holds === 'list' || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => (Array.isArray(member) ? [] : [[[key], member] as const]));
}
