import type { Reader } from '../core/entrypoint.ts';
import type { GatewayError } from '../core/errors.ts';
import type { MainLink } from './main-link.ts';
import { fromPlainError } from './plain-error.ts';

interface RemoteReaderParts {
  readonly id: string;
  readonly slot: number;
  readonly session: number;
}

/** A reader on the main thread, whose client is here. */
export class RemoteReader implements Reader {
  readonly id: string;
  readonly #link: MainLink;
  readonly #slot: number;
  readonly #session: number;
  #isClosed = false;

  constructor(link: MainLink, { id, slot, session }: RemoteReaderParts) {
    this.#link = link;
    this.id = id;
    this.#slot = slot;
    this.#session = session;
  }

  drained(): void {
    if (!this.#isClosed) this.#link.drained(this.#slot);
  }

  confirm(position: string): Promise<GatewayError | undefined> {
    return this.#link.ask('acknowledge', this.#session, { position }, (refusal) => refusal && fromPlainError(refusal)).answer;
  }

  close(): void {
    if (this.#isClosed) return;
    this.forget();
    this.#link.say({ kind: 'close-reader', session: this.#session });
  }

  /** Its session is closed, and it with it: the slot may become another's. */
  forget(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#link.closeSink(this.#slot);
  }
}
