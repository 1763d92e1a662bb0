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
  // Listens from the start, so that nothing is missed, and stops reading from the socket while nobody takes what it has.
  const frames = createWebSocketStream(socket, { readableObjectMode: true, decodeStrings: false });
  frames.on('error', () => undefined);
  const ended = closing(socket, url);
  const silence = setTimeout(() => socket.terminate(), silenceMilliseconds);
  socket.on('ping', () => silence.refresh());
  try {
    const refusal = await opened(socket, url);
    if (refusal !== undefined) return refusal;
    yield { kind: 'open' };
    const reason = yield* readFrames(frames, silence);
    return reason ?? (await ended);
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

/** Why the connection ended, as its close frame says. */
async function closing(socket: WebSocket, url: URL): Promise<Ending> {
  return new Promise((resolve) => {
    socket.once('close', (code, reason) => {
      const broken = new CliError('network', `The connection to ${url.origin} broke.`);
      resolve(code === 1006 ? endingOfBreak(broken) : endingOfClose(code, reason.toString('utf8')));
    });
  });
}

/** Gives the events; returns the reason that the server told before it closed, which says more than a close code. */
async function* readFrames(frames: AsyncIterable<unknown>, silence: NodeJS.Timeout): AsyncGenerator<Received, Ending | undefined> {
  let told: Ending | undefined;
  try {
    for await (const frame of frames as AsyncIterable<string | Buffer>) {
      silence.refresh();
      const received = receivedEvent(frame.toString());
      if (received === undefined) continue;
      const { type, source, data } = received.event;
      if (source === '/sluice' && type === gapType) yield { kind: 'gap', gap: data, position: received.position };
      else if (source !== '/sluice' || received.position !== undefined) yield received;
      else if (type === 'dev.sluice.error') told = endingOfProblem(data);
      else if (type === 'dev.sluice.limit') yield { kind: 'held', limit: data };
    }
  } catch {
    // The close that follows says why.
  }
  return told;
}
