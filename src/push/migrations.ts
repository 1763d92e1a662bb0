/** Tables of push deliveries. The log holds what is still to be read; here is only what was read and is not simply done. */
export const pushMigrations: readonly { readonly name: string; readonly up: readonly string[] }[] = [
  {
    name: 'push-001-deliveries',
    up: [
      // Passed over by its reader and owed to the endpoint, or dead. The event stands here too, since the log may let go of it.
      `CREATE TABLE push_delivery (
         endpoint TEXT NOT NULL, position TEXT NOT NULL, tenant TEXT NOT NULL, address TEXT NOT NULL, event_id TEXT NOT NULL,
         event_type TEXT NOT NULL, ordering_key TEXT, state TEXT NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL,
         counted INTEGER NOT NULL, throttled INTEGER NOT NULL, format_refused INTEGER NOT NULL, due_at INTEGER, billed INTEGER NOT NULL,
         accepted_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, event BLOB NOT NULL,
         PRIMARY KEY (endpoint, position)
       )`,
      `CREATE INDEX push_delivery_by_state ON push_delivery (endpoint, state)`,
      // Done, though the cursor of the reader is still before it: a restart does not send it again.
      `CREATE TABLE push_settled (endpoint TEXT NOT NULL, position TEXT NOT NULL, PRIMARY KEY (endpoint, position)) WITHOUT ROWID`,
      `CREATE TABLE push_endpoint (endpoint TEXT PRIMARY KEY, tenant TEXT NOT NULL, state TEXT NOT NULL) WITHOUT ROWID`,
      `CREATE TABLE push_attempt (
         id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, endpoint TEXT NOT NULL, position TEXT NOT NULL, event_id TEXT NOT NULL,
         event_type TEXT NOT NULL, attempt INTEGER NOT NULL, lane TEXT NOT NULL, at INTEGER NOT NULL, outcome TEXT NOT NULL,
         status INTEGER, failure TEXT, sentence TEXT, duration INTEGER NOT NULL, detail TEXT NOT NULL, response BLOB, next_at INTEGER
       )`,
      `CREATE INDEX push_attempt_by_endpoint ON push_attempt (endpoint, id)`,
      `CREATE INDEX push_attempt_by_event ON push_attempt (endpoint, event_id, id)`,
    ],
  },
  {
    name: 'push-002-replays',
    up: [
      // What was asked to be delivered again, and how far that has come; its own deliveries that are owed bear its id as their endpoint.
      `CREATE TABLE push_replay (
         id TEXT PRIMARY KEY, tenant TEXT NOT NULL, endpoint TEXT NOT NULL, address TEXT NOT NULL, kind TEXT NOT NULL,
         after TEXT NOT NULL, until TEXT NOT NULL, types TEXT NOT NULL, before INTEGER, state TEXT NOT NULL, code TEXT, sentence TEXT,
         total INTEGER NOT NULL, cursor TEXT NOT NULL, reader TEXT, passed INTEGER NOT NULL, sent INTEGER NOT NULL, succeeded INTEGER NOT NULL,
         failed INTEGER NOT NULL, created_at INTEGER NOT NULL, changed_at INTEGER NOT NULL
       )`,
      `CREATE INDEX push_replay_by_endpoint ON push_replay (endpoint)`,
      `CREATE INDEX push_replay_by_state ON push_replay (state)`,
    ],
  },
  {
    name: 'push-003-batches',
    up: [
      // Those of one endpoint that have the same are attempted together.
      'ALTER TABLE push_delivery ADD COLUMN batch TEXT',
      // Ids of the events of an attempt that carried several, as JSON; each is found by the table below, which follows by itself.
      'ALTER TABLE push_attempt ADD COLUMN events TEXT',
      `CREATE TABLE push_attempt_event (
         endpoint TEXT NOT NULL, event_id TEXT NOT NULL, attempt INTEGER NOT NULL, PRIMARY KEY (endpoint, event_id, attempt)
       ) WITHOUT ROWID`,
      'CREATE INDEX push_attempt_event_by_attempt ON push_attempt_event (attempt)',
      `CREATE TRIGGER push_attempt_made AFTER INSERT ON push_attempt WHEN NEW.events IS NOT NULL BEGIN
         INSERT OR IGNORE INTO push_attempt_event (endpoint, event_id, attempt)
         SELECT NEW.endpoint, value, NEW.id FROM json_each(NEW.events);
       END`,
      `CREATE TRIGGER push_attempt_gone AFTER DELETE ON push_attempt WHEN OLD.events IS NOT NULL BEGIN
         DELETE FROM push_attempt_event WHERE attempt = OLD.id;
       END`,
    ],
  },
  {
    name: 'push-004-dead-letters',
    up: [
      `CREATE INDEX push_delivery_dead ON push_delivery (endpoint, changed_at) WHERE state = 'dead'`,
      // How many dead letters of an endpoint were dropped because they had been kept long enough, and when some were last.
      'CREATE TABLE push_dropped (endpoint TEXT PRIMARY KEY, letters INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID',
    ],
  },
];
