import { DatabaseSync, StatementSync } from 'node:sqlite';
import { threadName } from 'node:worker_threads';
import { around } from './around.ts';
import { ArmedFailpoint } from './failpoint.ts';

// Loaded first in every thread of a process that is to be killed; in the one that writes it puts the failpoint around SQLite.

/** Of a group and its transactions, not of what they change. */
const frame = /^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PRAGMA)/;

type Run = (this: StatementSync, ...parameters: unknown[]) => unknown;

function armWriter(armed: ArmedFailpoint): void {
  let isOpening = true;
  around(
    DatabaseSync.prototype,
    'exec',
    (exec) =>
      function (this: DatabaseSync, sql) {
        if (isOpening) armed.pass('opening-structure');
        exec.call(this, sql);
      },
  );
  const counted = (run: Run): Run =>
    function (this: StatementSync, ...parameters) {
      const sql = this.sourceSQL;
      // What gives the database its structure begins by `exec`, what writes later by a prepared statement.
      if (sql === 'BEGIN IMMEDIATE') isOpening = false;
      if (isOpening) armed.pass('opening-structure');
      if (sql === 'COMMIT') armed.pass('group-complete');
      const result = run.apply(this, parameters);
      if (sql === 'BEGIN IMMEDIATE') armed.pass('group-begun');
      else if (sql === 'COMMIT') armed.pass('group-committed');
      else if (!isOpening && !frame.test(sql)) armed.pass('group-between-statements');
      return result;
    };
  for (const name of ['run', 'all'] as const) around(StatementSync.prototype as unknown as Record<typeof name, Run>, name, counted);
}

if (threadName === 'sluice-writer-thread') armWriter(ArmedFailpoint.of(process.env));
