import { readFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { formats } from './formats.ts';
import { fromPointer } from './json-pointer.ts';
import { quote } from './problem.ts';
import type { Problem } from './problem.ts';
import { causesOf, sentenceOf } from './schema-error.ts';
import type { Spot } from './references.ts';

/** Versions of the specification that are understood. */
export const supportedVersions = ['2.6.0', '3.0.0', '3.1.0'] as const;

export type SupportedVersion = (typeof supportedVersions)[number];

/** A definition of the official schema that a part in another file must fit. */
export type PartKind = 'server' | 'channel' | 'channelItem' | 'message' | 'messageObject' | 'operation' | 'parameter' | 'messageTrait' | 'operationTrait';

/** Checks documents, and parts of documents in other files, by the official JSON Schema of one version. */
export class OfficialSchema {
  readonly version: SupportedVersion;
  readonly #ajv: Ajv;

  private constructor(version: SupportedVersion, schema: object) {
    this.version = version;
    this.#ajv = new Ajv({ strict: false, allErrors: true, verbose: true, ownProperties: true, logger: false, formats, validateSchema: false });
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
    if (validate === undefined || validate(spot.value)) return [];
    return causesOf(validate.errors ?? []).map((error) => problemOf(error, spot));
  }
}

const loaded = new Map<SupportedVersion, Promise<OfficialSchema>>();

function problemOf(error: ErrorObject, spot: Spot): Problem {
  const path = [...spot.path, ...fromPointer(error.instancePath)];
  const member: unknown = error.params.additionalProperty ?? error.params.propertyName;
  const subject = path.length === 0 ? 'The document' : quote(path.join('.'));
  const at = typeof member === 'string' ? [...path, member] : path;
  const own = error.keyword === 'required' || typeof error.data === 'object' || typeof member === 'string';
  return spot.document.problem(at, 'schema', `${subject} ${sentenceOf(error)}.`, { key: own });
}
