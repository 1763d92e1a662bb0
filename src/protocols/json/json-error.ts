/** Bytes that are not JSON as this gateway reads it; the sentence says what is wrong, `offset` counts bytes from 0. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
  readonly offset: number;

  constructor(what: string, offset: number) {
    super(`${what} at byte ${offset}`);
    this.offset = offset;
  }
}
