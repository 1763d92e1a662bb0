import { oneOf, wholeNumber } from '../arguments.ts';
import type { JsonObject } from '../client/json.ts';
import type { OpenStream, Received } from '../client/event-stream.ts';
import { follow } from '../client/follow.ts';
import { answerError, readBody, send } from '../client/http.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../exit-code.ts';
import { printable, type Output } from '../output.ts';
import { apiKey, channelUrl, gatewayOptions, gatewayUrl } from '../servers.ts';

const protocols: Readonly<Record<'sse' | 'websocket' | 'poll', () => Promise<OpenStream>>> = {
  sse: async () => (await import('../client/sse.ts')).openSse,
  websocket: async () => (await import('../client/websocket.ts')).openWebSocket,
  poll: async () => (await import('../client/poll.ts')).openPoll,
};

/** How often a durable reader tells the server how far it has got, in milliseconds. */
const confirmInterval = 1000;

/** Options that go to the server as they are: what the reader gets to see. */
const viewOptions = ['filter', 'sample', 'conflate', 'by', 'fields', 'delta'] as const;

/** Follows a channel and prints its events. */
export const listen = defineCommand({
  name: 'listen',
  summary: 'follow a channel and print its events, one per line',
  details: `The channel is the API's path and an address, such as orders/eu/created, or a whole URL; "*" stands for any segment.
After a cut it comes back by itself and goes on where it was. It gives up when coming back is useless, or when the
server wants it to stay away for more than five minutes. Ctrl-C ends it with exit code 0.`,
  positionals: { usage: 'API/ADDRESS', min: 1, max: 1 },
  options: {
    ...gatewayOptions,
    protocol: { type: 'string', value: 'NAME', default: 'sse', describe: 'sse, websocket or poll' },
    from: { type: 'string', value: 'PLACE', describe: 'earliest, latest, a position, or a time (RFC 3339)' },
    reader: { type: 'string', value: 'NAME', describe: 'a durable reader: its place is kept on the server, in any protocol' },
    filter: { type: 'string', value: 'CEL', describe: "only events for which this holds: data.total > 100 && type == 'com.example.order'" },
    sample: { type: 'string', value: 'SHARE', describe: 'only a share of the events: 0.1 or 1/10' },
    conflate: {
      type: 'string',
      value: 'TIME',
      describe: 'at most one delivery in so much time, and in it the newest event of each key: 1s',
    },
    by: { type: 'string', value: 'KEY', describe: 'the key for --conflate and --delta: subject, type, source, ext.NAME or data.PATH' },
    fields: { type: 'string', value: 'PATHS', describe: 'only these members of the data: total,customer.name' },
    delta: { type: 'string', value: 'patch', describe: 'what changed since the last event of the key, as JSON Patch' },
    count: { type: 'string', value: 'N', describe: 'end after so many events' },
  },
  examples: [
    'sluice listen orders/eu/created --from earliest',
    `sluice listen 'orders/*/created' --protocol websocket --reader billing --json`,
  ],
  async run(context) {
    const { values, env, output } = context;
    const open = await protocols[oneOf(values.protocol, 'protocol', ['sse', 'websocket', 'poll'])]();
    const most = values.count === undefined ? Number.POSITIVE_INFINITY : wholeNumber(values.count, 'count', 1, 1e12);
    const url = channelUrl(context.positionals[0] ?? '', gatewayUrl(values, env));
    if (values.reader !== undefined) url.searchParams.set('reader', values.reader);
    for (const name of viewOptions) {
      const value = values[name];
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const key = apiKey(values, env);
    const place = values.reader === undefined ? undefined : new Place(url, key);
    const onCut = ({ error }: { readonly error: CliError }, wait: number) =>
      output.note(`${error.message} Coming back in ${(wait / 1000).toFixed(1)} s.`);
    const request = { open, url, key, from: values.from, signal: context.signal, onCut, random: Math.random };
    let seen = 0;
    try {
      for await (const received of follow(request)) {
        await show(received, output, url);
        if (received.kind === 'event') seen += 1;
        if (received.kind !== 'open') await place?.reached(received.position);
        if (seen >= most) return;
      }
    } finally {
      const trouble = await place?.confirm();
      if (trouble !== undefined)
        output.note(`How far this got could not be told to the server, some events may come again: ${trouble.message}`);
    }
  },
});

async function show(received: Received, output: Output, url: URL): Promise<void> {
  switch (received.kind) {
    case 'open':
      output.note(`Listening to ${url.origin}${url.pathname}`);
      break;
    case 'event':
      await output.line(output.json ? received.text : readable(received.event));
      break;
    case 'gap':
      if (output.json) await output.object({ gap: received.gap });
      else output.note(`Some events are missing here: ${printable(JSON.stringify(received.gap))}`);
      break;
    case 'held':
      output.note(`A limit holds delivery: ${printable(JSON.stringify(received.limit))}`);
      break;
    case 'place':
  }
}

function readable(event: JsonObject): string {
  const { time, type, subject, source, data, data_base64: base64 } = event;
  const content = base64 === undefined ? JSON.stringify(data ?? null) : `(base64) ${JSON.stringify(base64)}`;
  return printable([time ?? '-', type, subject ?? source, content].map(String).join('  '));
}

/** How far a durable reader has got, told to the server now and then and at the end. */
class Place {
  readonly #url: URL;
  readonly #key: string | undefined;
  #position: string | undefined;
  #confirmed: string | undefined;
  #confirmedAt = 0;

  constructor(url: URL, key: string | undefined) {
    this.#url = new URL(url);
    for (const name of viewOptions) this.#url.searchParams.delete(name);
    this.#key = key;
  }

  async reached(position: string | undefined): Promise<void> {
    this.#position = position ?? this.#position;
    if (Date.now() - this.#confirmedAt >= confirmInterval) await this.confirm();
  }

  /** Answers what went wrong; works after an abort too, so that what was printed last is not printed again. */
  async confirm(): Promise<CliError | undefined> {
    const position = this.#position;
    if (position === undefined || position === this.#confirmed) return undefined;
    this.#confirmedAt = Date.now();
    try {
      await this.#send(position);
      this.#confirmed = position;
      return undefined;
    } catch (error) {
      if (error instanceof CliError) return error;
      throw error;
    }
  }

  async #send(position: string): Promise<void> {
    const headers: Record<string, string> = { ack: position, 'content-length': '0' };
    if (this.#key !== undefined) headers['authorization'] = `Bearer ${this.#key}`;
    const response = await send({ method: 'POST', url: this.#url, headers, timeout: 5000 });
    const body = await readBody(response, this.#url, 5000);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw answerError(status, body, this.#url);
  }
}
