import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { parseJson } from '../client/json.ts';
import { lineGroups } from '../client/lines.ts';
import { binaryPublication, publicationOf, publicationsOfLines, type Attributes } from '../client/publication.ts';
import { Publisher, type Publication } from '../client/publisher.ts';
import { defineCommand, type Context } from '../command.ts';
import { CliError } from '../exit-code.ts';
import { apiKey, channelUrl, gatewayOptions, gatewayUrl } from '../servers.ts';

const maxLineCharacters = 16 * 1024 * 1024;
const maxDocumentCharacters = 64 * 1024 * 1024;

const options = {
  ...gatewayOptions,
  data: { type: 'string', short: 'd', value: 'JSON', describe: 'the event itself, instead of a file' },
  type: { type: 'string', value: 'TYPE', describe: 'CloudEvents type; without it a plain JSON body gets what the contract says' },
  source: { type: 'string', value: 'URI', describe: 'CloudEvents source' },
  id: { type: 'string', value: 'ID', describe: 'CloudEvents id; a repeated source and id is accepted once' },
  subject: { type: 'string', value: 'TEXT', describe: 'CloudEvents subject' },
  'content-type': { type: 'string', value: 'TYPE', describe: 'the input is data of this media type and not JSON; needs --type' },
} as const;

/** Publishes events from the command line, a file or stdin. */
export const publish = defineCommand({
  name: 'publish',
  summary: 'publish events from the command line, a file or stdin',
  details: `The channel is the API's path and an address, such as orders/eu/created, or a whole URL.
The input is a CloudEvent, an array of them, plain JSON, or lines of either: when the first line is a whole JSON value,
each line is an event and is published as it arrives. Prints the position of each event.`,
  positionals: { usage: 'API/ADDRESS [FILE]', min: 1, max: 2 },
  options,
  examples: [
    `sluice publish orders/eu/created --data '{"id": 1}'`,
    'sluice publish orders/eu/created events.ndjson',
    `tail -f events.ndjson | sluice publish orders/eu/created --type com.example.order.created`,
  ],
  async run(context) {
    const { values, env, signal, positionals } = context;
    const url = channelUrl(positionals[0] ?? '', gatewayUrl(values, env));
    const publisher = new Publisher(url, apiKey(values, env), signal);
    let accepted = 0;
    try {
      for await (const publication of publications(context)) {
        const answer = await publisher.publish(publication);
        accepted += answer.accepted;
        if (context.output.json) await context.output.object(answer);
        else for (const position of answer.positions) await context.output.line(position);
      }
    } catch (error) {
      if (accepted > 0) context.output.note(`${accepted} accepted before this went wrong:`);
      throw error;
    }
    context.output.note(`${accepted} accepted`);
  },
});

async function* publications(context: Context<typeof options>): AsyncGenerator<Publication> {
  const { type, source, id, subject, data } = context.values;
  const attributes: Attributes = { type, source, id, subject };
  const contentType = context.values['content-type'];
  if (data !== undefined && context.positionals.length > 1) throw new CliError('usage', 'Give --data or a file, not both.');
  if (contentType !== undefined) {
    const bytes =
      data === undefined ? await buffer(input(context)).catch((error: unknown) => unreadable(error, context)) : Buffer.from(data);
    yield binaryPublication(bytes, contentType, attributes);
  } else if (data !== undefined) {
    yield publicationOf(data, attributes);
  } else {
    yield* fromInput(context, attributes);
  }
}

function input(context: Context<typeof options>): Readable {
  const name = context.positionals[1] ?? '-';
  if (name !== '-') return createReadStream(resolve(context.cwd, name), { signal: context.signal });
  if ((context.stdin as { isTTY?: boolean }).isTTY === true) context.output.note('Reading events from the terminal; end with Ctrl-D.');
  return context.stdin;
}

async function* fromInput(context: Context<typeof options>, attributes: Attributes): AsyncGenerator<Publication> {
  let document = '';
  let published = 0;
  for await (const lines of inputLines(context)) {
    if (document !== '' || (published === 0 && parseJson(lines[0] ?? '') === undefined)) {
      document += `${lines.join('\n')}\n`;
      if (document.length > maxDocumentCharacters) throw new CliError('invalid', 'The input is one document of more than 64 MiB.');
    } else {
      if (attributes.id !== undefined && published + lines.length > 1)
        throw new CliError('usage', '--id names one event, but the input has several lines.');
      yield* publicationsOfLines(lines, attributes, published + 1);
      published += lines.length;
    }
  }
  if (document !== '') yield publicationOf(document, attributes);
  else if (published === 0) throw new CliError('invalid', 'The input is empty.');
}

async function* inputLines(context: Context<typeof options>): AsyncGenerator<string[]> {
  try {
    yield* lineGroups(input(context), maxLineCharacters);
  } catch (error) {
    unreadable(error, context);
  }
}

function unreadable(error: unknown, { positionals }: Context<typeof options>): never {
  if (error instanceof CliError) throw error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') throw new CliError('notFound', `There is no file ${positionals[1]}.`, { cause: error });
  throw new CliError('failed', `The input could not be read: ${message}.`, { cause: error });
}
