import type { Migration } from '../../store/migration.ts';

/**
 * What a hub has to remember besides its subscriptions, which are endpoints: requests that were accepted and are not verified yet, and
 * subscribers that are still to be told of the end. `secret` is sealed.
 */
export const websubMigrations: readonly Migration[] = [
  {
    name: 'websub-001-hub',
    up: [
      `CREATE TABLE websub_request (
         id TEXT PRIMARY KEY, mode TEXT NOT NULL, subscription TEXT NOT NULL, address TEXT NOT NULL, self TEXT NOT NULL,
         callback TEXT NOT NULL, topic TEXT NOT NULL, hub TEXT NOT NULL, lease INTEGER, secret TEXT, deadline INTEGER NOT NULL,
         accepted_at INTEGER NOT NULL
       )`,
      `CREATE TABLE websub_denial (id TEXT PRIMARY KEY, callback TEXT NOT NULL, topic TEXT NOT NULL, reason TEXT, deadline INTEGER NOT NULL)`,
      // `pinged_at`: it is to be fetched; `contents` counts the different ones there have been, `hash` is that of the last.
      `CREATE TABLE websub_topic (
         api TEXT NOT NULL, topic TEXT NOT NULL, pinged_at INTEGER, etag TEXT, last_modified TEXT, hash TEXT, contents INTEGER NOT NULL,
         PRIMARY KEY (api, topic)
       ) WITHOUT ROWID`,
    ],
  },
];
