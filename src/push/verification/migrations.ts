/** The table of what receivers said when they were asked whether they want deliveries. */
export const verificationMigrations: readonly { readonly name: string; readonly up: readonly string[] }[] = [
  {
    name: 'verification-001-records',
    up: [
      // For which policy and URL it was said, and when the receiver is asked next.
      `CREATE TABLE push_verification (
         endpoint TEXT PRIMARY KEY, tenant TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL,
         next_at INTEGER, verified_at INTEGER, per_minute INTEGER, sentence TEXT
       ) WITHOUT ROWID`,
    ],
  },
];
