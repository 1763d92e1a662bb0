import { commandCase, type CommandRow } from './command-case.ts';
import { badContracts } from './contract-cases.ts';
import type { HostileCase } from './hostile-case.ts';
import type { CommandOptions } from './victim.ts';
import { keys } from './victim-world.ts';

type Row = readonly [...row: CommandRow, options?: CommandOptions];

const usage = 2;
const key = { env: { SLUICE_KEY: keys.CLIENT_KEY } };

const words: readonly Row[] = [
  ['a command nobody knows', ['lisen'], usage, /Did you mean "listen"/],
  ['a command named like a method', ['constructor'], usage, /Unknown command "constructor"/],
  ['a prototype for a command', ['__proto__'], usage, /Unknown command/],
  ['an empty word', [''], usage, /Unknown command ""/],
  ['a command that colours the terminal', ['\u001b[31mup'], usage, /Unknown command/],
  ['an option nobody knows', ['up', '--prot', '1'], usage, /Did you mean --port/],
  ['an option named like a method', ['up', '--toString'], usage, /Unknown option/],
  ['a prototype for an option', ['up', '--__proto__=x'], usage, /Unknown option/],
  ['an option without its value', ['up', '--port'], usage, /needs a value/],
  ['an option that eats another', ['up', '--config', '--json'], usage, /needs a value/],
  ['a value where none is taken', ['up', '--json=yes'], usage, /takes no value/],
  ['a word too many', ['status', 'please'], usage, /does not know what to do with "please"/],
  ['nothing where a word is needed', ['lint'], usage, /needs FILE/],
  ['a subcommand nobody knows', ['keys', 'steal'], usage, /Unknown command "keys steal"/],
  ['no subcommand', ['keys'], usage, /needs one of/],
];

const values: readonly Row[] = [
  ...['-1', '65536', '8080x', '1e3', '0x50', '', '٣'].map((port): Row => [
    `port ${JSON.stringify(port)}`,
    ['up', `--port=${port}`, '--data', 'd'],
    usage,
    /--port must be a whole number/,
  ]),
  ['a grace past all patience', ['up', '--grace', '999999'], usage, /--grace must be/],
  ['a log level that is none', ['up', '--log-level', 'loud'], usage, /--log-level takes one of/],
  ['a configuration that is not there', ['up', '--config', 'nothing.yaml', '--port', '0', '--control-port', '0'], 5, /nothing\.yaml/],
  ['a configuration that is a folder', ['plan', '--config', '.'], 7, /./],
  ['a host that is none', ['up', '--host', 'not a host', '--port', '0', '--control-port', '0', '--data', 'd'], 1, /listen|host/],
  [
    'a control plane for everybody',
    ['up', '--control-host', '0.0.0.0', '--port', '0', '--control-port', '0', '--data', 'd'],
    7,
    /SLUICE_ADMIN_TOKEN/,
    { env: { SLUICE_ADMIN_TOKEN: '' } },
  ],
  ['a data folder that is a file', ['up', '--data', 'file', '--port', '0', '--control-port', '0'], 1, /file/, { files: { file: 'x' } }],
  ['a URL that is none', ['status', '--control', 'here'], usage, /--control must be a URL/],
  ['a URL of a file', ['status', '--control', 'file:///etc/passwd'], usage, /--control must be a URL/],
  ['nobody at the URL', ['status', '--control', 'http://127.0.0.1:1'], 8, /127\.0\.0\.1:1/],
  ['a wrong token', ['status', '--token', 'wrong'], 4, /admin token/],
  ['a token with a line break', ['status', '--token', 'a\nb'], usage, /token/],
  ['a key with a line break', ['listen', 'shop/a/events', '--key', 'a\r\nx: y'], usage, /visible ASCII/],
  ['a key with a space', ['publish', 'shop/a/commands', '--data', '{}', '--key', 'a b'], usage, /visible ASCII/],
  ['no key', ['listen', 'shop/a/events'], 4, /API key/],
  ['a wrong key', ['publish', 'shop/a/commands', '--data', '{"n":1}'], 4, /not known here/, { env: { SLUICE_KEY: 'wrong-key-wrong-key' } }],
];

const events: readonly Row[] = [
  ['listening to nothing', ['listen', 'shop/a/nothing'], 5, /no channel/, key],
  ['listening upwards', ['listen', '../../etc'], 5, /./, key],
  ['listening with a filter that is none', ['listen', 'shop/a/events', '--filter', 'a >'], 7, /filter/, key],
  ['listening from nowhere', ['listen', 'shop/a/events', '--from', 'nowhere'], 7, /position/, key],
  ['listening by telepathy', ['listen', 'shop/a/events', '--protocol', 'telepathy'], usage, /--protocol must be one of/, key],
  ['listening for minus one event', ['listen', 'shop/a/events', '--count=-1'], usage, /--count must be/, key],
  ['listening as a path', ['listen', 'shop/a/events', '--reader', '../x'], 7, /reader/, key],
  ['publishing words', ['publish', 'shop/a/commands', '--data', 'hello'], 7, /JSON/, key],
  ['publishing what breaks the contract', ['publish', 'shop/a/commands', '--data', '{"n":-1}'], 7, /contract refuses/, key],
  ['publishing where one may not', ['publish', 'shop/a/events', '--data', '{"n":1}'], 9, /only sends there/, key],
  ['publishing a file that is not there', ['publish', 'shop/a/commands', 'nothing.json'], 5, /nothing\.json/, key],
  ['publishing bytes', ['publish', 'shop/a/commands'], 7, /JSON|UTF-8/, { ...key, input: Buffer.of(0xff, 0xfe, 0, 1) }],
  [
    'publishing lines of which one is broken',
    ['publish', 'shop/a/commands'],
    7,
    /Line 2 is not JSON/,
    { ...key, input: '{"n":1}\n{"n":\n{"n":2}\n' },
  ],
  [
    'publishing a line of 20 MiB',
    ['publish', 'shop/a/commands'],
    7,
    /./,
    { ...key, input: `{"n":1,"note":"${'a'.repeat(20 * 1024 * 1024)}"}\n` },
  ],
  ['publishing nothing', ['publish', 'shop/a/commands'], 7, /./, { ...key, input: '' }],
];

const management: readonly Row[] = [
  ['the keys of nobody', ['keys', 'list', 'nobody'], 5, /no application nobody/],
  ['the keys of a path', ['keys', 'list', '../../etc'], 7, /name/],
  ['rotating what is not there', ['keys', 'rotate', 'client', 'nothing'], 5, /no credential/],
  ['rotating for an age', ['keys', 'rotate', 'client', 'nothing', '--overlap', 'ages'], 7, /overlap/],
  ['accepting nothing', ['subscriptions', 'accept', 'nothing'], 5, /no subscription/],
  [
    'subscribing nobody',
    ['subscriptions', 'create', '--api', 'shop', '--application', 'nobody', '--plan', 'open'],
    7,
    /no application nobody/,
  ],
  ['usage by the moon', ['usage', '--by', 'moon'], usage, /--by must be one of/],
  ['usage since yesterday', ['usage', '--from', 'yesterday'], 7, /moment|from/],
  ['starting where something is', ['init', '.'], 6, /sluice\.yaml/, { files: { 'sluice.yaml': 'apis: {}\n' } }],
  ['linting what is not there', ['lint', 'nothing.yaml'], 5, /nothing\.yaml/],
  ['linting a folder', ['lint', '.'], 1, /./],
];

const linted: readonly Row[] = badContracts.map(([name, text, says]) => [
  `linting ${name}`,
  ['lint', 'evil.yaml'],
  7,
  says,
  { files: { 'evil.yaml': text } },
]);

/** What people type. */
export const argumentCases: readonly HostileCase[] = [...words, ...values, ...events, ...management, ...linted].map(
  ([name, argv, exit, says, options]) =>
    commandCase(linted.some((row) => row[0] === name) ? 'contract' : 'arguments', [name, argv, exit, says], options),
);
