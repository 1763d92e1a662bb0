import type { Clock } from '../core/clock.ts';
import type { Database, Statement } from '../store/database.ts';
import type { Book } from './book.ts';
import { bulk } from './bulk.ts';

/** When each credential was last used. */
export class CredentialBook implements Book {
  readonly #clock: Clock;
  readonly #usedAt = new Map<string, number>();
  readonly #tenants = new Map<string, string>();
  #dirty = new Set<string>();
  #writing = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async load(database: Database): Promise<void> {
    for (const row of await database.query('SELECT credential, used_at FROM credential_use')) {
      this.#usedAt.set(String(row['credential']), Number(row['used_at']));
    }
  }

  touch(credential: string, tenant: string): void {
    this.#usedAt.set(credential, this.#clock.now());
    this.#tenants.set(credential, tenant);
    this.#dirty.add(credential);
  }

  /** Wall time in milliseconds; undefined: never. */
  lastUsed(credential: string): number | undefined {
    return this.#usedAt.get(credential);
  }

  get dirty(): boolean {
    return this.#dirty.size > 0;
  }

  collect(): readonly Statement[] {
    this.#writing = this.#dirty;
    this.#dirty = new Set();
    return bulk(
      'INSERT INTO credential_use (tenant, credential, used_at)',
      'ON CONFLICT (credential) DO UPDATE SET used_at = max(used_at, excluded.used_at)',
      3,
      [...this.#writing].map((credential) => [this.#tenants.get(credential) ?? 'default', credential, this.#usedAt.get(credential) ?? 0]),
    );
  }

  committed(): void {
    this.#writing = new Set();
  }

  failed(): void {
    for (const credential of this.#writing) this.#dirty.add(credential);
    this.#writing = new Set();
  }
}
