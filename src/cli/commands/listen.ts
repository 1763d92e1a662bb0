import { oneOf, wholeNumber } from '../arguments.ts';
import { onOneLine, type JsonObject } from '../client/json.ts';
import type { OpenStream, Received } from '../client/event-stream.ts';
import { follow } from '../client/follow.ts';
import { ReaderPlace } from '../client/reader-place.ts';
import { defineCommand } from '../command.ts';
import { CliError, exitCodes } from '../exit-code.ts';
import type { Relay } from '../forward/relay.ts';
import { printable, type Output } from '../output.ts';
import { apiKey, channelUrl, gatewayOptions, gatewayUrl } from '../servers.ts';

const protocols: Readonly<Record<'sse' | 'websocket' | 'poll', () => Promise<OpenStream>>> = {
  sse: async () => (await import('../client/sse.ts')).openSse,
  websocket: async () => (await import('../client/websocket.ts')).openWebSocket,
  poll: async () => (await import('../client/poll.ts')).openPoll,
};

/** Options that go to the server as they are: what the reader gets to see. */
const viewOptions = ['filter', 'sample', 'conflate', 'by', 'fields', 'delta'] as const;

/** Follows a channel and prints its events. */
export const listen = defineCommand({
  name: 'listen',
  summary: 'follow a channel and print its events, or relay them to a local server',
  details: `The channel is the API's path and an address, such as orders/eu/created, or a whole URL; "*" stands for any segment.
After a cut it comes back by itself and goes on where it was. It gives up when coming back is useless, or when the
server wants it to stay away for more than five minutes. Ctrl-C ends it with exit code 0.

With --forward-to each event goes to a local server as the push engine would deliver it: one after the other, signed as
Standard Webhooks, with the same webhook-id. In a terminal r and Enter sends the last one again, r 3 the third last. With
--reader only what was answered 2xx is confirmed: after one that failed nothing is, until it is sent again and taken. With
--count the exit code is 1 when something was not taken.`,
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
    'forward-to': { type: 'string', value: 'URL', describe: 'deliver the events to this local server as webhooks' },
    secret: {
      type: 'string',
      value: 'SECRET',
      describe: 'whsec_ or whsk_, what signs them; else SLUICE_WEBHOOK_SECRET, else one is made and printed',
    },
    content: { type: 'string', value: 'WORD', default: 'structured', describe: 'what they carry: structured, binary or data' },
    timeout: { type: 'string', value: 'TIME', default: '15s', describe: 'how long the local server may take' },
    retries: { type: 'string', value: 'N', default: '0', describe: 'how often one that failed is tried again' },
  },
  examples: [
    'sluice listen orders/eu/created --from earliest',
    `sluice listen 'orders/*/created' --protocol websocket --reader billing --json`,
    'sluice listen orders/eu/created --forward-to http://localhost:3000/hook',
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
    const forwardTo = values['forward-to'];
    if (forwardTo !== undefined && values.reader !== undefined && values.protocol === 'poll')
      throw new CliError('usage', 'Asking for the next page confirms the last one, so --forward-to with --reader needs sse or websocket.');
    const place = values.reader === undefined ? undefined : new ReaderPlace(confirmUrl(url), key);
    const onCut = ({ error }: { readonly error: CliError }, wait: number) =>
      output.note(`${error.message} Coming back in ${(wait / 1000).toFixed(1)} s.`);
    const forward = forwardTo === undefined ? undefined : await import('../forward/forward.ts');
    const relay = await forward?.openRelay({ ...values, 'forward-to': forwardTo ?? '' }, context);
    const keys = relay === undefined ? undefined : forward?.resendOnKeys(context.stdin, relay, output);
    // A reader that comes back from a place confirms it, so it must be one up to which everything was taken.
    const resume = relay === undefined || place === undefined ? undefined : () => place.position;
    const request = { open, url, key, from: values.from, signal: context.signal, onCut, random: Math.random, resume };
    let latest: string | undefined;
    let seen = 0;
    try {
      for await (const received of follow(request)) {
        await take(received, relay, output, url);
        if (received.kind === 'event') seen += 1;
        if (received.kind !== 'open') latest = received.position ?? latest;
        if (relay?.isBehind !== true) await place?.reached(latest);
        if (seen >= most) return relay?.isBehind === true ? exitCodes.failed : exitCodes.ok;
      }
      return exitCodes.ok;
    } finally {
      keys?.close();
      if (relay?.isBehind === false) await place?.reached(latest);
      const trouble = await place?.confirm();
      if (trouble !== undefined)
        output.note(`How far this got could not be told to the server, some events may come again: ${trouble.message}`);
    }
  },
});

/** The channel and the reader, without the view. */
function confirmUrl(url: URL): URL {
  const bare = new URL(url);
  for (const name of viewOptions) bare.searchParams.delete(name);
  return bare;
}

async function take(received: Received, relay: Relay | undefined, output: Output, url: URL): Promise<void> {
  if (relay === undefined || received.kind !== 'event') return show(received, output, url);
  const { eventOfText } = await import('../forward/local-webhook.ts');
  await relay.deliver(eventOfText(received.text, received.position));
}

async function show(received: Received, output: Output, url: URL): Promise<void> {
  switch (received.kind) {
    case 'open':
      output.note(`Listening to ${url.origin}${url.pathname}`);
      break;
    case 'event':
      await output.line(output.json ? onOneLine(received.text) : readable(received.event));
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
