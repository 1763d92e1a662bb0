/** No value was found, and why, as the rest of a sentence. */
export class SampleError extends Error {
  override readonly name = 'SampleError';
  /** Another try would not find one either. */
  readonly hopeless: boolean;

  constructor(message: string, hopeless = false) {
    super(message);
    this.hopeless = hopeless;
  }
}
