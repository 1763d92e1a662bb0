import type { SecondRing } from './second-ring.ts';

/** Whom a figure belongs to, by each kind of subject. */
export interface Subjects {
  readonly tenant: string;
  /** Undefined for what no reader had: publishing. */
  readonly reader?: string | undefined;
  readonly subscription: string;
  readonly application: string;
  readonly api: string;
  readonly address: string;
}

export type Measure = 'delivered' | 'published';

/** Something that counts events between two samples; the sampler takes them once a second. */
export interface RateSource {
  readonly subjects: Subjects;
  readonly measure: Measure;
  readonly protocol: string;
  readonly plan: string | undefined;
  freshEvents: number;
  freshBytes: number;
  /** Whether it is on the sampler's list. */
  isFresh: boolean;
  /** The rings it counts into, as they were at `generation` of the board. */
  series: readonly SecondRing[] | undefined;
  generation: number;
}
