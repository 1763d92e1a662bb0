import type { Migration } from './migration.ts';

/** What the control plane remembers: resources as documents, what happened to them, and earlier specs of APIs by resource id. */
export const storeMigrations: readonly Migration[] = [
  {
    name: 'store-0001-resources',
    up: [
      `CREATE TABLE resource (
        tenant TEXT NOT NULL,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        parent TEXT NOT NULL,
        version INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        spec TEXT NOT NULL,
        PRIMARY KEY (kind, id),
        UNIQUE (tenant, kind, parent, name)
      ) STRICT`,
      `CREATE TABLE audit (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        parent TEXT NOT NULL,
        before TEXT,
        after TEXT
      ) STRICT`,
      'CREATE INDEX audit_by_tenant ON audit (tenant, seq)',
      'CREATE INDEX audit_by_resource ON audit (tenant, kind, name, seq)',
      `CREATE TABLE api_revision (
        tenant TEXT NOT NULL,
        id TEXT NOT NULL,
        revision INTEGER NOT NULL,
        at INTEGER NOT NULL,
        actor TEXT NOT NULL,
        spec TEXT NOT NULL,
        PRIMARY KEY (id, revision)
      ) STRICT`,
    ],
  },
];
