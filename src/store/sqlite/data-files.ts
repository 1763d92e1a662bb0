import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StoreError } from '../database.ts';

/** Paths of what is kept in a data folder. */
export interface DataFiles {
  readonly folder: string;
  readonly database: string;
  readonly log: string;
  /** Held exclusively for the process's life. Nothing but SQLite may open it: closing any descriptor of it would drop the lock. */
  readonly lock: string;
}

export function dataFiles(folder: string): DataFiles {
  return {
    folder,
    database: join(folder, 'sluice.db'),
    log: join(folder, 'sluice.db-wal'),
    lock: join(folder, 'sluice.lock'),
  };
}

/** Makes folder (0700) and database file (0600) where they are missing; returns warnings about what others could read. */
export function prepareFiles(files: DataFiles): string[] {
  try {
    mkdirSync(files.folder, { recursive: true, mode: 0o700 });
    closeSync(openSync(files.database, 'a', 0o600));
  } catch (error) {
    throw folderError(files.folder, error);
  }
  const open = statSync(files.database).mode & 0o077;
  if (process.platform === 'win32' || open === 0) return [];
  return [`Other users of this machine may read ${files.database}; run: chmod 600 ${files.database}`];
}

/** Making a folder below one that is read-only fails with ENOENT: the nearest folder that exists says why. */
function whyNotWritable(folder: string): string | undefined {
  let nearest = folder;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

function folderError(folder: string, error: unknown): StoreError {
  const reported = (error as NodeJS.ErrnoException).code;
  const code = reported === 'ENOENT' ? (whyNotWritable(folder) ?? reported) : reported;
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return new StoreError(
      'READ_ONLY',
      `The data folder ${folder} cannot be written to (${code}). Give this user write permission, or choose another folder with --data.`,
      error,
    );
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new StoreError('FULL', `No space left for the data folder ${folder} (${code}). Free some space and try again.`, error);
  }
  if (code === 'ENOTDIR' || code === 'EEXIST' || code === 'EISDIR') {
    return new StoreError(
      'FAILED',
      `The data folder ${folder} cannot be used: a file stands where a folder is needed, or the reverse (${code}). Choose another folder with --data.`,
      error,
    );
  }
  return new StoreError(
    'FAILED',
    `The data folder ${folder} cannot be opened (${code ?? String(error)}). Choose another folder with --data.`,
    error,
  );
}
