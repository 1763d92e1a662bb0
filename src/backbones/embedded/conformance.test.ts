import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { backboneConformance } from '../../testing/backbone-conformance.ts';
import { embeddedMigrations } from './migrations.ts';
import { openEmbedded } from './open-embedded.ts';

backboneConformance('embedded', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = await openDatabase({ folder, migrations: embeddedMigrations });
  const backbone = await openEmbedded({ database, clock: systemClock });
  const dispose = async (): Promise<void> => {
    await backbone.close();
    await database.close();
    await rm(folder, { recursive: true });
  };
  return { backbone, dispose };
});
