import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { verificationMigrations } from './migrations.ts';
import { loadRecords, putRecord, type VerificationRecord } from './verification-record.ts';

const record = (endpoint: string): VerificationRecord => ({
  endpoint,
  tenant: 'default',
  subject: '["cloudevents"]',
  state: 'verified',
  tries: 0,
  nextAt: undefined,
  verifiedAt: 5,
  perMinute: 60,
  sentence: undefined,
});

test('of a receiver whose record is damaged nothing is known, which is told, and of the others what they said', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = await openDatabase({ folder, migrations: verificationMigrations });
  const damages = [`state = 'verifying'`, `tries = 'a'`, `per_minute = 'many'`, `next_at = -1`, `subject = x'00'`];
  for (const [nth, damage] of damages.entries())
    await database.transact([
      putRecord(record(`end_${nth}`)),
      { sql: `UPDATE push_verification SET ${damage} WHERE endpoint = ?`, parameters: [`end_${nth}`] },
    ]);
  await database.transact([putRecord(record('sound'))]);
  const told: string[] = [];
  assert.deepEqual(await loadRecords(database, ({ message }) => told.push(message)), [record('sound')]);
  assert.deepEqual(
    told.map((message) => /of (end_\d) said cannot be read \((\w+)\)/.exec(message)?.slice(1)),
    damages.map((damage, nth) => [`end_${nth}`, damage.split(' ')[0]]),
  );
  await database.close();
  await rm(folder, { recursive: true });
});
