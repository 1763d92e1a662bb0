import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { dataFiles } from './data-files.ts';
import type { OpenRequest, ReaderReply, ReaderRequest } from './protocol.ts';
import { describeSqliteError } from './sqlite-error.ts';
import { StatementCache } from './statement-cache.ts';

// Entry of the reader thread: a read-only connection that never waits for the writer.

const port = parentPort;
if (port === null) throw new Error('reader-thread.ts runs as a worker thread only');
const reply = (message: ReaderReply, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
const files = dataFiles((workerData as OpenRequest).folder);

function start(): void {
  const database = new DatabaseSync(files.database, { readOnly: true, timeout: 1000 });
  database.exec('PRAGMA query_only = 1; PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY');
  const statements = new StatementCache(database);
  port!.on('message', (request: ReaderRequest) => {
    if (request.kind === 'close') {
      database.close();
      reply({ kind: 'closed' });
      port!.close();
      return;
    }
    try {
      const { rows } = statements.run(request.sql, request.parameters);
      reply({ kind: 'rows', id: request.id, rows }, blobs(rows));
    } catch (error) {
      reply({ kind: 'failed', id: request.id, refusal: describeSqliteError(error, files) });
    }
  });
}

/** Blobs made by this query belong to nobody else: they move to the other thread without a copy. */
function blobs(rows: readonly Record<string, unknown>[]): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  for (const row of rows) {
    for (const name in row) {
      const value = row[name];
      if (value instanceof Uint8Array && value.byteLength > 0) found.add(value.buffer as ArrayBuffer);
    }
  }
  return [...found];
}

try {
  start();
  reply({ kind: 'ready' });
} catch (error) {
  reply({ kind: 'refused', refusal: describeSqliteError(error, files) });
  port.close();
}
