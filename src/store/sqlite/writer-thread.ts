import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { dataFiles, prepareFiles } from './data-files.ts';
import { lockFolder } from './folder-lock.ts';
import { migrate } from './migrate.ts';
import type { OpenRequest, WriterReply, WriterRequest } from './protocol.ts';
import { describeSqliteError } from './sqlite-error.ts';
import { Writer } from './writer.ts';

// Entry of the writer thread: owns the folder's lock and the only connection that writes.

const port = parentPort;
if (port === null) throw new Error('writer-thread.ts runs as a worker thread only');
const reply = (message: WriterReply): void => port.postMessage(message);
const { folder, migrations } = workerData as OpenRequest;
const files = dataFiles(folder);

async function open(): Promise<{ readonly writer: Writer; readonly warnings: string[]; readonly unlock: () => void }> {
  const warnings = prepareFiles(files);
  const unlock = lockFolder(files);
  const database = new DatabaseSync(files.database, { timeout: 1000, enableForeignKeyConstraints: true });
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16384; PRAGMA temp_store = MEMORY');
    await migrate(database, migrations, files);
  } catch (error) {
    database.close();
    unlock();
    throw error;
  }
  return { writer: new Writer(database, files), warnings, unlock };
}

open().then(
  ({ writer, warnings, unlock }) => {
    port.on('message', (request: WriterRequest) => {
      if (request.kind === 'commit') {
        reply(writer.commit(request.transactions));
        writer.checkpointWhenDue();
        return;
      }
      writer.close();
      unlock();
      reply({ kind: 'closed' });
      port.close();
    });
    reply({ kind: 'ready', warnings });
  },
  (error: unknown) => {
    reply({ kind: 'refused', refusal: describeSqliteError(error, files) });
    port.close();
  },
);
