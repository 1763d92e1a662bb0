import type { HostileCase } from './hostile-case.ts';
import { commandCase } from './command-case.ts';
import { contractText } from './victim-world.ts';

type Verb = 'plan' | 'apply' | 'up';
type Row = readonly [name: string, yaml: string | Uint8Array, says: RegExp, files?: Readonly<Record<string, string>>];

const api = (lines: string): string =>
  `apis:\n  evil:\n    contract: ./evil.yaml\n${lines
    .split('\n')
    .map((line) => `    ${line}\n`)
    .join('')}`;
const application = (line: string): string => `applications:\n  evil:\n    ${line}\n`;

/** Each is wrong at a place, which the first line of the complaint names. */
const files: readonly Row[] = [
  ['a list', '- a\n', /sluice\.yaml:1:1: .*object/],
  ['a word', 'hello\n', /sluice\.yaml:1:1: /],
  ['bytes', Buffer.of(0xff, 0xfe, 0x00, 0x80), /sluice\.yaml/],
  ['zeros', Buffer.alloc(1000), /sluice\.yaml/],
  ['a bracket that stays open', 'apis: {\n', /sluice\.yaml:\d+:\d+: /],
  ['tabs for indentation', 'apis:\n\tevil: {}\n', /sluice\.yaml:2:/],
  ['a key twice', 'apis: {}\napis: {}\n', /sluice\.yaml:2:1: /],
  ['a key nobody knows', 'apiss: {}\n', /sluice\.yaml:1:1: .*did you mean `apis`/],
  ['a key nobody knows, further in', api('lifecycel: published'), /sluice\.yaml:4:5: .*did you mean `lifecycle`/],
  ['a prototype', 'apis:\n  __proto__: { contract: ./evil.yaml }\n', /sluice\.yaml:2:3: /],
  [
    'a billion laughs',
    `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
      .split('')
      .map((letter, at) => `${letter}: &${letter} [${Array.from({ length: 9 }, () => `*${'abcdefghij'[at]}`).join(',')}]`)
      .join('\n')}\n`,
    /sluice\.yaml/,
  ],
  ['10,000 brackets', `apis: ${'['.repeat(10_000)}\n`, /sluice\.yaml/],
  ['a tag for a function', 'apis: !!js/function "function(){}"\n', /sluice\.yaml:1:/],
  ['5 MiB', `# ${'x'.repeat(5 * 1024 * 1024)}\n`, /sluice\.yaml.*(MiB|bytes|large)/],
  ['an API without a contract', 'apis: { evil: {} }\n', /sluice\.yaml:1:.*contract/],
  ['a contract that is not there', api('path: /evil').replace('./evil.yaml', './nothing.yaml'), /nothing\.yaml/],
  [
    'a contract above the file',
    api('path: /evil').replace('./evil.yaml', '../../../../etc/passwd'),
    /sluice\.yaml:3:.*contract|etc\/passwd/,
  ],
  ['a name with a slash', 'apis:\n  a/b: { contract: ./evil.yaml }\n', /sluice\.yaml:2:3: .*name/],
  ['a path that goes up', api('path: /../evil'), /sluice\.yaml:4:5: .*path/],
  ['a size in words', api('maxEventBytes: lots'), /sluice\.yaml:4:5: .*maxEventBytes/],
  ['a size in light years', api('maxEventBytes: 5ly'), /sluice\.yaml:4:5: .*maxEventBytes/],
  ['a time before time', api('retention: { age: -5s }'), /sluice\.yaml:4:/],
  ['a backbone that is not there', api('backbone: nothing'), /sluice\.yaml:4:5: .*nothing/],
  ['a backbone of a kind that is none', 'backbones: { main: { kind: carrier-pigeon } }\n', /sluice\.yaml:1:.*carrier-pigeon/],
  ['a protocol nobody speaks', api('entrypoints: [telepathy]'), /sluice\.yaml:4:.*telepathy/],
  ['two APIs on one path', `${api('path: /x')}  other: { contract: ./evil.yaml, path: /x }\n`, /sluice\.yaml:\d+:.*\/x/],
  ['a limit of nothing', api('plans: { p: { limits: { eventCount: { limit: 0, per: day } } } }'), /sluice\.yaml:4:/],
  ['a preset that is none', api('plans: { p: { preset: platinum } }'), /sluice\.yaml:4:.*preset|platinum/],
  [
    'a variable that is not set',
    application("credentials: [{ kind: api-key, value: '${env:NOT_SET_ANYWHERE}' }]"),
    /sluice\.yaml:3:.*NOT_SET_ANYWHERE/,
  ],
  ['a secret file that is not there', application("credentials: [{ kind: api-key, value: '${file:./nothing}' }]"), /sluice\.yaml:3:/],
  ['a reference to something else', application("credentials: [{ kind: api-key, value: '${exec:id}' }]"), /sluice\.yaml:3:/],
  ['a key of three letters', application('credentials: [{ kind: api-key, value: abc }]'), /sluice\.yaml:3:.*16/],
  ['a subscription to nothing', application('subscriptions: [{ api: nothing, plan: p }]'), /sluice\.yaml:3:.*nothing/],
  ['a client without a plan', application('subscriptions: [{ api: evil }]'), /sluice\.yaml:3:.*plan/],
];

const contracts: readonly Row[] = [
  ['a contract that is none', api('path: /evil'), /evil\.yaml|contract/, { 'evil.yaml': 'flour: 500g\n' }],
  [
    'a contract that reads a file',
    api('path: /evil'),
    /passwd/,
    { 'evil.yaml': 'asyncapi: 3.0.0\ninfo: { title: a, version: "1" }\nchannels: { a: { $ref: /etc/passwd } }\n' },
  ],
  ['a contract made to run away', api('path: /evil'), /look-around/, { 'evil.yaml': contractText.replace('^(a+)+', '^(?=a)(a+)+') }],
];

function caseOf([name, yaml, says, beside = { 'evil.yaml': contractText }]: Row, verb: Verb): HostileCase {
  const ports = verb === 'up' ? ['--port', '0', '--control-port', '0', '--data', 'data'] : [];
  return commandCase('configuration', [`${name} (${verb})`, [verb, ...ports], 7, says], { files: { ...beside, 'sluice.yaml': yaml } });
}

const verbs: readonly Verb[] = ['plan', 'apply', 'up'];

/** Configuration files, each to one of the commands that read them, in turn; contracts to all. */
export const configurationCases: readonly HostileCase[] = [
  ...files.map((row, at) => caseOf(row, verbs[at % verbs.length] as Verb)),
  ...contracts.flatMap((row) => verbs.map((verb) => caseOf(row, verb))),
];
