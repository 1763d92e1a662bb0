import type { Migration } from '../../store/migration.ts';

/**
 * `event_log`: one row per API. `event_batch`: one row per commit, log and address; its events have the sequence numbers first to last.
 * `tally` counts the events of the address up to and including the row, so that lag is a subtraction. `keys` holds 8 bytes per event that
 * tell repeated ones; it stands before `events` so that reading it leaves the payload pages alone. `event_deletion`: the newest event that
 * retention deleted by address; at `deletion_floor` and before, any address may have lost events.
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
  {
    name: 'embedded-0002-deletions',
    up: [
      // Of what was deleted before this the addresses are not known, so it may have been any.
      'ALTER TABLE event_log ADD COLUMN deletion_floor INTEGER NOT NULL DEFAULT 0',
      'UPDATE event_log SET deletion_floor = oldest - 1',
      `CREATE TABLE event_deletion (
        log INTEGER NOT NULL REFERENCES event_log (id),
        address TEXT NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (log, address)
      ) STRICT, WITHOUT ROWID`,
      'CREATE INDEX event_deletion_by_log ON event_deletion (log, last)',
    ],
  },
];
