/** Tables of the ledger, in the order in which they are made. Rows hold absolute values, so that writing one again changes nothing. */
export const meteringMigrations: readonly { readonly name: string; readonly up: readonly string[] }[] = [
  {
    name: 'metering-001-ledger',
    up: [
      // One lineage of positions. `start` <= `charged`; the ranges of a reader tile (start, charged].
      `CREATE TABLE reader (
         id TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT, subscription TEXT NOT NULL, application TEXT NOT NULL,
         api TEXT NOT NULL, plan TEXT, log TEXT NOT NULL, address TEXT NOT NULL, protocol TEXT NOT NULL, start TEXT NOT NULL,
         cursor TEXT NOT NULL, charged TEXT NOT NULL, serial INTEGER NOT NULL, created_at INTEGER NOT NULL,
         delivered_at INTEGER, closed_at INTEGER
       ) WITHOUT ROWID`,
      `CREATE UNIQUE INDEX reader_by_name ON reader (subscription, name, address) WHERE name IS NOT NULL`,
      `CREATE INDEX reader_resumable ON reader (closed_at) WHERE name IS NULL`,
      `CREATE INDEX reader_by_tenant ON reader (tenant, id)`,
      `CREATE INDEX reader_by_subscription ON reader (subscription)`,
      // (lo, hi] of one reader, begun in one minute (UTC, minutes since 1970). Consecutive serials tile.
      `CREATE TABLE usage_range (
         reader TEXT NOT NULL, serial INTEGER NOT NULL, tenant TEXT NOT NULL, minute INTEGER NOT NULL, lo TEXT NOT NULL, hi TEXT NOT NULL,
         n_billable INTEGER NOT NULL, n_redelivered INTEGER NOT NULL, n_filtered INTEGER NOT NULL, n_dropped INTEGER NOT NULL,
         n_conflated INTEGER NOT NULL, bytes INTEGER NOT NULL, by_type TEXT NOT NULL, t_first INTEGER NOT NULL, t_last INTEGER NOT NULL,
         PRIMARY KEY (reader, serial)
       ) WITHOUT ROWID`,
      `CREATE INDEX usage_range_by_minute ON usage_range (minute)`,
      // What was accepted, by minute and type; type '' carries the calls and duplicates. `part` is the run of the process that wrote it.
      `CREATE TABLE publish_usage (
         tenant TEXT NOT NULL, minute INTEGER NOT NULL, part INTEGER NOT NULL, subscription TEXT NOT NULL, application TEXT NOT NULL,
         api TEXT NOT NULL, address TEXT NOT NULL, type TEXT NOT NULL, calls INTEGER NOT NULL, duplicates INTEGER NOT NULL,
         events INTEGER NOT NULL, bytes INTEGER NOT NULL,
         PRIMARY KEY (tenant, minute, part, subscription, address, type)
       ) WITHOUT ROWID`,
      `CREATE INDEX publish_usage_by_minute ON publish_usage (minute)`,
      `CREATE TABLE connection_usage (
         tenant TEXT NOT NULL, minute INTEGER NOT NULL, part INTEGER NOT NULL, subscription TEXT NOT NULL, application TEXT NOT NULL,
         api TEXT NOT NULL, protocol TEXT NOT NULL, opened INTEGER NOT NULL, closed INTEGER NOT NULL, milliseconds INTEGER NOT NULL,
         peak INTEGER NOT NULL,
         PRIMARY KEY (tenant, minute, part, subscription, protocol)
       ) WITHOUT ROWID`,
      `CREATE TABLE refusal_count (
         tenant TEXT NOT NULL, minute INTEGER NOT NULL, part INTEGER NOT NULL, subscription TEXT NOT NULL, application TEXT NOT NULL,
         api TEXT NOT NULL, address TEXT NOT NULL, stage TEXT NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL,
         decisions INTEGER NOT NULL, events INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
         PRIMARY KEY (tenant, minute, part, subscription, api, address, stage, code, reason)
       ) WITHOUT ROWID`,
      // The newest decisions against each subscription ('' for clients nobody knows), as the subscriber sees them.
      `CREATE TABLE refusal (
         part INTEGER NOT NULL, n INTEGER NOT NULL, tenant TEXT NOT NULL, subscription TEXT NOT NULL, application TEXT, api TEXT, plan TEXT,
         protocol TEXT NOT NULL, address TEXT, stage TEXT NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL, sentence TEXT NOT NULL,
         events INTEGER NOT NULL, count INTEGER NOT NULL, retry_after INTEGER, at INTEGER NOT NULL, last_at INTEGER NOT NULL,
         PRIMARY KEY (part, n)
       ) WITHOUT ROWID`,
      `CREATE INDEX refusal_by_subscription ON refusal (tenant, subscription, at, part, n)`,
      `CREATE TABLE counter (
         tenant TEXT NOT NULL, key TEXT NOT NULL, unit TEXT NOT NULL, start INTEGER NOT NULL, used INTEGER NOT NULL,
         PRIMARY KEY (key, unit)
       ) WITHOUT ROWID`,
      `CREATE TABLE credential_use (
         tenant TEXT NOT NULL, credential TEXT PRIMARY KEY, used_at INTEGER NOT NULL
       ) WITHOUT ROWID`,
    ],
  },
  {
    name: 'metering-002-series',
    up: [
      // Roll-ups of `step` seconds beginning at `at` (seconds since 1970); a cache that can be made again from the ranges.
      `CREATE TABLE series (
         tenant TEXT NOT NULL, step INTEGER NOT NULL, measure TEXT NOT NULL, subject TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL,
         n INTEGER NOT NULL, bytes INTEGER NOT NULL, low REAL, high REAL, p95 REAL, histogram TEXT,
         PRIMARY KEY (tenant, step, measure, subject, id, at)
       ) WITHOUT ROWID`,
      `CREATE INDEX series_by_age ON series (step, at)`,
    ],
  },
  {
    name: 'metering-003-filter',
    up: [
      `ALTER TABLE reader ADD COLUMN filter TEXT`,
      // How often the end of a range moved over events nobody counted; NULL: not known.
      `ALTER TABLE usage_range ADD COLUMN skips INTEGER`,
    ],
  },
  {
    name: 'metering-004-tally',
    up: [
      // Readers charged together: everything from this stretch of the tally on is charged to the reader too, and not in its own rows yet.
      `ALTER TABLE reader ADD COLUMN tally TEXT`,
      `ALTER TABLE reader ADD COLUMN stretch INTEGER`,
      `CREATE INDEX reader_by_tally ON reader (tally, stretch) WHERE tally IS NOT NULL`,
      `CREATE TABLE tally_stretch (
         tally TEXT NOT NULL, serial INTEGER NOT NULL, minute INTEGER NOT NULL, hi TEXT NOT NULL, n_billable INTEGER NOT NULL,
         n_filtered INTEGER NOT NULL, bytes INTEGER NOT NULL, by_type TEXT NOT NULL, t_first INTEGER NOT NULL, t_last INTEGER NOT NULL,
         PRIMARY KEY (tally, serial)
       ) WITHOUT ROWID`,
    ],
  },
  {
    name: 'metering-005-late',
    up: [
      // Events that a push reader passed over and owes, and those of earlier ranges it delivered.
      `ALTER TABLE usage_range ADD COLUMN n_deferred INTEGER NOT NULL DEFAULT 0`,
      `ALTER TABLE usage_range ADD COLUMN n_late INTEGER NOT NULL DEFAULT 0`,
    ],
  },
  {
    name: 'metering-006-lent',
    up: [
      // What the reader was charged behind this place was charged to connections: none of it was deferred.
      `ALTER TABLE reader ADD COLUMN lent_from TEXT`,
    ],
  },
  {
    name: 'metering-007-journal',
    up: [
      // What readers were charged in groups, many entries a row, in the order in which they were charged.
      `CREATE TABLE tally_journal (id INTEGER PRIMARY KEY, entries TEXT NOT NULL)`,
      `INSERT INTO tally_journal (entries)
         SELECT json_array(json_array(tally, serial, minute, hi, n_billable, n_filtered, bytes, t_first, t_last, json(by_type)))
         FROM tally_stretch ORDER BY tally, serial`,
      `DROP TABLE tally_stretch`,
    ],
  },
];
