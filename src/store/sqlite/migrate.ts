import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { StoreError } from '../database.ts';
import type { Migration } from '../migration.ts';
import type { DataFiles } from './data-files.ts';

/** Version of the file as a whole, in `user_version`: grows only when an older Sluice could not even read the list of migrations. */
const FILE_FORMAT = 1;

/** Brings the structure up to date in one transaction; refuses a file from a later version with NEWER. */
export async function migrate(database: DatabaseSync, migrations: readonly Migration[], files: DataFiles): Promise<void> {
  const format = Number((database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version);
  if (format > FILE_FORMAT) throw newer(files, `file format ${format}, this one knows ${FILE_FORMAT}`);
  const done = new Set(appliedMigrations(database));
  const known = new Set(migrations.map((migration) => migration.name));
  const unknown = [...done].find((name) => !known.has(name));
  if (unknown !== undefined) throw newer(files, `change "${unknown}", unknown here`);
  if (format === FILE_FORMAT && migrations.every((migration) => done.has(migration.name))) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    await runMigrator(database, migrations);
    database.exec(`PRAGMA user_version = ${FILE_FORMAT}`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function newer(files: DataFiles, what: string): StoreError {
  return new StoreError(
    'NEWER',
    `The database ${files.database} was written by a later version of Sluice (${what}). Start that version, or choose another folder with --data.`,
  );
}

function appliedMigrations(database: DatabaseSync): string[] {
  const table = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'kysely_migration'").get();
  if (table === undefined) return [];
  return database
    .prepare('SELECT name FROM kysely_migration')
    .all()
    .map((row) => String(row['name']));
}

async function runMigrator(database: DatabaseSync, migrations: readonly Migration[]): Promise<void> {
  // Loaded only when there is something to do: it would take a tenth of a second of every start.
  const [{ CompiledQuery, Kysely, SqliteDialect }, { Migrator }] = await Promise.all([import('kysely'), import('kysely/migration')]);
  const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database: asKyselyDatabase(database) }) });
  const order = new Map(migrations.map((migration, index) => [migration.name, index]));
  const list = migrations.map(({ name, up }) => {
    const run = async (executor: typeof kysely): Promise<void> => {
      for (const sql of up) await executor.executeQuery(CompiledQuery.raw(sql));
    };
    return [name, { up: run }] as const;
  });
  const migrator = new Migrator({
    db: kysely,
    provider: { getMigrations: () => Promise.resolve(Object.fromEntries(list)) },
    // Each part of Sluice brings its own list, so a new step may come before one that is already done.
    allowUnorderedMigrations: true,
    nameComparator: (a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0),
  });
  const { error } = await migrator.migrateToLatest();
  // As SQLite threw it: its code says whether the disk is full or a statement wrong.
  if (error !== undefined) throw error as Error;
}

function asKyselyDatabase(database: DatabaseSync) {
  return {
    close: () => undefined,
    prepare(sql: string) {
      const statement = database.prepare(sql);
      const values = (parameters: readonly unknown[]) => parameters as readonly SQLInputValue[];
      return {
        reader: statement.columns().length > 0,
        all: (parameters: readonly unknown[]) => statement.all(...values(parameters)),
        run: (parameters: readonly unknown[]) => statement.run(...values(parameters)),
        iterate: (parameters: readonly unknown[]) => statement.iterate(...values(parameters)),
      };
    },
  };
}
