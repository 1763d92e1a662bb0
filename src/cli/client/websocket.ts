import type { IncomingMessage } from 'node:http';
import { createWebSocketStream, WebSocket } from 'ws';
import { gapType } from '../../protocols/cloudevents/gap.ts';
import { CliError } from '../exit-code.ts';
import { endingOfAnswer, endingOfBreak, endingOfClose, endingOfProblem, type Ending } from './ending.ts';
import { maxReceivedBytes, readHeaders, receivedEvent, silenceMilliseconds, type Received, type StreamRequest } from './event-stream.ts';
import { networkError, readBody } from './http.ts';

const handshakeMilliseconds = 30_000;

/** Reads a channel over WebSocket, one CloudEvent per text frame. */
export async function* openWebSocket(request: StreamRequest): AsyncGenerator<Received, Ending> {
  const url = new URL(request.url);
  if (request.position !== undefined) url.searchParams.set('after', request.position);
  else if (request.from !== undefined) url.searchParams.set('from', request.from);
  const { accept: _, ...headers } = readHeaders(request, '*/*');
  const socket = new WebSocket(new URL(url.href.replace(/^http/, 'ws')), 'cloudevents.json', {
    headers,
    handshakeTimeout: handshakeMilliseconds,
    maxPayload: maxReceivedBytes,
    perMessageDeflate: false,
  });
  const abandon = () => socket.close(1000);
  request.signal.addEventListener('abort', abandon);
  const silence = setTimeout(() => socket.terminate(), silenceMilliseconds);
  socket.on('ping', () => silence.refresh());
  try {
    const refusal = await opened(socket, url);
    if (refusal !== undefined) return refusal;
    yield { kind: 'open' };
    return yield* readFrames(socket, silence, url);
  } finally {
    clearTimeout(silence);
    request.signal.removeEventListener('abort', abandon);
    if (socket.readyState !== WebSocket.CLOSED) socket.terminate();
  }
}

/** Resolves when the handshake is over: to why it was refused, or to nothing. */
async function opened(socket: WebSocket, url: URL): Promise<Ending | undefined> {
  return new Promise((resolve) => {
    socket.once('open', () => resolve(undefined));
    socket.on('error', (error) => resolve(endingOfBreak(networkError(url, error))));
    socket.once('unexpected-response', (request, response: IncomingMessage) => {
      readBody(response, url).then(
        (body) => resolve(endingOfAnswer(response.statusCode ?? 0, response.headers, body, url)),
        (error: unknown) => resolve(endingOfBreak(networkError(url, error))),
      );
      response.once('close', () => request.destroy());
    });
  });
}

async function* readFrames(socket: WebSocket, silence: NodeJS.Timeout, url: URL): AsyncGenerator<Received, Ending> {
  let end: Ending | undefined;
  socket.once('close', (code, reason) => {
    end ??= code === 1006 ? endingOfBreak(new CliError('network', `The connection to ${url.origin} broke.`)) : endingOfClose(code, reason.toString('utf8'));
  });
  // The stream stops reading from the socket while nobody takes what it has.
  const frames = createWebSocketStream(socket, { readableObjectMode: true, decodeStrings: false });
  try {
    for await (const frame of frames as AsyncIterable<string | Buffer>) {
      silence.refresh();
      const received = receivedEvent(frame.toString());
      if (received === undefined) continue;
      const { type, source, data } = received.event;
      if (source === '/sluice' && type === gapType) yield { kind: 'gap', gap: data, position: received.position };
      else if (source !== '/sluice' || received.position !== undefined) yield received;
      else if (type === 'dev.sluice.error') end = endingOfProblem(data);
      else if (type === 'dev.sluice.limit') yield { kind: 'held', limit: data };
    }
  } catch (error) {
    return end ?? endingOfBreak(networkError(url, error));
  }
  return end ?? endingOfBreak(new CliError('network', `${url.origin} ended the stream.`));
}
