import { flushCompileCache } from 'node:module';
import { createLog } from '../../observe/log.ts';
import { startSluice } from '../../cli/wire.ts';
import { armParts } from './arm-parts.ts';
import { ArmedFailpoint } from './failpoint.ts';

/*
 * A whole Sluice to be killed: dies at the failpoint its environment names. One argument, the orders as JSON; one line on stdout once
 * it serves.
 */

export interface Orders {
  readonly data: string;
  readonly port: number;
  readonly controlPort: number;
  readonly adminToken: string;
  /** What is applied before it serves; undefined: it is what it was. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
}

const { adminToken, ...orders } = JSON.parse(process.argv[2] ?? '') as Orders;
const armed = ArmedFailpoint.of(process.env);
await armParts(armed);
const sluice = await startSluice({
  ...orders,
  openOutgoing: ['127.0.0.0/8'],
  env: { SLUICE_ADMIN_TOKEN: adminToken },
  log: createLog({ level: 'error', destination: process.stderr, json: true }),
});
// Who is killed at its failpoint never writes what it has compiled: without this each life would begin with that.
if (armed.name === undefined) flushCompileCache();
process.stdout.write(`${JSON.stringify({ gateway: sluice.gatewayUrl, control: sluice.controlUrl })}\n`);
