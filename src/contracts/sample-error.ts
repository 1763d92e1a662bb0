/** No value was found, and why, as the rest of a sentence; another try may find one. */
export class SampleError extends Error {
  override readonly name = 'SampleError';
}
