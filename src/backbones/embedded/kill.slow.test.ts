import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../core/clock.ts';
import type { Event } from '../../core/event.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { readAll } from '../../testing/backbone-events.ts';
import type { PublishingOrders } from '../../testing/publishing-process.ts';
import { embeddedMigrations } from './migrations.ts';
import { openEmbedded } from './open-embedded.ts';

const KILLS = 100;
const PUBLISHERS = 6;
const program = fileURLToPath(new URL('../../testing/publishing-process.ts', import.meta.url));

/** Numbers 0 up to, not including, 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What was acknowledged over all lives of the process. */
class Acknowledged {
  readonly positions = new Map<string, string>();
  readonly next = Array.from({ length: PUBLISHERS }, () => 0);

  take(publisher: number, first: number, positions: readonly string[]): void {
    positions.forEach((position, index) => this.positions.set(`${publisher}:${first + index}`, position));
    this.next[publisher] = first + positions.length;
  }

  /** The newest events of each publisher. */
  get recent(): string[] {
    return this.next.flatMap((next, publisher) => (next === 0 ? [] : [`${publisher}:${next - 1}`]));
  }
}

type Line =
  | { readonly ready: true }
  | { readonly repeated: string; readonly position: string; readonly duplicate: boolean }
  | { readonly publisher: number; readonly first: number; readonly positions: string[] };

interface Life {
  readonly folder: string;
  readonly acknowledged: Acknowledged;
  /** Lines after which the process is killed; negative: milliseconds after its start. */
  readonly killAfter: number;
}

/** One life of the process, from its start to its end by SIGKILL; returns how many publishes it acknowledged. */
async function live({ folder, acknowledged, killAfter }: Life): Promise<number> {
  const orders: PublishingOrders = { next: acknowledged.next, repeat: acknowledged.recent };
  const child = spawn(process.execPath, [program, folder, JSON.stringify(orders)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const timer = killAfter < 0 ? setTimeout(() => child.kill('SIGKILL'), -killAfter) : undefined;
  const ended = new Promise<string | null>((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  let lines = 0;
  let publishes = 0;
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text) as Line;
    if ('repeated' in line) {
      assert.deepEqual(
        [line.duplicate, line.position],
        [true, acknowledged.positions.get(line.repeated)],
        `${line.repeated} is told from a new event`,
      );
    } else if ('publisher' in line) {
      acknowledged.take(line.publisher, line.first, line.positions);
      publishes++;
    }
    // What the process had written before it died still arrives and counts.
    if (++lines === killAfter) child.kill('SIGKILL');
  }
  clearTimeout(timer);
  assert.equal(await ended, 'SIGKILL', 'the process ends by being killed and not by itself');
  return publishes;
}

function verify(events: readonly Event[], acknowledged: Acknowledged): void {
  const places = new Map(events.map(({ id, position }) => [id, position as string]));
  assert.equal(places.size, events.length, 'no event is on the log twice');
  for (const [id, position] of acknowledged.positions) assert.equal(places.get(id), position, `${id} is where it was acknowledged`);
  for (let publisher = 0; publisher < PUBLISHERS; publisher++) {
    const numbers = events.filter(({ id }) => id.startsWith(`${publisher}:`)).map(({ id }) => Number(id.split(':')[1]));
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index),
      `publisher ${publisher} in order and whole`,
    );
  }
  for (const { id, data } of events)
    assert.ok(data!.byteLength === 0 || Buffer.from(data!).toString().startsWith(id.slice(0, data!.byteLength)), `${id} has its own bytes`);
}

describe('embedded log and kill -9', () => {
  it(`loses nothing acknowledged, keeps order and never reuses a position over ${KILLS} kills under load`, async (context) => {
    const seed = Number(process.env['SLUICE_TEST_SEED'] ?? Date.now() % 2 ** 31);
    context.diagnostic(`seed ${seed} (SLUICE_TEST_SEED)`);
    const random = seeded(seed);
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    const acknowledged = new Acknowledged();
    let publishes = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const killAfter = random() < 0.15 ? -Math.ceil(random() * 300) : 1 + Math.floor(random() * 150);
      publishes += await live({ folder, acknowledged, killAfter });
    }
    const database = await openDatabase({ folder, migrations: embeddedMigrations });
    const backbone = await openEmbedded({ database, clock: systemClock });
    await backbone.prepare('default/kill', { dedupWindow: 0 });
    const events = await readAll(backbone, { log: 'default/kill', address: '*' });
    context.diagnostic(`${publishes} publishes acknowledged, ${events.length} events`);
    assert.ok(publishes > KILLS, 'there was load');
    verify(events, acknowledged);
    assert.deepEqual(await database.query('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
    await backbone.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  it('asks the disk to sync at least once for every commit it acknowledges', async (context) => {
    if (spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status !== 0) {
      context.skip('strace is not installed or not permitted here: install it to see that syncs happen');
      return;
    }
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    const orders: PublishingOrders = { next: [0], repeat: [], rounds: 50 };
    const report = join(folder, 'syncs');
    const { stdout, status } = spawnSync(
      'strace',
      [
        '-f',
        '-e',
        'trace=fsync,fdatasync,write,pwrite64',
        '-e',
        'signal=none',
        '-y',
        '-o',
        report,
        process.execPath,
        program,
        join(folder, 'data'),
        JSON.stringify(orders),
      ],
      { encoding: 'utf8' },
    );
    assert.equal(status, 0);
    assert.equal(stdout.split('\n').filter((line) => line.includes('publisher')).length, 50);
    // Each acknowledgement (a write to stdout) must come after a sync of the write-ahead log that came after the acknowledgement before.
    let synced = 0;
    let acknowledgements = 0;
    for (const line of (await readFile(report, 'utf8')).split('\n')) {
      if (/f(data)?sync\(\d+<[^>]*sluice\.db-wal>/.test(line)) synced++;
      if (!/write\(1<.*publisher/.test(line)) continue;
      acknowledgements++;
      assert.ok(synced >= 1, `acknowledgement ${acknowledgements} without a sync`);
      synced = 0;
    }
    assert.equal(acknowledgements, 50);
    await rm(folder, { recursive: true });
  });
});
