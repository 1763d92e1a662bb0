import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail, ok, warn, type Finding } from './finding.ts';

const oldestNode = 24;
const MiB = 1024 * 1024;
const littleSpace = 1024 * MiB;
const tooLittleSpace = 100 * MiB;
/** No clock that is right shows a time before this. */
const earliestTime = Date.UTC(2025, 0, 1);

export function checkNode(version: string): Finding {
  const major = Number(/^v?(\d+)/.exec(version)?.[1]);
  if (major >= oldestNode) return ok('node', `Node ${version}`);
  return fail('node', `Node ${version} is too old`, `install Node ${oldestNode} or newer`);
}

/** Whether the data folder can be used, and by nobody else. */
export async function checkDataFolder(folder: string): Promise<Finding> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    if (found.code === 'ENOENT')
      return warn('data folder', `${folder} does not exist`, 'sluice up makes it; if there should be one, name it with --data');
    return fail(
      'data folder',
      `${folder} cannot be looked at (${found.code ?? found.message})`,
      'run as its owner, or name another with --data',
    );
  }
  if (!found.isDirectory()) return fail('data folder', `${folder} is not a folder`, 'name another with --data');
  const usable = await access(folder, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!usable) return fail('data folder', `${folder} cannot be written`, 'run as its owner, or give yourself the right to write');
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    return warn('data folder', `${folder} can be read by other users`, `chmod 700 ${folder}`);
  }
  return ok('data folder', folder);
}

export async function checkDisk(folder: string): Promise<Finding> {
  const place = await nearestFolder(folder);
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  const sentence = `${Math.floor(free / MiB)} MiB free at ${place}`;
  if (free < tooLittleSpace) return fail('disk', sentence, 'make room: publishing is refused when the disk is full');
  return free < littleSpace ? warn('disk', sentence, 'make room, or set retention for your APIs') : ok('disk', sentence);
}

async function nearestFolder(folder: string): Promise<string> {
  const exists = await stat(folder).then(
    () => true,
    () => false,
  );
  return exists || dirname(folder) === folder ? folder : nearestFolder(dirname(folder));
}

/** Whether the admin token is there for us and for nobody else. */
export async function checkAdminToken(folder: string, given: boolean): Promise<Finding> {
  if (given) return ok('admin token', 'given by --token or SLUICE_ADMIN_TOKEN');
  const file = join(folder, 'admin-token');
  const found = await stat(file).catch(() => undefined);
  const readable = await access(file, constants.R_OK).then(
    () => true,
    () => false,
  );
  if (found === undefined || !readable) {
    return warn('admin token', `${file} cannot be read`, 'sluice up makes it; for a Sluice elsewhere set SLUICE_ADMIN_TOKEN');
  }
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
    return fail('admin token', `${file} can be read by other users`, `chmod 600 ${file}`);
  return ok('admin token', file);
}

export function checkOwnClock(now: number): Finding {
  const shown = new Date(now).toISOString();
  return now >= earliestTime
    ? ok('clock', shown)
    : fail('clock', `this machine believes it is ${shown}`, 'set the clock: limits and retention depend on it');
}
