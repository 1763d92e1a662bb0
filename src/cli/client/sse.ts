import { SseParser, SseTooLargeError, type SseMessage } from '../../protocols/sse/sse-parser.ts';
import { CliError } from '../exit-code.ts';
import { endingOfAnswer, endingOfBreak, endingOfProblem, type Ending } from './ending.ts';
import { maxReceivedBytes, readHeaders, receivedEvent, silenceMilliseconds, type Received, type StreamRequest } from './event-stream.ts';
import { networkError, readBody, send } from './http.ts';
import { parseJson } from './json.ts';

/** Reads a channel as Server-Sent Events. */
export async function* openSse(request: StreamRequest): AsyncGenerator<Received, Ending> {
  const url = new URL(request.url);
  const headers = readHeaders(request, 'text/event-stream');
  if (request.position !== undefined) headers['last-event-id'] = request.position;
  else if (request.from !== undefined) url.searchParams.set('from', request.from);
  try {
    const response = await send({ method: 'GET', url, headers, signal: request.signal });
    const status = response.statusCode ?? 0;
    if (status === 204) return { retry: false, error: new CliError('refused', 'The server says that coming back is useless.') };
    if (status !== 200 || !(response.headers['content-type'] ?? '').startsWith('text/event-stream')) {
      return endingOfAnswer(status, response.headers, await readBody(response, url), url);
    }
    yield { kind: 'open' };
    return yield* readStream(response, url);
  } catch (error) {
    if (error instanceof SseTooLargeError) return { retry: false, error: new CliError('failed', error.message, { cause: error }) };
    return endingOfBreak(networkError(url, error));
  }
}

type Stream = AsyncIterable<Buffer> & { destroy(error?: Error): unknown };

async function* readStream(response: Stream, url: URL): AsyncGenerator<Received, Ending> {
  const parser = new SseParser(maxReceivedBytes);
  const silence = setTimeout(() => response.destroy(new Error('not even a heartbeat came')), silenceMilliseconds);
  let reason: Ending | undefined;
  let place = '';
  try {
    for await (const chunk of response) {
      silence.refresh();
      for (const message of parser.feed(chunk)) {
        if (message.event === 'sluice.error') reason = endingOfProblem(parseJson(message.data)?.value);
        // The id of the last words only makes EventSource stop; it is no place.
        if (reason !== undefined) continue;
        const received = receivedMessage(message);
        if (received === undefined) continue;
        yield received;
        // Whoever takes its time with an event leaves us no chance to hear a heartbeat.
        silence.refresh();
      }
      if (reason === undefined && parser.lastEventId !== place) {
        place = parser.lastEventId;
        yield { kind: 'place', position: place };
      }
    }
  } catch (error) {
    if (error instanceof SseTooLargeError) throw error;
    reason ??= endingOfBreak(networkError(url, error));
  } finally {
    clearTimeout(silence);
    response.destroy();
  }
  const end = reason ?? endingOfBreak(new CliError('network', `${url.origin} ended the stream.`));
  return end.wait === undefined && parser.retry !== undefined ? { ...end, wait: parser.retry } : end;
}

function receivedMessage(message: SseMessage): Received | undefined {
  const position = message.id === '' ? undefined : message.id;
  if (message.event === 'sluice.limit') return { kind: 'held', limit: parseJson(message.data)?.value };
  if (message.event === 'sluice.gap') return { kind: 'gap', gap: parseJson(message.data)?.value, position };
  if (message.event.startsWith('sluice.')) return undefined;
  return receivedEvent(message.data, message.id);
}
