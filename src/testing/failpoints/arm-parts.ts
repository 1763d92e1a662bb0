import { subscribe } from 'node:diagnostics_channel';
import { open, type FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EmbeddedBackbone } from '../../backbones/embedded/embedded-backbone.ts';
import type { Receive } from '../../core/backbone.ts';
import { TimingWheel } from '../../gateway/timing-wheel.ts';
import { HttpSender } from '../../outgoing/http-sender.ts';
import { attemptColumns } from '../../push/attempt-record.ts';
import type { Statement } from '../../store/database.ts';
import { SqliteDatabase } from '../../store/sqlite/sqlite-database.ts';
import { around } from './around.ts';
import type { ArmedFailpoint, FailpointName } from './failpoint.ts';

/** Puts the failpoint around the parts of the main thread, before any of them is made: what runs knows nothing of it. */
export async function armParts(armed: ArmedFailpoint): Promise<void> {
  armDatabase(armed);
  armSender(armed);
  armLog(armed);
  armAnswers(armed);
  if (armed.name?.startsWith('retention') === true) hastenRetention();
  if (armed.name === 'opening-keys') await armFiles(armed);
}

/** What a transaction is about, by its statements; the place before the writer has it, and the one after it is on disk. */
const places: readonly (readonly [(statement: Statement) => boolean, FailpointName | undefined, FailpointName | undefined])[] = [
  [({ sql }) => sql.startsWith('INSERT INTO event_batch'), 'publish-parsed', 'publish-committed'],
  [({ sql }) => sql.startsWith('INSERT INTO push_attempt'), 'results-collected', 'results-committed'],
  [hasGone, 'gone-received', 'gone-committed'],
  [(statement) => isAudited(statement, 'endpoint.rotate'), 'rotation-asked', 'rotation-committed'],
  [(statement) => isAudited(statement, 'endpoint.delete'), 'deletion-asked', 'deletion-committed'],
  [
    ({ sql }) => sql.startsWith('DELETE FROM push_delivery WHERE rowid IN (SELECT rowid FROM push_delivery WHERE endpoint IN'),
    'deletion-forgetting',
    undefined,
  ],
  [({ sql }) => sql.startsWith('DELETE FROM push_attempt'), 'retention-due', 'retention-committed'],
];

/** Whether it writes down an attempt that was answered 410. */
export function hasGone({ sql, parameters }: Statement): boolean {
  if (!sql.startsWith('INSERT INTO push_attempt')) return false;
  const column = attemptColumns.indexOf('status');
  return parameters.some((value, index) => index % attemptColumns.length === column && value === 410);
}

function isAudited({ sql, parameters }: Statement, action: string): boolean {
  return sql.startsWith('INSERT INTO audit') && parameters.includes(action);
}

function armDatabase(armed: ArmedFailpoint): void {
  around(
    SqliteDatabase.prototype,
    'transact',
    (transact) =>
      async function (this: SqliteDatabase, statements) {
        const found = places.filter(([isIt]) => statements.some(isIt));
        for (const [, before] of found) if (before !== undefined) armed.pass(before);
        const results = await transact.call(this, statements);
        for (const [, , after] of found) if (after !== undefined) armed.pass(after);
        return results;
      },
  );
  around(
    SqliteDatabase.prototype,
    'query',
    (query) =>
      async function (this: SqliteDatabase, sql, parameters) {
        // The second page of a redrive begins when what the first one held was handed out.
        if (sql.includes("state = 'dead' AND changed_at < ? AND rowid > ?") && parameters?.[2] !== 0) armed.pass('redrive-within-page');
        return await query.call(this, sql, parameters);
      },
  );
}

function armSender(armed: ArmedFailpoint): void {
  around(
    HttpSender.prototype,
    'send',
    (send) =>
      async function (this: HttpSender, request) {
        armed.pass('slot-taken');
        const outcome = await send.call(this, request);
        if (outcome.kind === 'answered' && outcome.status < 300) {
          armed.pass('answer-received');
          if (request.headers?.some(([name]) => name === 'webhook-replay') === true) armed.pass('replay-under-way');
        }
        return outcome;
      },
  );
  subscribe('undici:request:bodySent', () => armed.pass('request-sent'));
}

function armLog(armed: ArmedFailpoint): void {
  const never = new Promise<void>(() => undefined);
  let isHolding = false;
  around(
    EmbeddedBackbone.prototype,
    'consume',
    (consume) =>
      async function (this: EmbeddedBackbone, channel, receive) {
        const held: Receive = (events, position) => {
          if (!armed.isNext('publish-answered')) return receive(events, position);
          isHolding = true;
          return never;
        };
        return await consume.call(this, channel, held);
      },
  );
  around(
    EmbeddedBackbone.prototype,
    'read',
    (read) =>
      async function (this: EmbeddedBackbone, request) {
        const result = await read.call(this, request);
        if (result.events.length > 0) armed.pass('slice-read');
        return result;
      },
  );
  onAnswer((_url, status) => {
    // The last time only when what was published is being held back.
    if (status === 202 && (isHolding || !armed.isNext('publish-answered'))) armed.pass('publish-answered');
  });
}

function armAnswers(armed: ArmedFailpoint): void {
  onAnswer((url, status) => {
    if (status === 202 && url.endsWith('/replays')) armed.pass('replay-answered');
    if (status < 300 && url.endsWith('/start')) armed.pass('start-answered');
    if (status < 300 && url.endsWith('/rotate')) armed.pass('rotation-answered');
  });
}

/** Calls back when the last byte of an answer is with the system. */
function onAnswer(listener: (url: string, status: number) => void): void {
  subscribe('http.server.response.finish', (message) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    listener(request.url ?? '', response.statusCode);
  });
}

/** Attempts are looked through once a minute, which a process that is killed every second would never do. */
function hastenRetention(): void {
  around(
    TimingWheel.prototype,
    'schedule',
    (schedule) =>
      function (this: TimingWheel, at, callback) {
        return schedule.call(this, Math.min(at, Date.now() + 250), callback);
      },
  );
}

async function armFiles(armed: ArmedFailpoint): Promise<void> {
  await using file = await open(import.meta.filename);
  around(
    Object.getPrototypeOf(file) as FileHandle,
    'writeFile',
    (writeFile) =>
      async function (this: FileHandle, ...content) {
        armed.pass('opening-keys');
        await writeFile.apply(this, content);
      },
  );
}
