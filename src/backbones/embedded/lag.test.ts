import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { systemClock } from '../../core/clock.ts';
import type { Database } from '../../store/database.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { draft } from '../../testing/backbone-events.ts';
import { embeddedMigrations } from './migrations.ts';
import { openEmbedded } from './open-embedded.ts';

it('The lag ends where readers were told the log ends, though the disk may be a commit ahead', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = await openDatabase({ folder, migrations: embeddedMigrations });
  let release: Promise<void> | undefined;
  let onCommitted: () => void = () => undefined;
  // Commits as usual, and tells of it only when it is released.
  const late: Database = {
    transact: async (statements) => {
      const results = await database.transact(statements);
      onCommitted();
      await release;
      return results;
    },
    query: (sql, parameters) => database.query(sql, parameters),
    close: () => database.close(),
  };
  const backbone = await openEmbedded({ database: late, clock: systemClock });
  let goOn: () => void = () => undefined;
  t.after(async () => {
    goOn();
    await backbone.close();
    await database.close();
    await rm(folder, { recursive: true });
  });
  const channel = { log: 'default/orders', address: 'created' };
  await backbone.prepare(channel.log, { dedupWindow: 0 });
  const [first] = await backbone.publish(channel, [draft('1')]);
  const [second] = await backbone.publish(channel, [draft('2')]);

  release = new Promise((resolve) => (goOn = resolve));
  const committed = new Promise<void>((resolve) => (onCommitted = resolve));
  const third = backbone.publish(channel, [draft('3')]);
  await committed;
  assert.equal((await backbone.lag(channel, first!.position)).events, 1);
  assert.equal((await backbone.lag(channel, second!.position)).events, 0);
  goOn();
  await third;
  assert.equal((await backbone.lag(channel, first!.position)).events, 2);
  assert.equal((await backbone.lag(channel, second!.position)).events, 1);
});
