/** Tables of what comes in from other providers. */
export const inboundMigrations: readonly { readonly name: string; readonly up: readonly string[] }[] = [
  {
    name: 'inbound-001-requests',
    up: [
      // Requests that were taken, until a repetition can no longer be one.
      'CREATE TABLE inbound_request (key TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID',
      'CREATE INDEX inbound_request_by_end ON inbound_request (until)',
    ],
  },
];
