import type { Database, SqlValue } from '../store/database.ts';
import type { Resource } from '../store/resources.ts';

interface OrphanReadersParts {
  readonly database: Pick<Database, 'query'>;
  /** Gives up the name of a reader that is not connected; its usage stays. */
  readonly forgetReader: (reader: string) => Promise<void>;
  /** Wall time in milliseconds at which the endpoint was made that has this name under this subscription now. */
  readonly sinceOf: (subscription: string, name: string) => number | undefined;
}

type Row = Readonly<Record<string, SqlValue>>;

/** Readers forgotten, or looked for, at once: delivering goes first. */
const mostAtOnce = 200;
/** Endpoints that were deleted and whose readers are looked for by name; with more all readers are looked through. */
const mostLeft = 10_000;

/** Names that Sluice itself gives endpoints, one for each thing subscribed to: by WebSub and by REST Hooks. */
const ofSubscriber = /^(websub-[0-9a-f-]{36}|hook-[0-9a-f]{24})$/;

const fields = 'reader.id, subscription, name, created_at, closed_at';
const ofPush = `(protocol = 'websub' OR protocol = 'webhook' AND name GLOB 'hook-*')`;
const allClosed = `SELECT ${fields} FROM reader WHERE name IS NOT NULL AND closed_at IS NOT NULL AND ${ofPush}`;
/** In this order each is one look at an index, however many readers there are. */
const allNamed = `SELECT ${fields} FROM json_each(?) AS gone CROSS JOIN reader
  ON subscription = gone.value ->> 0 AND name = gone.value ->> 1 WHERE ${ofPush}`;

/**
 * Forgets the readers of endpoints that came with a subscriber and went with it: nobody else goes on under their names, and who
 * subscribes again gets what comes from then on.
 */
export class OrphanReaders {
  readonly #parts: OrphanReadersParts;
  /** There may be some of an earlier run. */
  #areAll = true;
  /** Endpoints that were deleted, as JSON: subscription and name. */
  readonly #left = new Set<string>();

  constructor(parts: OrphanReadersParts) {
    this.#parts = parts;
  }

  /** An endpoint was deleted. */
  left({ name, spec }: Pick<Resource<'endpoint'>, 'name' | 'spec'>): void {
    if (!ofSubscriber.test(name)) return;
    this.#left.add(JSON.stringify([spec.subscription, name]));
    if (this.#left.size > mostLeft) this.#areAll = true;
    if (this.#areAll) this.#left.clear();
  }

  /** Called when nobody delivers to those that were deleted, and that is on disk. True: there are more. */
  async forget(): Promise<boolean> {
    if (!this.#areAll) return await this.#forgetLeft();
    this.#areAll = false;
    try {
      this.#areAll = await this.#forgetOf(await this.#parts.database.query(allClosed));
    } catch (error) {
      this.#areAll = true;
      throw error;
    }
    return this.#areAll;
  }

  async #forgetLeft(): Promise<boolean> {
    const some = [...this.#left].slice(0, mostAtOnce);
    if (some.length === 0) return false;
    for (const key of some) this.#left.delete(key);
    const isMore = this.#left.size > 0;
    try {
      const rows = await this.#parts.database.query(allNamed, [`[${some.join(',')}]`]);
      await this.#forgetOf(rows.filter((row) => row['closed_at'] !== null));
      // Somebody still reads as these: they are looked for again when there are others.
      for (const row of rows) if (row['closed_at'] === null) this.#left.add(JSON.stringify([row['subscription'], row['name']]));
      return isMore;
    } catch (error) {
      for (const key of some) this.#left.add(key);
      throw error;
    }
  }

  /** True: not all of them, since they are many. */
  async #forgetOf(rows: readonly Row[]): Promise<boolean> {
    const { forgetReader, sinceOf } = this.#parts;
    // One that is older than the endpoint of its name was another's.
    const orphans = rows.filter(({ subscription, name, created_at: begun }) => {
      const since = sinceOf(String(subscription), String(name)) ?? Infinity;
      return ofSubscriber.test(String(name)) && since > Number(begun);
    });
    // Together, so that they share commits.
    await Promise.all(orphans.slice(0, mostAtOnce).map(({ id }) => forgetReader(String(id))));
    return orphans.length > mostAtOnce;
  }
}
