import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from '../../core/clock.ts';
import type { GatewayError } from '../../core/errors.ts';
import type { StoreError } from '../../store/database.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { draft, readAll } from '../../testing/backbone-events.ts';
import { until } from '../../testing/until.ts';
import { embeddedMigrations } from './migrations.ts';
import { openEmbedded } from './open-embedded.ts';

const channel = { log: 'default/full', address: 'a' };

/** Mounts a small file system of its own; false where this user may not. */
function mount(folder: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'sluice-test', folder]).status === 0;
}

async function open(folder: string) {
  const database = await openDatabase({ folder, migrations: embeddedMigrations });
  const backbone = await openEmbedded({ database, clock: systemClock });
  await backbone.prepare(channel.log, { dedupWindow: 3_600_000 });
  const close = async (): Promise<void> => {
    await backbone.close();
    await database.close();
  };
  return { database, backbone, close };
}

describe('embedded log on a disk that', () => {
  let folder: string;
  let mounted: boolean;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    mounted = mount(folder);
  });
  afterEach(async () => {
    if (mounted) spawnSync('umount', [folder]);
    await rm(folder, { recursive: true });
  });

  it('is full: refuses with STORE_FULL, keeps all it acknowledged, and works again once there is space', async (context) => {
    if (!mounted) {
      context.skip('this user may not mount a small file system; run it as root');
      return;
    }
    const filler = join(folder, 'filler');
    await writeFile(filler, Buffer.alloc(1024 * 1024));
    const { backbone, close } = await open(join(folder, 'data'));
    const acknowledged: string[] = [];
    const seen: string[] = [];
    await backbone.consume(channel, (events) => void seen.push(...events.map(({ id }) => id)));
    let refusals = 0;
    for (let number = 0; refusals < 20; number++) {
      assert.ok(number < 10_000, 'the disk fills');
      try {
        await backbone.publish(channel, [draft(`e${number}`, { data: Buffer.alloc(10_000, 1) })]);
        acknowledged.push(`e${number}`);
      } catch (error) {
        assert.equal((error as GatewayError).code, 'STORE_FULL', String((error as GatewayError).cause));
        refusals++;
      }
    }
    assert.ok(acknowledged.length > 20);
    assert.deepEqual(
      (await readAll(backbone, channel)).map(({ id }) => id),
      acknowledged,
    );
    assert.notEqual((await backbone.check(AbortSignal.timeout(30_000))).state, 'up');
    await rm(filler);
    for (let number = 0; number < 20; number++) {
      await backbone.publish(channel, [draft(`after${number}`, { data: Buffer.alloc(10_000, 1) })]);
      acknowledged.push(`after${number}`);
    }
    // A probe that takes a second, as it may on a busy machine, would say that the disk is slow.
    await until(
      async () => (await backbone.check(AbortSignal.timeout(30_000))).state === 'up',
      () => 'it does not come up again',
    );
    assert.deepEqual(seen, acknowledged);
    await close();
    const again = await open(join(folder, 'data'));
    assert.deepEqual(
      (await readAll(again.backbone, channel)).map(({ id }) => id),
      acknowledged,
    );
    assert.deepEqual(await again.database.query('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
    await again.close();
  });

  it('cannot be written to: refuses to open with READ_ONLY, whether there is a database or not', async () => {
    const fresh = join(folder, 'locked');
    const used = join(folder, 'used');
    await mkdir(fresh);
    await (await open(used)).close();
    if (mounted) {
      assert.equal(spawnSync('mount', ['-o', 'remount,ro', folder]).status, 0);
    } else {
      assert.notEqual(process.getuid?.(), 0, 'root may write anywhere, so this test needs to mount');
      for (const path of [join(used, 'sluice.db'), used, fresh]) await chmod(path, 0o500);
    }
    try {
      for (const path of [fresh, used, join(fresh, 'below')]) {
        await assert.rejects(
          open(path),
          (error: StoreError) => error.code === 'READ_ONLY' && error.message.includes(path) && error.message.endsWith('.'),
          path,
        );
      }
    } finally {
      if (mounted) spawnSync('mount', ['-o', 'remount,rw', folder]);
      else for (const path of [fresh, used]) await chmod(path, 0o700);
    }
  });

  it('lets files grow only so far: acknowledges nothing that is not there afterwards', async () => {
    // A limit on the size of files needs no rights: the disk is full for this process alone.
    const data = await mkdtemp(join(tmpdir(), 'sluice-'));
    const program = `import { openDatabase } from ${JSON.stringify(new URL('../../store/sqlite/open-database.ts', import.meta.url).href)};
      import { openEmbedded } from ${JSON.stringify(new URL('./open-embedded.ts', import.meta.url).href)};
      import { embeddedMigrations } from ${JSON.stringify(new URL('./migrations.ts', import.meta.url).href)};
      process.on('SIGXFSZ', () => undefined);
      const database = await openDatabase({ folder: ${JSON.stringify(data)}, migrations: embeddedMigrations });
      const backbone = await openEmbedded({ database, clock: { now: Date.now } });
      await backbone.prepare('default/full', { dedupWindow: 1000 });
      for (let number = 0, refusals = 0; refusals < 5 && number < 1000; number++) {
        const event = { id: 'e' + number, source: '/full', type: 't', extensions: {}, data: Buffer.alloc(10_000, 1), dataKind: 'binary' };
        await backbone.publish({ log: 'default/full', address: 'a' }, [event]).then(() => console.log(event.id), (error) => { refusals++; console.log('refused', error.code); });
      }
      process.kill(process.pid, 'SIGKILL');`;
    // In blocks of 512 bytes as POSIX says, or 1 KiB as some shells do: 1.5 MiB or 3 MiB.
    const { stdout, stderr } = spawnSync(
      'sh',
      ['-c', 'ulimit -f 3072 && exec "$0" --input-type=module --eval "$1"', process.execPath, program],
      { encoding: 'utf8' },
    );
    const lines = stdout.trim().split('\n');
    const acknowledged = lines.filter((line) => line.startsWith('e'));
    assert.ok(acknowledged.length > 20, stdout + stderr);
    assert.equal(lines.length - acknowledged.length, 5, stdout);
    for (const line of lines) assert.match(line, /^e\d+$|^refused (STORE_FULL|BACKBONE_UNAVAILABLE)$/);
    const { backbone, close } = await open(data);
    const kept = new Set((await readAll(backbone, channel)).map(({ id }) => id));
    for (const id of acknowledged) assert.ok(kept.has(id), id);
    await close();
    await rm(data, { recursive: true });
  });
});
