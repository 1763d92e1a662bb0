import type { RateSource, Subjects } from './rate-source.ts';
import { SecondRing } from './second-ring.ts';

/** Series kept by the second: 4 KiB each. */
const MOST_SERIES = 4000;
/** A series that counted nothing for so long makes room for another. */
const IDLE_SECONDS = 120;

/** The kinds of subject figures are kept for. */
export const subjectKinds = ['reader', 'subscription', 'application', 'api', 'channel'] as const;
export type SubjectKind = (typeof subjectKinds)[number];

/** Name of a subject among those of its kind; a channel is `api/address`. Undefined when there is none. */
export function subjectId(kind: SubjectKind, subjects: Subjects): string | undefined {
  if (kind === 'channel') return `${subjects.api}/${subjects.address}`;
  return subjects[kind];
}

/** The last 15 minutes by the second, of as many subjects as there is room for. */
export class SeriesBoard {
  readonly #mostSeries: number;
  /** Least recently used first. */
  readonly #rings = new Map<string, SecondRing>();
  #generation = 0;
  #overflow = 0;

  constructor(mostSeries = MOST_SERIES) {
    this.#mostSeries = mostSeries;
  }

  get size(): number {
    return this.#rings.size;
  }

  /** How often a subject found no room. */
  get overflow(): number {
    return this.#overflow;
  }

  /** Counts what a source has gathered since the last time. */
  take(source: RateSource, second: number): void {
    const n = source.freshEvents;
    source.freshEvents = 0;
    source.freshBytes = 0;
    if (n === 0) return;
    if (source.series === undefined || source.generation !== this.#generation) {
      source.series = this.#resolve(source, second);
      source.generation = this.#generation;
    }
    for (const ring of source.series) ring.add(second, n);
  }

  /** Once a minute: subjects that found no room may try again, and what is used moves to the young end. */
  renew(second: number): void {
    this.#generation += 1;
    for (const [key, ring] of this.#rings) if (ring.newest < second - 2 * IDLE_SECONDS - 900) this.#rings.delete(key);
  }

  get(tenant: string, measure: string, subject: string, id: string): SecondRing | undefined {
    return this.#rings.get(ringKey(tenant, measure, subject, id));
  }

  rings(): Iterable<SecondRing> {
    return this.#rings.values();
  }

  #resolve(source: RateSource, second: number): readonly SecondRing[] {
    const rings: SecondRing[] = [];
    for (const subject of subjectKinds) {
      const id = subjectId(subject, source.subjects);
      if (id === undefined) continue;
      const ring = this.#ring({ tenant: source.subjects.tenant, measure: source.measure, subject, id }, second);
      if (ring !== undefined) rings.push(ring);
    }
    return rings;
  }

  #ring(
    of: { readonly tenant: string; readonly measure: string; readonly subject: string; readonly id: string },
    second: number,
  ): SecondRing | undefined {
    const key = ringKey(of.tenant, of.measure, of.subject, of.id);
    const known = this.#rings.get(key);
    if (known !== undefined) {
      this.#rings.delete(key);
      this.#rings.set(key, known);
      return known;
    }
    if (this.#rings.size >= this.#mostSeries && !this.#makeRoom(second)) {
      this.#overflow += 1;
      return undefined;
    }
    const ring = new SecondRing(of, second);
    this.#rings.set(key, ring);
    return ring;
  }

  /** Only a series that has been idle gives way: otherwise busy ones would push each other out at every sample. */
  #makeRoom(second: number): boolean {
    const oldest = this.#rings.entries().next().value;
    if (oldest === undefined || oldest[1].newest > second - IDLE_SECONDS) return false;
    this.#rings.delete(oldest[0]);
    this.#generation += 1;
    return true;
  }
}

function ringKey(tenant: string, measure: string, subject: string, id: string): string {
  return `${measure} ${subject} ${tenant}/${id}`;
}
