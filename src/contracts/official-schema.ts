import { readFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { CheckBudget, TooExpensive } from './check-budget.ts';
import { formats } from './formats.ts';
import { fromPointer } from './json-pointer.ts';
import { finish, quote } from './problem.ts';
import type { Problem } from './problem.ts';
import { linearKeywords } from './linear-keywords.ts';
import { causesOf, sentenceOf } from './schema-error.ts';
import type { Spot } from './references.ts';

/** Versions of the specification that are understood. */
export const supportedVersions = ['2.6.0', '3.0.0', '3.1.0'] as const;

export type SupportedVersion = (typeof supportedVersions)[number];

/** A definition of the official schema that a part in another file must fit. */
export type PartKind =
  | 'server'
  | 'channel'
  | 'channelItem'
  | 'message'
  | 'messageObject'
  | 'operation'
  | 'parameter'
  | 'messageTrait'
  | 'operationTrait';

/** Checks documents, and parts of documents in other files, by the official JSON Schema of one version. */
export class OfficialSchema {
  readonly version: SupportedVersion;
  readonly #ajv: Ajv;
  readonly #budget = new CheckBudget();

  private constructor(version: SupportedVersion, schema: object) {
    this.version = version;
    const options = { strict: false, allErrors: true, verbose: true, ownProperties: true, logger: false, validateSchema: false } as const;
    this.#ajv = new Ajv({ ...options, formats: { ...formats, ...judgedElsewhere } });
    for (const definition of linearKeywords(this.#budget)) {
      this.#ajv.removeKeyword(definition.keyword as string);
      this.#ajv.addKeyword(definition);
    }
    this.#ajv.addSchema(schema, 'asyncapi');
  }

  /** Compiled once for each version, when it is first asked for. */
  static load(version: SupportedVersion): Promise<OfficialSchema> {
    let loading = loaded.get(version);
    if (loading === undefined) {
      loading = readFile(new URL(`./schemas/asyncapi-${version}.json`, import.meta.url), 'utf8').then(
        (text) => new OfficialSchema(version, JSON.parse(text) as object),
      );
      loaded.set(version, loading);
    }
    return loading;
  }

  /** One problem for each cause; empty when the spot is a valid document. */
  check(spot: Spot): readonly Problem[] {
    return this.#run(this.#ajv.getSchema('asyncapi'), spot);
  }

  /** The same for one part. */
  checkPart(spot: Spot, kind: PartKind): readonly Problem[] {
    return this.#run(this.#ajv.getSchema(`asyncapi#/definitions/${kind}`), spot);
  }

  #run(validate: ValidateFunction | undefined, spot: Spot): readonly Problem[] {
    this.#budget.reset();
    try {
      if (validate === undefined || validate(spot.value)) return [];
    } catch (thrown) {
      if (!(thrown instanceof TooExpensive) && !(thrown instanceof RangeError)) throw thrown;
      return [spot.document.problem(spot.path, 'limit', 'This part takes too long to check; make its lists shorter.', { key: true })];
    }
    return causesOf(validate.errors ?? []).map((error) => problemOf(error, spot));
  }
}

/** Patterns and references get better sentences where they are compiled and followed. */
const judgedElsewhere = { regex: true, 'uri-reference': true } as const;

const loaded = new Map<SupportedVersion, Promise<OfficialSchema>>();

function problemOf(error: ErrorObject, spot: Spot): Problem {
  const path = [...spot.path, ...fromPointer(error.instancePath)];
  const member: unknown = error.params.additionalProperty ?? error.params.propertyName;
  const subject = path.length === 0 ? 'The document' : quote(path.join('.'));
  const at = typeof member === 'string' ? [...path, member] : path;
  const own = error.keyword === 'required' || typeof error.data === 'object' || typeof member === 'string';
  return spot.document.problem(at, 'schema', finish(`${subject} ${sentenceOf(error)}`), { key: own });
}
