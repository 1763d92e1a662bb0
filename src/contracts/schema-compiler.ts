import { Ajv } from 'ajv';
import type { Options, ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { CheckBudget } from './check-budget.ts';
import type { Dialect, MessageSchema } from './contract.ts';
import { formats } from './formats.ts';
import { linearKeywords } from './linear-keywords.ts';
import { linearEngine } from './linear-pattern.ts';
import { meteredSchema } from './metered-schema.ts';

type AnyAjv = Ajv | Ajv2019 | Ajv2020;

/** Compiles the schemas of one contract; every check it makes is charged to `budget`, which the caller resets before each. */
export class SchemaCompiler {
  readonly budget = new CheckBudget();
  readonly #ajvs = new Map<string, AnyAjv>();

  /** A check that stops at the first violation, or goes on and collects all. Throws when the schema is not valid. */
  compile(schema: MessageSchema, stopAt: 'first' | 'all'): ValidateFunction {
    if (schema.dialect === undefined) throw new TypeError(`No check for ${schema.format}.`);
    return this.#ajv(schema.dialect, stopAt).compile(meteredSchema(schema.schema) as object);
  }

  /** Errors of the schema itself by the meta-schema of its draft; paths lead into the bundle. */
  validate(schema: MessageSchema): NonNullable<AnyAjv['errors']> {
    if (schema.dialect === undefined) return [];
    const ajv = this.#ajv(schema.dialect, 'all');
    return ajv.validateSchema(schema.schema as object) === true ? [] : (ajv.errors ?? []);
  }

  #ajv(dialect: Dialect, stopAt: 'first' | 'all'): AnyAjv {
    const key = `${dialect} ${stopAt}`;
    let ajv = this.#ajvs.get(key);
    if (ajv === undefined) {
      ajv = this.#newAjv(dialect, stopAt);
      this.#ajvs.set(key, ajv);
    }
    return ajv;
  }

  #newAjv(dialect: Dialect, stopAt: 'first' | 'all'): AnyAjv {
    const options: Options = {
      strict: false,
      logger: false,
      allErrors: stopAt === 'all',
      verbose: stopAt === 'all',
      ownProperties: true,
      validateSchema: false,
      addUsedSchema: false,
      inlineRefs: false,
      messages: true,
      formats,
      code: { regExp: linearEngine(this.budget) },
    };
    const ajv = dialect === 'draft-07' ? new Ajv(options) : dialect === '2019-09' ? new Ajv2019(options) : new Ajv2020(options);
    for (const definition of linearKeywords(this.budget)) {
      ajv.removeKeyword(definition.keyword as string);
      ajv.addKeyword(definition);
    }
    return ajv;
  }
}
