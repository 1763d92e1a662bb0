// socket-io-server.js PORT FEED: each line of the feed is emitted to everybody.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { listenForLines } from './feed.js';

const [port, feed] = process.argv.slice(2).map(Number);
const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false, perMessageDeflate: false });
http.listen({ port, host: '127.0.0.1', backlog: 4096 });
listenForLines(feed, (line) => io.emit('price', line));
