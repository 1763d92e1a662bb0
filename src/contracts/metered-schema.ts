import { keywordRule, subschemas } from './schema-keywords.ts';

/** The keyword that charges the budget of a check; its value is the weight of what stands beside it. */
export const stepKeyword = 'x-sluice-step';

/**
 * A copy of a bundle that charges for its work: before each of its definitions, and before each schema that looks at many parts of
 * a value. All work that can multiply, by recursion or by the size of the event, passes one of these.
 */
export function meteredSchema(bundle: unknown): unknown {
  const { definitions, ...root } = bundle as { definitions: Record<string, unknown> };
  return { ...root, definitions: Object.fromEntries(Object.entries(definitions).map(([name, schema]) => [name, charged(meter(schema))])) };
}

interface Metered {
  readonly schema: unknown;
  /** Schemas and values within, itself included. */
  readonly weight: number;
}

function charged({ schema, weight }: Metered): unknown {
  return typeof schema === 'boolean' ? schema : { [stepKeyword]: weight, allOf: [schema] };
}

function meter(schema: unknown): Metered {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return { schema, weight: 1 };
  let weight = 1;
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    const rule = keywordRule(key);
    copy[key] = value;
    // Annotations cost nothing.
    if (rule !== undefined || key === '$ref') weight += 1;
    if (rule === undefined || rule.holds === 'value') continue;
    const members = copyOf(value);
    for (const [[step], inner] of subschemas(rule, value)) {
      const metered = meter(inner);
      weight += metered.weight;
      const made = rule.looks === 'each' ? charged(metered) : metered.schema;
      if (step === undefined) copy[key] = made;
      else {
        members[step] = made;
        copy[key] = members;
      }
    }
  }
  return { schema: copy, weight };
}

/** Members that are not schemas (lists of names) stay as they are. */
function copyOf(value: unknown): Record<string, unknown> {
  return (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string, unknown>;
}
