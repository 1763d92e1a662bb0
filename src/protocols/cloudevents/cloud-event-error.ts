/** Something that is not a valid CloudEvent. The message is a sentence for its sender. */
export class CloudEventError extends Error {
  override readonly name = 'CloudEventError';
  /** The attribute at fault, within a batch led by its index: `time`, `[3].id`, `[3]`; empty for the whole. */
  readonly path: string;
  /** What is wrong, without the place. */
  readonly reason: string;

  constructor(path: string, reason: string, cause?: unknown) {
    super(
      path === '' ? `The event is not valid: ${reason}.` : `The event is not valid at ${path}: ${reason}.`,
      cause === undefined ? undefined : { cause },
    );
    this.path = path;
    this.reason = reason;
  }

  /** The same error one level further out: `[3]` before `id` gives `[3].id`. */
  within(outer: string): CloudEventError {
    const path = this.path === '' ? outer : `${outer}.${this.path}`;
    return new CloudEventError(path, this.reason, this.cause);
  }
}
