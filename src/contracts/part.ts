import type { Origin } from './contract.ts';
import type { OfficialSchema, PartKind } from './official-schema.ts';
import type { References, Spot } from './references.ts';
import { originOf } from './schema-bundle.ts';

/** What reading parts of a document takes. */
export interface Reading {
  readonly references: References;
  readonly official: OfficialSchema;
}

/**
 * A part of an AsyncAPI document with references followed on the way. What is missing, or is of another type than asked for, reads as
 * absent: the official schema has already complained about it.
 */
export class Part {
  /** Where it is defined, after references. */
  readonly spot: Spot;
  readonly #reading: Reading;

  constructor(reading: Reading, spot: Spot) {
    this.#reading = reading;
    this.spot = spot;
  }

  /** The part itself or what it refers to, checked by the official schema when it stands where the document's own check did not look. */
  static at(reading: Reading, spot: Spot, kind?: PartKind): Part | undefined {
    const { references, official } = reading;
    const target = references.follow(spot);
    if (target === undefined) return undefined;
    if (kind !== undefined && target !== spot) for (const problem of official.checkPart(target, kind)) references.problems.add(problem);
    return new Part(reading, target);
  }

  /** Unique for each place in the files. */
  get id(): string {
    return `${this.spot.document.name}#/${this.spot.path.map(encodeURIComponent).join('/')}`;
  }

  get origin(): Origin {
    return originOf(this.spot);
  }

  /** The member with its reference not followed. */
  raw(key: string): Spot | undefined {
    return this.#reading.references.child(this.spot, key);
  }

  get(key: string, kind?: PartKind): Part | undefined {
    const spot = this.raw(key);
    return spot === undefined ? undefined : Part.at(this.#reading, spot, kind);
  }

  text(key: string): string | undefined {
    const value = this.raw(key)?.value;
    return typeof value === 'string' ? value : undefined;
  }

  texts(key: string): readonly string[] {
    const value = this.raw(key)?.value;
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  }

  number(key: string): number | undefined {
    const value = this.raw(key)?.value;
    return typeof value === 'number' ? value : undefined;
  }

  object(key: string): Readonly<Record<string, unknown>> {
    const value = this.get(key)?.spot.value;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  }

  /** Members of the object at the key by name, or items of the list at the key by index, references not followed. */
  children(key: string): readonly (readonly [string, Spot])[] {
    const parent = this.get(key);
    const value = parent?.spot.value;
    if (parent === undefined || typeof value !== 'object' || value === null) return [];
    return Object.keys(value).flatMap((name) => {
      const child = parent.raw(name);
      return child === undefined ? [] : [[name, child] as const];
    });
  }

  /** The same with references followed; those that lead nowhere are left out. */
  parts(key: string, kind?: PartKind): readonly (readonly [string, Part])[] {
    return this.children(key).flatMap(([name, spot]) => {
      const part = Part.at(this.#reading, spot, kind);
      return part === undefined ? [] : [[name, part] as const];
    });
  }

  /** Names of the tags. */
  tags(): readonly string[] {
    return this.parts('tags').flatMap(([, tag]) => tag.text('name') ?? []);
  }
}
