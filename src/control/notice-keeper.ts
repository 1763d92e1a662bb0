import type { ResourceChange } from '../store/resources.ts';
import type { Administration } from './administration.ts';
import { noticeDrafts } from './notice-access.ts';

export interface NoticeKeeperParts {
  readonly administration: Administration;
  /** It could not write; the next change tries again. */
  readonly onFailure: (error: unknown) => void;
}

const actor = 'sluice';
const matters = new Set(['api', 'plan', 'application', 'subscription']);

/** Sees to it that notices have a channel, and that owners of endpoints can read theirs, whenever resources change. */
export class NoticeKeeper {
  readonly #parts: NoticeKeeperParts;
  readonly #stopWatching: () => void;
  #working: Promise<void> | undefined;
  #isDirty = false;
  #isClosed = false;

  constructor(parts: NoticeKeeperParts) {
    this.#parts = parts;
    this.#stopWatching = parts.administration.store.watch((changes: readonly ResourceChange[]) => {
      if (changes.some(({ resource }) => matters.has(resource.kind))) this.#look();
    });
    this.#look();
  }

  /** Resolves when what follows from everything that changed so far is written. */
  async settled(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopWatching();
    await this.settled();
  }

  #look(): void {
    this.#isDirty = true;
    if (this.#isClosed) return;
    this.#working ??= this.#write()
      .catch((error: unknown) => this.#parts.onFailure(error))
      .finally(() => (this.#working = undefined));
  }

  async #write(): Promise<void> {
    const { administration } = this.#parts;
    const { store } = administration;
    while (this.#isDirty && !this.#isClosed) {
      this.#isDirty = false;
      if (noticeDrafts(store, administration.now()).length === 0) continue;
      // Worked out again when it is its turn: others may have written in between.
      await administration.change(actor, async () => ({ drafts: noticeDrafts(store, administration.now()), result: undefined }));
    }
  }
}
