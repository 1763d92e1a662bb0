import { bulk } from '../../metering/bulk.ts';
import type { Book } from '../../metering/book.ts';
import type { SqlValue, Statement } from '../../store/database.ts';
import type { Notice } from './notice.ts';

const columns = ['id', 'tenant', 'application', 'owner', 'kind', 'endpoint', 'at', 'due_at', 'data'] as const;
const put = `INSERT INTO push_notice (${columns.join(', ')})`;
const replace = 'ON CONFLICT (id) DO UPDATE SET at = excluded.at, data = excluded.data';

/**
 * The outbox of notices. A book of the ledger beside that of deliveries: a notice and the state it tells of, put into their books in
 * one turn of the loop, are on disk in one commit.
 */
export class NoticeBook implements Book {
  /** By id: what is told again replaces what was told before. */
  #waiting = new Map<string, readonly SqlValue[]>();
  #writing = new Map<string, readonly SqlValue[]>();
  #onWritten: () => void = () => undefined;

  /** `onWritten` is called when notices have come to disk. */
  watch(onWritten: () => void): void {
    this.#onWritten = onWritten;
  }

  /** `dueAt`: wall time in milliseconds from which it may be published. */
  put({ id, tenant, application, owner, kind, endpoint, at, data }: Notice, dueAt: number): void {
    this.#waiting.set(id, [id, tenant, application, owner, kind, endpoint, at, dueAt, JSON.stringify(data)]);
  }

  get dirty(): boolean {
    return this.#waiting.size > 0;
  }

  collect(): readonly Statement[] {
    this.#writing = this.#waiting;
    this.#waiting = new Map();
    return bulk(put, replace, columns.length, [...this.#writing.values()]);
  }

  committed(): void {
    const isWritten = this.#writing.size > 0;
    this.#writing = new Map();
    if (isWritten) this.#onWritten();
  }

  failed(): void {
    this.#waiting = new Map([...this.#writing, ...this.#waiting]);
    this.#writing = new Map();
  }
}
