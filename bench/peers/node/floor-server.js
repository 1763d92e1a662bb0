// floor-server.js PORT FEED: the least a WebSocket broadcaster in Node can do. What the feed brings in one turn of the loop goes to every client
// as one buffer, with one write each; no library, no request is looked at.
import { createServer } from 'node:net';

const [port, feed] = process.argv.slice(2).map(Number);
const answer = Buffer.from(
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
);
const newline = 10;
const headBytes = 4;

/** @type {Set<import('node:net').Socket>} */
const clients = new Set();
createServer({ noDelay: true }, (socket) => {
  socket.once('data', () => {
    socket.write(answer);
    clients.add(socket);
    socket.resume();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clients.delete(socket));
}).listen({ port, host: '127.0.0.1', backlog: 4096 });

let rest = Buffer.alloc(0);
/** @type {Buffer[]} */
let pending = [];
createServer((source) => {
  source.on('error', () => source.destroy());
  source.on('data', (chunk) => {
    if (pending.length === 0) setImmediate(flush);
    pending.push(chunk);
  });
}).listen(feed, '127.0.0.1');

function flush() {
  const lines = Buffer.concat([rest, ...pending]);
  pending = [];
  const end = lines.lastIndexOf(newline) + 1;
  rest = lines.subarray(end);
  const frames = framesOf(lines.subarray(0, end));
  if (frames.length > 0) for (const client of clients) client.write(frames);
}

/** Each line as a text frame of 126 to 65,535 bytes. */
function framesOf(lines) {
  const out = Buffer.allocUnsafe(lines.length * 2);
  let length = 0;
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf(newline, at);
    out[length] = 0x81;
    out[length + 1] = 126;
    out.writeUInt16BE(end - at, length + 2);
    lines.copy(out, length + headBytes, at, end);
    length += headBytes + end - at;
    at = end + 1;
  }
  return out.subarray(0, length);
}
