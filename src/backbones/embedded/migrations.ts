import type { Migration } from '../../store/migration.ts';

/**
 * `event_log`: one row per API. `event_batch`: one row per commit, log and address; its events have the sequence numbers first to last.
 * `tally` counts the events of the address up to and including the row, so that lag is a subtraction. `keys` holds 8 bytes per event that
 * tell repeated ones; it stands before `events` so that reading it leaves the payload pages alone.
 */
export const embeddedMigrations: readonly Migration[] = [
  {
    name: 'embedded-0001-log',
    up: [
      `CREATE TABLE event_log (
        id INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        epoch TEXT NOT NULL,
        head INTEGER NOT NULL,
        oldest INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        UNIQUE (tenant, name)
      ) STRICT`,
      `CREATE TABLE event_batch (
        id INTEGER PRIMARY KEY,
        log INTEGER NOT NULL REFERENCES event_log (id),
        channel INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        tally INTEGER NOT NULL,
        accepted_at INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        address TEXT NOT NULL,
        keys BLOB NOT NULL,
        events BLOB NOT NULL
      ) STRICT`,
      'CREATE UNIQUE INDEX event_batch_by_log ON event_batch (log, last, first)',
      'CREATE INDEX event_batch_by_channel ON event_batch (log, channel, last, first)',
      'CREATE TABLE embedded_probe (id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT',
    ],
  },
];
