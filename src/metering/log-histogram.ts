/** Four buckets to an octave: a percentile is at most a tenth off. */
const PER_OCTAVE = 4;
const SMALLEST_LATENCY = 0.1;

/** Buckets of a histogram; the last one holds everything above some thirty octaves. */
export const bucketCount = 124;

/** A histogram as kept in the store: pairs of bucket and count. */
export type SparseHistogram = readonly (readonly [bucket: number, count: number])[];

/** Bucket of a latency in milliseconds; bucket 0 ends at a tenth of one. */
export function latencyBucket(milliseconds: number): number {
  return bucket(milliseconds / SMALLEST_LATENCY);
}

/** Middle of a bucket in milliseconds. */
export function latencyOf(index: number): number {
  return valueOf(index) * SMALLEST_LATENCY;
}

/** Upper end of a bucket in milliseconds. */
export function latencyBoundOf(index: number): number {
  return 2 ** (index / PER_OCTAVE) * SMALLEST_LATENCY;
}

/** Bucket of a rate in events per second; bucket 0 is none at all. */
export function rateBucket(perSecond: number): number {
  return perSecond <= 0 ? 0 : Math.min(1 + bucket(perSecond), bucketCount - 1);
}

/** Rate that a bucket stands for. */
export function rateOf(index: number): number {
  return index === 0 ? 0 : Math.round(valueOf(index - 1));
}

/** The bucket that holds the given share (0 to 1) of what was counted; undefined when nothing was. */
export function percentileBucket(histogram: ArrayLike<number>, share: number): number | undefined {
  let total = 0;
  for (let index = 0; index < histogram.length; index += 1) total += histogram[index] as number;
  if (total === 0) return undefined;
  const wanted = Math.ceil(total * share);
  let seen = 0;
  for (let index = 0; index < histogram.length; index += 1) {
    seen += histogram[index] as number;
    if (seen >= wanted) return index;
  }
  return histogram.length - 1;
}

export function toSparse(histogram: ArrayLike<number>): SparseHistogram {
  const sparse: (readonly [number, number])[] = [];
  for (let index = 0; index < histogram.length; index += 1) {
    const count = histogram[index] as number;
    if (count > 0) sparse.push([index, count]);
  }
  return sparse;
}

/** Counts `n` in one bucket. */
export function countIn(histogram: Float64Array, bucket: number, n: number): void {
  histogram[bucket] = (histogram[bucket] as number) + n;
}

/** Adds a kept histogram to one in memory. */
export function addSparse(target: Float64Array, sparse: SparseHistogram): void {
  for (const [index, count] of sparse) {
    if (index >= 0 && index < target.length) target[index] = (target[index] as number) + count;
  }
}

function bucket(value: number): number {
  if (!(value > 1)) return 0;
  return Math.min(Math.ceil(Math.log2(value) * PER_OCTAVE), bucketCount - 1);
}

function valueOf(index: number): number {
  return index === 0 ? 1 : 2 ** ((index - 0.5) / PER_OCTAVE);
}
