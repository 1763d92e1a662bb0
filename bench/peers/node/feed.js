import { createServer } from 'node:net';

/** Calls back with each line that comes in on this port. */
export function listenForLines(port, onLine) {
  createServer((socket) => {
    let rest = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
    socket.on('error', () => socket.destroy());
  }).listen(port, '127.0.0.1');
}
