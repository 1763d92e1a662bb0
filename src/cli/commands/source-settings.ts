import { ifGiven, oneOf } from '../arguments.ts';
import type { View } from '../client/management.ts';
import { withoutDefaults, type Values } from '../command.ts';
import { CliError } from '../exit-code.ts';

/** What becomes of the webhooks that come in at a source, and how they are believed. */
export const sourceOptions = {
  address: { type: 'string', value: 'ADDRESS', describe: 'where its events are published' },
  tolerance: { type: 'string', value: 'TIME', default: '5m', describe: 'how far the time of a signature may lie from now' },
  rename: {
    type: 'string',
    multiple: true,
    value: 'FROM=TO',
    describe: 'another name for an event type; .* at the end of both for all below',
  },
  'event-source': { type: 'string', value: 'URI', describe: 'CloudEvents source of its events; else as the provider says' },
  replay: { type: 'string', value: 'WORD', default: 'content', describe: 'what is a repetition: content that came before, or only the id' },
  header: { type: 'string', value: 'NAME', describe: 'of the preset hmac: the header the signature stands in' },
  prefix: { type: 'string', value: 'TEXT', describe: 'of the preset hmac: what precedes the signature, such as sha256=' },
  algorithm: { type: 'string', value: 'WORD', default: 'sha256', describe: 'of the preset hmac: sha1, sha256, sha384 or sha512' },
  encoding: { type: 'string', value: 'WORD', default: 'hex', describe: 'of the preset hmac: hex or base64' },
  'secret-encoding': {
    type: 'string',
    value: 'WORD',
    default: 'utf8',
    describe: 'of the preset hmac: what the secret is: utf8, hex or base64',
  },
  'id-header': { type: 'string', value: 'NAME', describe: 'of the preset hmac: the header with the id of the delivery' },
  'timestamp-header': { type: 'string', value: 'NAME', describe: 'of the preset hmac: the header with the time of the signature' },
  'timestamp-unit': { type: 'string', value: 'WORD', default: 's', describe: 'of the preset hmac: the unit of that time, s or ms' },
  template: { type: 'string', value: 'TEXT', describe: 'of the preset hmac: what is signed, such as {timestamp}.{body}' },
  type: { type: 'string', value: 'TYPE', describe: 'of the preset hmac: the type of its events' },
  'type-header': {
    type: 'string',
    value: 'NAME',
    describe: 'of the preset hmac: a header whose value is put behind that type, after a dot',
  },
  topic: { type: 'string', value: 'URL', describe: 'of the preset websub: what is subscribed to' },
  lease: { type: 'string', value: 'TIME', default: '10d', describe: 'of the preset websub: for how long at a time' },
  description: { type: 'string', value: 'TEXT', describe: 'what comes in here' },
} as const;

/** The same where only what is named counts. */
export const sourceChanges = withoutDefaults(sourceOptions);

/** These options as members of a source, undefined where none was given. Throws CliError. */
export function sourceMembers(values: Values<typeof sourceChanges>): View {
  const { address, tolerance, rename, replay, topic, lease, description } = values;
  return {
    address,
    tolerance,
    types: rename.length === 0 ? undefined : Object.fromEntries(rename.map(renaming)),
    eventSource: values['event-source'],
    replay: ifGiven(replay, (word) => oneOf(word, 'replay', ['content', 'id'])),
    hmac: ifAny({
      header: values.header,
      prefix: values.prefix,
      algorithm: ifGiven(values.algorithm, (word) => oneOf(word, 'algorithm', ['sha1', 'sha256', 'sha384', 'sha512'])),
      encoding: ifGiven(values.encoding, (word) => oneOf(word, 'encoding', ['hex', 'base64'])),
      secretEncoding: ifGiven(values['secret-encoding'], (word) => oneOf(word, 'secret-encoding', ['utf8', 'hex', 'base64'])),
      idHeader: values['id-header'],
      timestampHeader: values['timestamp-header'],
      timestampUnit: ifGiven(values['timestamp-unit'], (word) => oneOf(word, 'timestamp-unit', ['s', 'ms'])),
      template: values.template,
      type: values.type,
      typeHeader: values['type-header'],
    }),
    topic: ifAny({ url: topic, lease }),
    description,
  };
}

function renaming(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new CliError('usage', '--rename must be two event types with = between, such as a.*=b.*');
  return [text.slice(0, at), text.slice(at + 1)];
}

function ifAny(members: View): View | undefined {
  return Object.values(members).every((value) => value === undefined) ? undefined : members;
}
