import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what systems hand out by themselves: Linux from 32,768 on, others from 49,152. */
const lowest = 20_000;
const blocks = 99;
const portsOfBlock = 128;
/** Processes that run at the same time look in different blocks. */
const first = lowest + (process.pid % blocks) * portsOfBlock;
let next = Math.floor(Math.random() * portsOfBlock);

/**
 * A free port of the loopback address, for a server that is to come back where it was: one that the system has handed out it hands out to
 * somebody else as soon as nobody listens there.
 */
export async function steadyPort(): Promise<number> {
  for (let tries = 0; tries < portsOfBlock; tries += 1) {
    const port = first + (next++ % portsOfBlock);
    if (await isFree(port)) return port;
  }
  throw new Error(`No port is free from ${first} to ${first + portsOfBlock - 1}.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}
