import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { startSluice } from '../cli/wire.ts';
import { Subscriptions } from '../desks/websub/subscriptions.ts';
import { TopicTable } from '../desks/websub/topic-table.ts';
import { WishTable } from '../desks/websub/wish-table.ts';
import { HttpSender } from '../outgoing/http-sender.ts';
import { createLog } from '../observe/log.ts';
import { SqliteDatabase } from '../store/sqlite/sqlite-database.ts';
import { hasGone } from './failpoints/arm-parts.ts';
import { around } from './failpoints/around.ts';

/*
 * A whole Sluice that is a WebSub hub, and dies at the place its environment names (`HUB_FAILPOINT`). One argument, the orders as JSON; one
 * line on stdout once it serves.
 */

/** Where it can be made to die, and what has and has not happened by then. */
export const hubFailpoints = {
  'request-committed': 'a request is on disk, and whoever made it is not told',
  'request-answered': 'a request was answered 202, and nobody was asked',
  'question-answered': 'a callback has answered, and nothing of it is on disk',
  'effect-committed': 'the subscription is as it was asked for, and the request is still there',
  'request-forgotten': 'the request has been carried out and forgotten',
  'end-due': 'a receiver has answered 410, and that is on disk, and its subscription is still there',
  'ping-answered': 'a ping was answered 202, and nothing was fetched',
  'content-fetched': 'the content of a topic is there, and nothing of it is on disk',
  'content-published': 'the content of a topic is published, and the hub does not know',
} as const;

export type HubFailpoint = keyof typeof hubFailpoints;

export interface HubOrders {
  readonly data: string;
  readonly port: number;
  readonly controlPort: number;
  readonly adminToken: string;
  /** What is applied before it serves; undefined: it is what it was. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
}

/** Resolves when an attempt that was answered 410 is on disk, with how its endpoint does. */
const { promise: goneOnDisk, resolve: tellGone } = Promise.withResolvers<void>();

/** Undefined until it serves: what an earlier life has left is carried out first. */
let wanted: string | undefined;

function pass(name: HubFailpoint): void {
  if (name !== wanted) return;
  writeSync(2, `killed at ${name}\n`);
  process.kill(process.pid, 'SIGKILL');
}

around(
  WishTable.prototype,
  'put',
  (put) =>
    async function (this: WishTable, wish, now) {
      await put.call(this, wish, now);
      pass('request-committed');
    },
);
around(
  WishTable.prototype,
  'remove',
  (remove) =>
    async function (this: WishTable, ids, denial) {
      pass('effect-committed');
      await remove.call(this, ids, denial);
      pass('request-forgotten');
    },
);
around(
  Subscriptions.prototype,
  'gone',
  (gone) =>
    async function (this: Subscriptions, subscription) {
      if (wanted === 'end-due') await goneOnDisk;
      pass('end-due');
      await gone.call(this, subscription);
    },
);
around(
  SqliteDatabase.prototype,
  'transact',
  (transact) =>
    async function (this: SqliteDatabase, statements) {
      const results = await transact.call(this, statements);
      if (statements.some(hasGone)) tellGone();
      return results;
    },
);
around(
  HttpSender.prototype,
  'send',
  (send) =>
    async function (this: HttpSender, request) {
      const isQuestion = request.method === 'GET' && request.url.includes('hub.mode=');
      const isTopic = request.method === 'GET' && !isQuestion;
      // Never sent: the answer to whoever asked is to be the last that is seen of this process.
      if ((isQuestion && wanted === 'request-answered') || (isTopic && wanted === 'ping-answered')) await new Promise(() => undefined);
      const outcome = await send.call(this, request);
      if (outcome.kind === 'answered') {
        if (isQuestion) pass('question-answered');
        if (isTopic) pass('content-fetched');
      }
      return outcome;
    },
);
around(
  TopicTable.prototype,
  'looked',
  (looked) =>
    async function (this: TopicTable, known) {
      pass('content-published');
      await looked.call(this, known);
    },
);
subscribe('http.server.response.finish', (message) => {
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
  if (response.statusCode !== 202 || request.url?.endsWith('/-/websub') !== true) return;
  pass('request-answered');
  pass('ping-answered');
});

const { adminToken, ...orders } = JSON.parse(process.argv[2] ?? '') as HubOrders;
const sluice = await startSluice({
  ...orders,
  openOutgoing: ['127.0.0.0/8'],
  env: { SLUICE_ADMIN_TOKEN: adminToken },
  log: createLog({ level: 'error', destination: process.stderr, json: true }),
});
wanted = process.env['HUB_FAILPOINT'];
process.stdout.write(`${JSON.stringify({ gateway: sluice.gatewayUrl, control: sluice.controlUrl })}\n`);
