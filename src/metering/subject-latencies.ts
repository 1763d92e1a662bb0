import { bucketCount } from './log-histogram.ts';

/** Subjects of one kind whose latencies are kept: 2 KiB each, and up to two rows in every minute they are in use. */
const MOST_SUBJECTS = 500;

/** Latencies of one reader or channel by bucket, since they were last rolled up. */
export interface SubjectLatency {
  readonly tenant: string;
  readonly subject: 'reader' | 'channel';
  readonly id: string;
  /** From offering to durable; nothing is ever published by a reader. */
  readonly published: Float64Array;
  /** From acceptance to the reader's socket. */
  readonly delivered: Float64Array;
}

/** Latency histograms of as many readers or channels as there is room for; who was used least recently makes room. */
export class SubjectLatencies {
  readonly #subject: SubjectLatency['subject'];
  readonly #mostSubjects: number;
  /** Least recently used first, with the generation of the use. */
  readonly #kept = new Map<string, { readonly latency: SubjectLatency; usedIn: number }>();
  #generation = 0;
  #overflow = 0;

  constructor(subject: SubjectLatency['subject'], mostSubjects = MOST_SUBJECTS) {
    this.#subject = subject;
    this.#mostSubjects = mostSubjects;
  }

  /** What `of` gave holds as long as this does not change. */
  get generation(): number {
    return this.#generation;
  }

  /** How often a subject found no room for the rest of a minute. */
  get overflow(): number {
    return this.#overflow;
  }

  /** Where a subject's latencies are counted; undefined when all there is room for are in use. */
  of(tenant: string, id: string): SubjectLatency | undefined {
    const key = `${tenant}\n${id}`;
    const known = this.#kept.get(key);
    if (known?.usedIn === this.#generation) return known.latency;
    this.#kept.delete(key);
    if (known === undefined && this.#kept.size >= this.#mostSubjects && !this.#makeRoom()) {
      this.#overflow += 1;
      return undefined;
    }
    const latency = known?.latency ?? this.#begin(tenant, id);
    this.#kept.set(key, { latency, usedIn: this.#generation });
    return latency;
  }

  *values(): Iterable<SubjectLatency> {
    for (const { latency } of this.#kept.values()) yield latency;
  }

  /** Once everything counted is on disk: those that are not used from now on may make room. */
  renew(): void {
    this.#generation += 1;
  }

  /** Only one that is idle: otherwise busy ones would push each other out, and what they counted would be lost. */
  #makeRoom(): boolean {
    const oldest = this.#kept.entries().next().value;
    if (oldest === undefined || oldest[1].usedIn === this.#generation) return false;
    return this.#kept.delete(oldest[0]);
  }

  #begin(tenant: string, id: string): SubjectLatency {
    const histogram = (): Float64Array => new Float64Array(bucketCount);
    return { tenant, subject: this.#subject, id, published: histogram(), delivered: histogram() };
  }
}
