/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses JSON; undefined when it is none. Numbers that JavaScript would round are kept as they were written, for `JSON.stringify`. */
export function parseJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseExact(text) };
  } catch {
    return undefined;
  }
}

type ExactReviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
const json = JSON as unknown as { parse(text: string, reviver: ExactReviver): unknown; rawJSON(text: string): unknown };

function parseExact(text: string): unknown {
  return json.parse(text, (_key, value, { source }) => {
    return typeof value === 'number' && source !== undefined && String(value) !== source ? json.rawJSON(source) : value;
  });
}

/** Whether a JSON value is an event in the structured mode of CloudEvents. */
export function isCloudEvent(value: unknown): value is JsonObject {
  return isObject(value) && typeof value['specversion'] === 'string';
}

/** The same JSON on one line: a line break in valid JSON can only stand between tokens. */
export function onOneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ');
}
