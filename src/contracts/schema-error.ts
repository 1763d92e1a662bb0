import type { ErrorObject } from 'ajv';
import { closest } from './closest.ts';
import { quote, quoteList } from './problem.ts';

/** Errors looked at; a hopeless document has millions. */
const mostErrors = 500;

/**
 * Boils the errors of one validation down to the causes. `if` only repeats its branch, and an `anyOf` or `oneOf` comes with the errors of
 * every branch: of those the branch is kept that was most likely meant, or one error that names all the types and values that would do.
 */
export function causesOf(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  let kept: ErrorObject[] = [];
  for (const error of errors.slice(0, mostErrors)) {
    if (error.keyword === 'if') continue;
    if (error.keyword !== 'anyOf' && error.keyword !== 'oneOf') {
      kept.push(error);
      continue;
    }
    const inside = kept.filter((other) => isBelow(other, error));
    if (inside.length === 0) kept.push(error);
    else kept = [...kept.filter((other) => !isBelow(other, error)), ...meant(error, inside)];
  }
  const seen = new Set<string>();
  return kept.filter((error) => {
    const key = `${error.instancePath}\n${error.keyword === 'type' ? 'type' : sentenceOf(error)}`;
    return !seen.has(key) && !isMisspelt(error, kept) && seen.add(key);
  });
}

/** A member that is missing because a member beside it is misspelt: one cause, and the misspelt one tells it better. */
function isMisspelt(error: ErrorObject, errors: readonly ErrorObject[]): boolean {
  if (error.keyword !== 'required') return false;
  const wanted = [String(error.params.missingProperty)];
  const beside = errors.filter((other) => other.keyword === 'additionalProperties' && other.instancePath === error.instancePath);
  return beside.some((other) => closest(String(other.params.additionalProperty), wanted) !== undefined);
}

function isBelow(error: ErrorObject, union: ErrorObject): boolean {
  return error.instancePath === union.instancePath || error.instancePath.startsWith(`${union.instancePath}/`);
}

/** A member whose value tells the branches apart rules out those it does not fit; of the rest the one with the deepest fault was meant. */
function meant(union: ErrorObject, inside: readonly ErrorObject[]): readonly ErrorObject[] {
  const branches = Map.groupBy(inside, (error) => branchOf(error, union));
  const told = [...branches.values()].filter((errors) => !errors.some((error) => tells(error, union)));
  const typed = told.filter((errors) => !errors.some((error) => error.keyword === 'type' && error.instancePath === union.instancePath));
  const fits = typed.length > 0 ? typed : told;
  if (fits.length === 0)
    return [
      merge(
        union,
        inside.filter((error) => tells(error, union)),
      ),
    ];
  if (fits.length === 1) return fits[0] as ErrorObject[];
  const flat = fits.flat();
  if (flat.every((error) => error.instancePath === union.instancePath && error.keyword === 'type')) return [merge(union, flat)];
  const shared = (fits[0] as ErrorObject[]).filter((error) => fits.every((errors) => errors.some((other) => sameCause(error, other))));
  if (shared.length > 0) return shared;
  const depth = (errors: readonly ErrorObject[]): number => Math.max(...errors.map((error) => error.instancePath.length));
  const best = fits.toSorted((a, b) => depth(b) - depth(a) || a.length - b.length)[0] as ErrorObject[];
  return depth(best) === union.instancePath.length && fits.length > 1 ? [merge(union, flat)] : best;
}

/** Errors at the place of the union itself belong together when the same schema raised them; those below it by where they are. */
function branchOf(error: ErrorObject, union: ErrorObject): unknown {
  return error.instancePath === union.instancePath && error.parentSchema !== undefined ? error.parentSchema : error.schemaPath;
}

function sameCause(a: ErrorObject, b: ErrorObject): boolean {
  return a.instancePath === b.instancePath && sentenceOf(a) === sentenceOf(b);
}

function tells(error: ErrorObject, union: ErrorObject): boolean {
  const level = error.instancePath.slice(union.instancePath.length).split('/').length;
  return (error.keyword === 'const' || error.keyword === 'enum') && level === 2;
}

function merge(union: ErrorObject, errors: readonly ErrorObject[]): ErrorObject {
  const first = errors[0] ?? union;
  if (errors.every((error) => error.keyword === 'type')) {
    return { ...first, params: { type: [...new Set(errors.flatMap((error) => error.params.type as string | string[]))] } };
  }
  const values = errors.filter(
    (error) => error.instancePath === first.instancePath && (error.keyword === 'enum' || error.keyword === 'const'),
  );
  if (values.length === errors.length && values.length > 0) {
    const allowed = values.flatMap((error) =>
      error.keyword === 'enum' ? (error.params.allowedValues as unknown[]) : [error.params.allowedValue],
    );
    return { ...first, keyword: 'enum', params: { allowedValues: [...new Set(allowed)] } };
  }
  return errors.length === 1 ? first : union;
}

/** What an error says about the value at its place, as the rest of a sentence: "must …". */
export function sentenceOf(error: ErrorObject): string {
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'type':
      return `must be ${typeNames(params.type)}${error.data === undefined ? '' : `, not ${nameOf(error.data)}`}`;
    case 'required':
      return `must have the member ${quote(params.missingProperty)}${misspelt(error)}`;
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return `must not have the member ${quote(params.additionalProperty ?? params.unevaluatedProperty)}${didYouMean(error)}`;
    case 'enum':
      return `must be one of ${values(params.allowedValues as unknown[])}`;
    case 'const':
      return `must be ${quote(plain(params.allowedValue))}`;
    case 'pattern':
      return `must match the pattern ${quote(params.pattern)}`;
    case 'format':
      return `must be of the format ${quote(params.format)}`;
    case 'propertyNames':
      return `must not have a member named ${quote(params.propertyName)}`;
    case 'uniqueItems':
      return 'must not hold an item twice';
    case 'anyOf':
      return 'must fit at least one of the alternatives';
    case 'oneOf':
      return params.passingSchemas === null || params.passingSchemas === undefined
        ? 'must fit one of the alternatives'
        : 'must fit exactly one of the alternatives, and fits more';
    case 'not':
      return 'must not be of the form that is excluded';
    case 'false schema':
      return 'must not be there';
    default:
      return error.message === undefined ? `breaks the rule ${quote(error.keyword)}` : error.message.slice(0, 200);
  }
}

function typeNames(type: unknown): string {
  const names = (Array.isArray(type) ? type : [type]).map((name) => withArticle(String(name)));
  return names.length > 1 ? `${names.slice(0, -1).join(', ')} or ${names.at(-1)}` : (names[0] as string);
}

function withArticle(type: string): string {
  if (type === 'null') return 'null';
  if (type === 'array') return 'a list';
  return /^[aeio]/.test(type) ? `an ${type}` : `a ${type}`;
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `the ${typeof value} ${quote(value)}`;
}

function values(allowed: readonly unknown[]): string {
  return quoteList(allowed.slice(0, 10).map(plain), allowed.length);
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined').slice(0, 80);
}

/** The schema around an error knows the members that are allowed, when the validation keeps it. */
function didYouMean(error: ErrorObject): string {
  const allowed = Object.keys((error.parentSchema?.properties as object | undefined) ?? {});
  const near = closest(String(error.params.additionalProperty ?? error.params.unevaluatedProperty), allowed);
  if (near !== undefined) return `; did you mean ${quote(near)}?`;
  return allowed.length === 0 ? '' : `; it may have ${quoteList(allowed)}`;
}

function misspelt(error: ErrorObject): string {
  if (typeof error.data !== 'object' || error.data === null) return '';
  const near = closest(String(error.params.missingProperty), Object.keys(error.data).slice(0, 200));
  return near === undefined ? '' : `; is ${quote(near)} misspelt?`;
}
