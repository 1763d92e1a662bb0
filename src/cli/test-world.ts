import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { run } from './run.ts';

/** What one command line did, for tests that run it in this process. */
export interface Outcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Circumstances {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string | Readable;
  readonly signal?: AbortSignal;
  /** Called with everything written to stdout so far, whenever something is. */
  readonly onStdout?: (text: string) => void;
}

/** Runs a command line as the process would, with streams of its own. */
export async function runCli(argv: readonly string[], circumstances: Circumstances = {}): Promise<Outcome> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let [out, said] = ['', ''];
  stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
    circumstances.onStdout?.(out);
  });
  stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const { stdin = '' } = circumstances;
  const exit = await run(argv, {
    env: circumstances.env ?? {},
    cwd: circumstances.cwd ?? process.cwd(),
    stdin: typeof stdin === 'string' ? Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]) : stdin,
    stdout,
    stderr,
    signal: circumstances.signal ?? new AbortController().signal,
    version: '0.0.0',
  });
  const ends = [once(stdout, 'end'), once(stderr, 'end')];
  stdout.end();
  stderr.end();
  await Promise.all(ends);
  return { exit, stdout: out, stderr: said };
}

/** An HTTP server on a free port; `close` cuts what is open. */
export async function serve(server: Server = createServer()): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${port}`, close };
}
