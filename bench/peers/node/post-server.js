// post-server.js PORT FIRST COUNT SCHEME ENDPOINTPORT: the least that posts events on in Node. Takes an event by POST, answers, and posts its bytes by undici to the endpoint
// whose number its path ends with, or to all when it ends with none. Nothing is stored, signed, judged, retried or counted.
import { createServer } from 'node:http';
import { Pool } from 'undici';

const [port, first, count, scheme, endpointPort] = process.argv.slice(2);
const connections = 8;
const headers = { 'content-type': 'application/cloudevents+json' };

const pools = Array.from(
  { length: Number(count) },
  (_, index) => new Pool(`${scheme}://${addressOf(index)}:${endpointPort}`, { connections }),
);

function addressOf(index) {
  const place = first.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) + index;
  return [24, 16, 8, 0].map((bits) => (place >>> bits) & 255).join('.');
}

async function post(pool, body) {
  const { body: answer } = await pool.request({ method: 'POST', path: '/hook', headers, body });
  await answer.dump();
}

createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const endpoint = /(\d+)$/.exec(request.url)?.[1];
    for (const pool of endpoint === undefined ? pools : [pools[endpoint]]) {
      post(pool, body).catch((error) => process.stderr.write(`${error.message}\n`));
    }
    response.writeHead(202, { 'content-length': 0 }).end();
  });
}).listen(Number(port), '127.0.0.1');
