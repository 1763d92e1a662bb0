import { oneOf } from '../arguments.ts';
import { editOne, withMembers, withoutMembers } from '../client/edit.ts';
import { isObject } from '../client/json.ts';
import type { View } from '../client/management.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../exit-code.ts';
import { ownerClient, ownerOptions } from '../servers.ts';
import { sourceChanges, sourceMembers } from './source-settings.ts';

/** What can take its default again, by the name of its option: the member it is. */
const clearable = {
  tolerance: 'tolerance',
  rename: 'types',
  'event-source': 'eventSource',
  replay: 'replay',
  description: 'description',
} as const;
/** The same of what belongs to the preset hmac. */
const clearableHmac = {
  prefix: 'prefix',
  algorithm: 'algorithm',
  encoding: 'encoding',
  'secret-encoding': 'secretEncoding',
  'id-header': 'idHeader',
  'timestamp-header': 'timestampHeader',
  'timestamp-unit': 'timestampUnit',
  template: 'template',
  'type-header': 'typeHeader',
} as const;
/** The same of what belongs to the preset websub. */
const clearableTopic = { lease: 'lease' } as const;
const words = [clearable, clearableHmac, clearableTopic].flatMap((members) => Object.keys(members));

/** Changes what is named of a source that is there. */
export const setSource = defineCommand({
  name: 'set',
  summary: 'change what is named of a source, and nothing else',
  details: `Each --rename goes by its first type; one with nothing behind the = is taken out. Its preset stays, since its secrets belong to it; its
state and its secrets are changed by start, pause and rotate.`,
  positionals: { usage: 'ID', min: 1, max: 1 },
  options: {
    ...ownerOptions,
    ...sourceChanges,
    clear: { type: 'string', multiple: true, value: 'OPTION', describe: `take the default again, or none: ${words.join(', ')}` },
  },
  examples: ["sluice sources set src_4f0a1b2c3d4e --address builds/all --rename 'com.github.*=code.*'"],
  async run(context) {
    const members = sourceMembers(context.values);
    const cleared = context.values.clear.map((word) => oneOf(word, 'clear', words));
    if (cleared.length === 0 && Object.values(members).every((value) => value === undefined))
      throw new CliError(
        'usage',
        'sluice sources set needs something to change, such as --address or --tolerance. Try: sluice sources set --help',
      );
    const { client } = await ownerClient(context);
    const [id = ''] = context.positionals;
    const { after, isChanged } = await editOne(client, ['sources', id], (current) => changed(withDefaults(current, cleared), members));
    await context.output.show(after, () => `${id} ${isChanged ? 'changed' : 'is so already'}`);
  },
});

/** Less its state, which stays whatever it is by then, and less what is to take its default. */
function withDefaults(current: View, cleared: readonly string[]): View {
  const plain = membersOf(clearable, cleared);
  const kept = withoutMembers(current, ['state', ...plain]);
  const { hmac, topic } = kept;
  return {
    ...kept,
    ...(isObject(hmac) && { hmac: withoutMembers(hmac, membersOf(clearableHmac, cleared)) }),
    ...(isObject(topic) && { topic: withoutMembers(topic, membersOf(clearableTopic, cleared)) }),
  };
}

function membersOf(names: Readonly<Record<string, string>>, cleared: readonly string[]): readonly string[] {
  return cleared.flatMap((word) => names[word] ?? []);
}

function changed(current: View, members: View): View {
  const { types, hmac, topic, ...plain } = members;
  return withMembers(current, {
    ...plain,
    types: types && renamed(current['types'], types as View),
    hmac: hmac && withMembers(current['hmac'], hmac as View),
    topic: topic && withMembers(current['topic'], topic as View),
  });
}

function renamed(current: unknown, given: View): View {
  return Object.fromEntries(Object.entries(withMembers(current, given)).filter(([, to]) => to !== ''));
}
