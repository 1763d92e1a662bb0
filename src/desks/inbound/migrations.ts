import type { Migration } from '../../store/migration.ts';

/** Tables of what comes in from other providers. */
export const inboundMigrations: readonly Migration[] = [
  {
    name: 'inbound-001-requests',
    up: [
      // Requests that were taken, until a repetition can no longer be one.
      'CREATE TABLE inbound_request (key TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID',
      'CREATE INDEX inbound_request_by_end ON inbound_request (until)',
    ],
  },
  {
    name: 'inbound-002-topics',
    // Our subscriptions at hubs of others, as JSON.
    up: ['CREATE TABLE inbound_topic (token TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID'],
  },
  {
    name: 'inbound-003-sources',
    // Whose request it was; empty for those that were taken before this was known.
    up: [`ALTER TABLE inbound_request ADD COLUMN source TEXT NOT NULL DEFAULT ''`],
  },
];
