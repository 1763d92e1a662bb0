import { isObject, parseJson } from '../client/json.ts';
import { CliError } from '../exit-code.ts';

/** An assignment such as `items.0.price=3`: members and places in lists by dots, a value in JSON or else a text. */
export interface Assignment {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** Throws CliError `usage` for what is no assignment. */
export function parseAssignment(text: string): Assignment {
  const at = text.indexOf('=');
  const path = text.slice(0, Math.max(at, 0)).split('.');
  if (at < 1 || path.length > 32 || path.includes(''))
    throw new CliError('usage', `--set must be a path, "=" and a value, such as customer.name=Ada, not "${text}".`);
  const value = text.slice(at + 1);
  const parsed = parseJson(value);
  return { path, value: parsed === undefined ? value : parsed.value };
}

/** A copy of JSON data with one member set; objects on the way are made where there are none. Throws CliError `usage`. */
export function setMember(data: unknown, { path, value }: Assignment): unknown {
  return set(data, path, value, path.join('.'));
}

function set(data: unknown, path: readonly string[], value: unknown, whole: string): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(data)) {
    const index = /^\d{1,6}$/.test(step) ? Number(step) : Number.NaN;
    if (!(index <= data.length)) throw new CliError('usage', `--set ${whole}: "${step}" is no place in a list of ${data.length}.`);
    const items = data as readonly unknown[];
    return [...items.slice(0, index), set(items[index], rest, value, whole), ...items.slice(index + 1)];
  }
  if (data !== undefined && data !== null && !isObject(data))
    throw new CliError('usage', `--set ${whole}: there is no "${step}" in ${JSON.stringify(data)}.`);
  const members = Object.entries(data ?? {});
  const old = members.find(([name]) => name === step)?.[1];
  return Object.fromEntries([...members.filter(([name]) => name !== step), [step, set(old, rest, value, whole)]]);
}
