import { readFileSync } from 'node:fs';
import { run } from './run.ts';

/** A wrapper and the terminal may both deliver one Ctrl-C: what comes within this time is the same signal. */
const sameSignalMilliseconds = 400;

const stop = new AbortController();
let stoppedAt: number | undefined;

function onSignal(signal: NodeJS.Signals): void {
  const now = performance.now();
  if (stoppedAt !== undefined && now - stoppedAt < sameSignalMilliseconds) return;
  if (stoppedAt !== undefined) process.exit(signal === 'SIGINT' ? 130 : 143);
  stoppedAt = now;
  stop.abort();
}

/** Who reads our output may leave at any time: `sluice listen … | head` is no failure. */
function onStreamError(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}

process.on('SIGINT', onSignal);
process.on('SIGTERM', onSignal);
process.stdout.on('error', onStreamError);
process.stderr.on('error', onStreamError);
// A wrapper that was killed outright must not leave us behind with its port and data folder.
const onOrphaned = () => process.exit(1);
if (process.env['SLUICE_WRAPPED'] === '1') process.on('disconnect', onOrphaned);

const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
const { env, stdin, stdout, stderr } = process;
process.exitCode = await run(process.argv.slice(2), { env, cwd: process.cwd(), stdin, stdout, stderr, signal: stop.signal, version });
process.off('SIGINT', onSignal);
process.off('SIGTERM', onSignal);
process.off('disconnect', onOrphaned);
if (process.connected) process.disconnect();
