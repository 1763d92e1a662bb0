/** Notices on their way to their channel: written with what they tell of, deleted when they are published. */
export const noticeMigrations: readonly { readonly name: string; readonly up: readonly string[] }[] = [
  {
    name: 'push-notice-001-outbox',
    up: [
      `CREATE TABLE push_notice (
         id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, application TEXT NOT NULL, kind TEXT NOT NULL, endpoint TEXT NOT NULL,
         at INTEGER NOT NULL, due_at INTEGER NOT NULL, data TEXT NOT NULL
       )`,
      `CREATE INDEX push_notice_by_due ON push_notice (due_at)`,
    ],
  },
  {
    // Empty: it was told before that was written down.
    name: 'push-notice-002-owner',
    up: [`ALTER TABLE push_notice ADD COLUMN owner TEXT NOT NULL DEFAULT ''`],
  },
];
