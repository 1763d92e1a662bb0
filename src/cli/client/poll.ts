import { CliError } from '../exit-code.ts';
import { endingOfAnswer, endingOfBreak, type Ending } from './ending.ts';
import { readHeaders, receivedEvent, type Received, type StreamRequest } from './event-stream.ts';
import { networkError, readBody, send } from './http.ts';
import { parseJson } from './json.ts';

const eventsPerPage = 100;
const waitSeconds = 30;
/** What the server may take beyond the wait it was asked for. */
const patienceMilliseconds = (waitSeconds + 30) * 1000;

/** Reads a channel page by page; each request waits for the next event. */
export async function* openPoll(request: StreamRequest): AsyncGenerator<Received, Ending> {
  let url = firstPage(request);
  let opened = false;
  try {
    for (;;) {
      const headers = readHeaders(request, 'application/cloudevents-batch+json');
      const response = await send({ method: 'GET', url, headers, timeout: patienceMilliseconds, signal: request.signal });
      const body = await readBody(response, url);
      if (response.statusCode !== 200) return endingOfAnswer(response.statusCode ?? 0, response.headers, body, url);
      if (!opened) yield { kind: 'open' };
      opened = true;
      yield* receivedPage(body, url);
      url = nextPage(response.headers.link, url);
      const position = url.searchParams.get('after');
      if (position !== null) yield { kind: 'place', position };
    }
  } catch (error) {
    return endingOfBreak(networkError(url, error));
  }
}

function firstPage(request: StreamRequest): URL {
  const url = new URL(request.url);
  if (request.position !== undefined) url.searchParams.set('after', request.position);
  else if (request.from !== undefined) url.searchParams.set('from', request.from);
  url.searchParams.set('limit', String(eventsPerPage));
  url.searchParams.set('wait', `${waitSeconds}s`);
  return url;
}

function* receivedPage(body: Buffer, url: URL): Generator<Received> {
  const events = parseJson(body.toString('utf8'))?.value;
  if (!Array.isArray(events)) throw new CliError('network', `${url.origin} did not answer with a page of events.`);
  for (const event of events as unknown[]) {
    const received = receivedEvent(JSON.stringify(event));
    if (received !== undefined) yield received;
  }
}

/** Only a page of the same server is followed: the key goes with the request. */
function nextPage(link: string | string[] | undefined, url: URL): URL {
  const target = /<([^>]*)>\s*;\s*rel="?next"?/i.exec([link ?? ''].flat().join(', '))?.[1];
  const next = target !== undefined && URL.canParse(target, url.href) ? new URL(target, url) : undefined;
  if (next === undefined || next.origin !== url.origin) throw new CliError('network', `${url.origin} did not say where the next page is.`);
  return next;
}
