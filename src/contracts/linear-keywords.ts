import type { AnySchemaObject, KeywordDefinition } from 'ajv';
import type { DataValidateFunction } from 'ajv/dist/types/index.js';
import type { CheckBudget } from './check-budget.ts';
import { stepKeyword } from './metered-schema.ts';

/** What one value costs to look up or compare. */
const unitsPerValue = 50;
/** What entering a schema costs, for each schema and value in it. */
const unitsPerStep = 10;

/**
 * `enum` and `uniqueItems` by hash instead of by comparing each with each, which hostile events or schemas make quadratic, and
 * the keyword that charges for entering a schema.
 */
export function linearKeywords(budget: CheckBudget): readonly KeywordDefinition[] {
  return [
    { keyword: 'enum', schemaType: 'array', errors: true, compile: (values: unknown[]) => isAllowed(values, budget) },
    { keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', errors: true, compile: (wanted: boolean) => isUnique(wanted, budget) },
    { keyword: stepKeyword, schemaType: 'number', before: '$ref', compile: (weight: number) => charge(weight * unitsPerStep, budget) },
  ];
}

function isAllowed(values: readonly unknown[], budget: CheckBudget): DataValidateFunction {
  const allowed = new Set(values.map((value) => keyOf(value, undefined)));
  const check: DataValidateFunction = (value: unknown) => {
    if (allowed.has(keyOf(value, budget))) return true;
    check.errors = [{ keyword: 'enum', params: { allowedValues: values } }];
    return false;
  };
  return check;
}

function isUnique(wanted: boolean, budget: CheckBudget): DataValidateFunction {
  const check: DataValidateFunction = (items: readonly unknown[]) => {
    const seen = new Set<unknown>();
    for (const item of wanted ? items : []) seen.add(keyOf(item, budget));
    if (!wanted || seen.size === items.length) return true;
    check.errors = [{ keyword: 'uniqueItems', params: {} }];
    return false;
  };
  return check;
}

function charge(units: number, budget: CheckBudget): (value: unknown, parent?: AnySchemaObject) => boolean {
  return () => {
    budget.charge(units);
    return true;
  };
}

/** The same key for equal JSON values only: scalars stand for themselves, objects and lists for their canonical text. */
function keyOf(value: unknown, budget: CheckBudget | undefined): unknown {
  budget?.charge(unitsPerValue);
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? `"${value}` : value;
  return canonical(value, budget);
}

function canonical(value: unknown, budget: CheckBudget | undefined): string {
  budget?.charge(unitsPerValue);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, budget)).join(',')}]`;
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member, budget)}`).join(',')}}`;
}
