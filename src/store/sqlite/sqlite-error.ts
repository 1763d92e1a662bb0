import { statfsSync } from 'node:fs';
import { StoreError } from '../database.ts';
import type { StoreErrorCode } from '../database.ts';
import type { DataFiles } from './data-files.ts';
import type { Refusal } from './protocol.ts';

// Primary result codes are the low byte of the extended ones (sqlite.org/rescode.html).
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const CONSTRAINT = 19;
const NOTADB = 26;
const IOERR_SHMSIZE = 4874;

interface SqliteError extends Error {
  readonly errcode?: number;
}

/** What SQLite threw, as a code and a sentence with the path and the remedy. */
export function describeSqliteError(error: unknown, files: DataFiles): Refusal {
  if (error instanceof StoreError) return { code: error.code, sentence: error.message };
  const { errcode, message } = error as SqliteError;
  const code = storeCode(errcode, files.folder);
  return { code, sentence: sentence(code, message, files) };
}

export function toStoreError(refusal: Refusal): StoreError {
  return new StoreError(refusal.code, refusal.sentence);
}

function storeCode(errcode: number | undefined, folder: string): StoreErrorCode {
  if (errcode === undefined) return 'FAILED';
  switch (errcode & 0xff) {
    case FULL:
      return 'FULL';
    case IOERR:
      // A file size limit or a failed growth of the shared index is reported as a plain write error.
      return errcode === IOERR_SHMSIZE || isFull(folder) ? 'FULL' : 'FAILED';
    case READONLY:
      return 'READ_ONLY';
    case CORRUPT:
    case NOTADB:
      return 'CORRUPT';
    case CONSTRAINT:
      return 'CONSTRAINT';
    case BUSY:
    case LOCKED:
      return 'LOCKED';
    case CANTOPEN:
      return isFull(folder) ? 'FULL' : 'FAILED';
    default:
      return 'FAILED';
  }
}

function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < 64 * 1024;
  } catch {
    return false;
  }
}

function sentence(code: StoreErrorCode, message: string, files: DataFiles): string {
  switch (code) {
    case 'FULL':
      return `No space left for ${files.database} (${message}). Nothing was changed; free some space and try again.`;
    case 'READ_ONLY':
      return `The data folder ${files.folder} cannot be written to (${message}). Give this user write permission, or choose another folder with --data.`;
    case 'CORRUPT':
      return `The database ${files.database} is damaged (${message}). Restore the folder from a backup, or move it away to start empty.`;
    case 'LOCKED':
      return `Another program has ${files.database} locked (${message}). Stop it, or choose another folder with --data.`;
    default:
      return `The database ${files.database} refused a statement (${message}).`;
  }
}
