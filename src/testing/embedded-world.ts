import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach } from 'node:test';
import { embeddedMigrations } from '../backbones/embedded/migrations.ts';
import { openEmbedded } from '../backbones/embedded/open-embedded.ts';
import type { Backbone, LogPolicy } from '../core/backbone.ts';
import type { EventDraft } from '../core/event.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { draft } from './backbone-events.ts';
import { FaultyDatabase } from './faulty-database.ts';

export const log = 'default/orders';
export const channel = { log, address: 'created' };
export const hour: LogPolicy = { dedupWindow: 3_600_000 };

/** An embedded backbone on a folder of its own, with a clock the test sets and a disk that fails when told to. */
export class EmbeddedWorld {
  folder = '';
  database!: FaultyDatabase;
  backbone!: Backbone;
  now = 1_000_000;
  readonly warnings: string[] = [];
  readonly clock = { now: () => this.now };

  async open(options: { maxPendingBytes?: number } = {}): Promise<void> {
    this.database = new FaultyDatabase(await openDatabase({ folder: this.folder, migrations: embeddedMigrations }));
    const onWarning = (sentence: string): number => this.warnings.push(sentence);
    this.backbone = await openEmbedded({ database: this.database, clock: this.clock, onWarning, retentionInterval: 20, ...options });
  }

  async close(): Promise<void> {
    await this.backbone.close();
    await this.database.close();
  }

  async restart(policy: LogPolicy = hour): Promise<void> {
    await this.close();
    await this.open();
    await this.backbone.prepare(log, policy);
  }

  /** Events between the oldest and the newest position, as far as retention has come. */
  async span(): Promise<number> {
    const ends = [this.backbone.locate(channel, { at: 'earliest' }), this.backbone.locate(channel, { at: 'latest' })] as const;
    const [earliest, latest] = await Promise.all(ends);
    return this.backbone.compare(latest, earliest);
  }
}

/** A new world for each test of the file that calls this. */
export function embeddedWorld(): EmbeddedWorld {
  const world = new EmbeddedWorld();
  let empty = '';
  before(async () => {
    // Tables are made once and copied: making them takes longer than most tests.
    empty = await mkdtemp(join(tmpdir(), 'sluice-'));
    await (await openDatabase({ folder: empty, migrations: embeddedMigrations })).close();
  });
  after(() => rm(empty, { recursive: true }));
  beforeEach(async () => {
    world.folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    await cp(empty, world.folder, { recursive: true });
    world.now = 1_000_000;
    world.warnings.length = 0;
    await world.open();
  });
  afterEach(async () => {
    await world.close();
    await rm(world.folder, { recursive: true });
  });
  return world;
}

export function numbered(count: number, prefix: string): EventDraft[] {
  return Array.from({ length: count }, (_, index) => draft(`${prefix}${index}`));
}
