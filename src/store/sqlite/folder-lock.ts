import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../database.ts';
import type { DataFiles } from './data-files.ts';

const BUSY = 5;

/**
 * Claims a data folder for this process and returns how to give it back. The claim is an exclusive transaction on a small
 * file of its own, so the operating system drops it however the process ends.
 */
export function lockFolder(files: DataFiles): () => void {
  closeSync(openSync(files.lock, 'a', 0o600));
  const lock = new DatabaseSync(files.lock, { timeout: 0 });
  try {
    lock.exec('PRAGMA journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (((error as { errcode?: number }).errcode ?? 0) % 256 !== BUSY) throw error;
    throw new StoreError(
      'LOCKED',
      `Another process has the data folder ${files.folder} open. Stop that process, or choose another folder with --data.`,
      error,
    );
  }
  return () => lock.close();
}
