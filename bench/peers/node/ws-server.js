// ws-server.js PORT FEED: each line of the feed to every client, one send each, as the examples of the library do it.
import { WebSocketServer } from 'ws';
import { listenForLines } from './feed.js';

const [port, feed] = process.argv.slice(2).map(Number);
const server = new WebSocketServer({ port, host: '127.0.0.1', backlog: 4096, perMessageDeflate: false });
server.on('connection', (client) => client.on('error', () => client.terminate()));
listenForLines(feed, (line) => {
  for (const client of server.clients) client.send(line);
});
