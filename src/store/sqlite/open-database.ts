import { resolve } from 'node:path';
import type { Database, StoreError } from '../database.ts';
import type { Migration } from '../migration.ts';
import { dataFiles } from './data-files.ts';
import type { OpenRequest, ReaderReply, ReaderRequest, WriterReply, WriterRequest } from './protocol.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import type { DatabaseStats } from './sqlite-database.ts';
import { Thread } from './thread.ts';

interface OpenOptions {
  /** Data folder; made with its parents where it is missing. */
  readonly folder: string;
  /** Structure of all parts that keep something here. */
  readonly migrations?: readonly Migration[] | undefined;
  /** Told of what is not as safe as it should be, as a sentence. */
  readonly onWarning?: ((sentence: string) => void) | undefined;
  /** Bytes of statements that may wait for the disk before `transact` rejects with OVERLOADED. */
  readonly maxPendingBytes?: number | undefined;
}

/** Opens a data folder for this process alone; rejects with StoreError LOCKED, READ_ONLY, NEWER, CORRUPT, FULL or FAILED. */
export async function openDatabase(
  options: OpenOptions,
): Promise<Database & { stats(): DatabaseStats; readonly lost: Promise<StoreError> }> {
  const folder = resolve(options.folder);
  const request: OpenRequest = { folder, migrations: options.migrations ?? [] };
  const { thread: writer, ready } = await Thread.start<WriterRequest, WriterReply>('writer-thread', request);
  if (ready.kind === 'ready') for (const warning of ready.warnings) options.onWarning?.(warning);
  try {
    const { thread: reader } = await Thread.start<ReaderRequest, ReaderReply>('reader-thread', {
      folder,
      migrations: [],
    } satisfies OpenRequest);
    return new SqliteDatabase({ writer, reader, files: dataFiles(folder), maxPendingBytes: options.maxPendingBytes ?? 64 * 1024 * 1024 });
  } catch (error) {
    await writer.close({ kind: 'close' });
    throw error;
  }
}
