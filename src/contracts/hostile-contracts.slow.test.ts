import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lintContract } from './lint.ts';

const head = 'asyncapi: 3.0.0\ninfo: {title: T, version: "1"}\n';
const operation = 'operations:\n  o: {action: receive, channel: {$ref: "#/channels/c"}}\n';

/** A document whose payload begins in line 10. */
function payload(schema: string): string {
  const lines = schema.split('\n').map((line) => `          ${line}`);
  return `${head}channels:\n  c:\n    address: c\n    messages:\n      m:\n        name: m\n        payload:\n${lines.join('\n')}\n${operation}`;
}

function channel(lines: string): string {
  return `${head}channels:\n  c:\n    ${lines}\n`;
}

function sending(lines: string): string {
  return `${head}channels: {orders: {address: c, messages: {m: {name: m}}}}\noperations:\n  o:\n    action: send\n    ${lines}\n`;
}

const version2 = 'asyncapi: 2.6.0\ninfo: {title: a, version: "1"}\n';

/** Each document has exactly these errors: line and sentence. */
const cases: readonly (readonly [name: string, text: string, ...errors: (readonly [line: number, says: RegExp])[]])[] = [
  ['info is missing', 'asyncapi: 3.0.0\nchannels: {}\n', [1, /^The document must have the member `info`\.$/]],
  ['info is a string', 'asyncapi: 3.0.0\ninfo: hello\n', [2, /^`info` must be an object, not the string `hello`\.$/]],
  ['the title is misspelt', 'asyncapi: 3.0.0\ninfo:\n  titel: x\n  version: "1"\n', [3, /`titel`; did you mean `title`\?$/]],
  [
    'the version is a number',
    'asyncapi: 3.0.0\ninfo:\n  title: x\n  version: 1.0\n',
    [4, /`info\.version` must be a string, not the number `1`/],
  ],
  ['channels is a list', `${head}channels:\n  - a\n`, [3, /`channels` must be an object, not a list/]],
  ['a channel is a string', channel('').replace('c:\n', 'c: hello\n'), [4, /must be an object, not the string/]],
  ['channels is misspelt', `${head}chanels: {}\n`, [3, /did you mean `channels`\?/]],
  ['a number is a key at the top', `${head}channels: {}\n1: x\n`, [4, /must not have the member `1`/]],
  ['control characters in a key', `${head}"a\\u0007b\\u202e": 1\n`, [3, /must not have the member `a\ufffdb\ufffd`/]],
  ['address is misspelt', channel('adress: x'), [5, /`channels\.c` must not have the member `adress`; did you mean `address`\?/]],
  ['an address is a number', channel('address: 3'), [5, /must be a string or null, not the number `3`/]],
  [
    'an action of version 2',
    sending('channel: {$ref: "#/channels/orders"}').replace('send', 'publish'),
    [6, /must be one of `send`, `receive`/],
  ],
  ['an operation has no channel', `${head}operations:\n  o:\n    action: send\n`, [4, /must have the member `channel`/]],
  [
    'an operation names an unknown channel',
    sending('channel: {$ref: "#/channels/order"}'),
    [7, /`#\/channels\/order` names nothing: `\/channels` has `orders`/],
  ],
  ['an operation has a name for a channel', sending('channel: orders'), [7, /must be an object, not the string `orders`/]],
  [
    'an operation uses a channel outside',
    `${sending('channel: {$ref: "#/components/channels/d"}')}components: {channels: {d: {address: d}}}\n`,
    [7, /not one of the channels of this document/],
  ],
  [
    'an operation uses a message outside',
    `${sending('channel: {$ref: "#/channels/orders"}\n    messages: [{$ref: "#/components/messages/n"}]')}components: {messages: {n: {name: n}}}\n`,
    [8, /not a message of the channel `orders`; list it there/],
  ],
  ['a server has no host', `${head}servers:\n  s:\n    protocol: kafka\n`, [4, /`servers\.s` must have the member `host`/]],
  [
    'a security scheme is of no known type',
    `${head}components:\n  securitySchemes:\n    k:\n      type: apikey\n`,
    [6, /`components\.securitySchemes\.k\.type` must be one of `userPassword`, `apiKey`/],
  ],
  [
    'a security scheme lacks its scheme',
    `${head}components:\n  securitySchemes:\n    k:\n      type: http\n`,
    [5, /must have the member `scheme`/],
  ],
  ['a payload is a number', channel('messages: {m: {payload: 3}}'), [5, /payload` must be an object or a boolean, not the number `3`/]],
  ['a message has an unknown member', channel('messages: {m: {paylod: {}}}'), [5, /did you mean `payload`\?/]],
  ['a type is misspelt', payload('type: strnig'), [10, /payload\.type` must be one of `array`, `boolean`, `integer`/]],
  ['items is a number', payload('type: array\nitems: 3'), [11, /items` must be an object, a boolean or a list/]],
  ['minimum is a string', payload('type: number\nminimum: "1"'), [11, /minimum` must be a number, not the string `1`/]],
  ['required is a string', payload('type: object\nrequired: a'), [11, /required` must be a list, not the string `a`/]],
  ['properties is a list', payload('type: object\nproperties: [a]'), [11, /properties` must be an object, not a list/]],
  ['enum is an object', payload('enum: {a: 1}'), [10, /enum` must be a list, not an object/]],
  ['a keyword of draft 4', payload('type: number\nexclusiveMinimum: true'), [11, /exclusiveMinimum` must be a number/]],
  [
    'a list of items in 2020-12',
    payload('schemaFormat: application/schema+json;version=2020-12\nschema: {type: array, items: [{type: string}]}'),
    [11, /`items` must be an object or a boolean, not a list/],
  ],
  [
    'an Avro schema that is none',
    payload('schemaFormat: application/vnd.apache.avro;version=1.9.0\nschema: {type: recrd, name: x}'),
    [11, /must fit one of the alternatives/],
  ],
  ['look-ahead', payload('type: string\npattern: "^(?=a)b$"'), [11, /look-around/]],
  ['look-behind', payload('properties:\n  a: {pattern: "(?<!a)b"}'), [11, /look-around/]],
  ['a back-reference', payload('type: string\npattern: "(a)\\\\1"'), [11, /back-reference/]],
  ['a named back-reference', payload('type: string\npattern: "(?<n>a)\\\\k<n>"'), [11, /back-reference/]],
  ['a pattern that is none', payload('type: string\npattern: "("'), [11, /not a valid regular expression/]],
  [
    'a pattern of half a million states',
    payload(`type: string\npattern: "${'a{1000}'.repeat(500)}"`),
    [11, /repetitions add up to more than 5000/],
  ],
  ['a pattern of 5,000 characters', payload(`type: string\npattern: "${'a'.repeat(5000)}"`), [11, /5000 characters/]],
  ['a pattern of nested repetitions', payload('type: string\npattern: "((a{100}){100}){100}"'), [11, /invalid repeat count/]],
  ['a pattern for names of members', payload('type: object\npatternProperties: {"(?!x)": {type: string}}'), [11, /look-around/]],
  [
    'a pattern of a parameter',
    `${version2}channels:\n  a/{b}:\n    parameters:\n      b: {schema: {type: string, pattern: "(?=a)"}}\n`,
    [6, /look-around/],
  ],
  [
    'a schema that is all of itself',
    `${payload('$ref: "#/components/schemas/A"')}components: {schemas: {A: {allOf: [{$ref: "#/components/schemas/A"}]}}}\n`,
    [13, /would never end/],
  ],
  ['an address with a star', channel('address: a/*'), [5, /must not contain `\*`.*use a parameter/]],
  ['an address with dots', channel('address: a/../b'), [5, /segment `\.` or `\.\.`/]],
  ['an address with half a brace', channel('address: a/{b'), [5, /brace without its other half/]],
  ['an address with two parameters in a row', channel('address: a/{b}{d}'), [5, /nothing between them/]],
  ['an address with a parameter twice', channel('address: a/{b}/{b}'), [5, /`\{b\}` twice/]],
  ['an address with a query', channel('address: a?b=1'), [5, /query or a fragment/]],
  ['an address of 2,000 characters', channel(`address: ${'a'.repeat(2000)}`), [5, /longer than 1024/]],
  ['a parameter without a name', channel('address: a/{}'), [5, /parameter whose name/]],
  ['a misspelt member in version 2', `${version2}channels:\n  a:\n    subscribe:\n      mesage: {}\n`, [6, /did you mean `message`\?/]],
  ['no channels in version 2', version2, [1, /must have the member `channels`/]],
  [
    'a bad payload in a list of messages',
    `${version2}channels:\n  a:\n    subscribe:\n      message:\n        oneOf:\n          - {payload: {type: strin}}\n`,
    [8, /oneOf\.0\.payload\.type` must be one of/],
  ],
  ['two causes', `${head}channels:\n  c: {adress: a}\n  d: {address: 3}\n`, [4, /did you mean `address`/], [5, /must be a string or null/]],
];

for (const [name, text, ...expected] of cases) {
  test(`${name}: one sentence for each cause, at its line`, async () => {
    const problems = await lintContract({ name: 'orders.yaml', text, files: {} });
    const errors = problems.filter((problem) => problem.severity === 'error');
    assert.deepEqual(
      errors.map((error) => error.line),
      expected.map(([line]) => line),
      JSON.stringify(errors),
    );
    for (const [index, [, says]] of expected.entries()) assert.match(errors[index]?.sentence ?? '', says);
  });
}

const accepted: readonly (readonly [name: string, text: string])[] = [
  ['a pattern that makes backtracking engines run away', payload('type: string\npattern: "^(a+)+$"')],
  ['an enum of 20,000 values', payload(`enum: [${Array.from({ length: 20000 }, (_, index) => index).join(',')}]`)],
  [
    'a tree of itself',
    `${payload('$ref: "#/components/schemas/A"')}components: {schemas: {A: {properties: {kids: {type: array, items: {$ref: "#/components/schemas/A"}}}}}}\n`,
  ],
  [
    'names of members that every object has',
    payload(
      'type: object\nrequired: [constructor]\nproperties: {constructor: {type: string}, toString: {type: string}, hasOwnProperty: {type: string}}',
    ),
  ],
];

for (const [name, text] of accepted) {
  test(`${name} is accepted`, async () => {
    assert.deepEqual(await lintContract({ name: 'orders.yaml', text, files: {} }), []);
  });
}

test('a thousand mistakes are told as the first fifty', async () => {
  const channels = Array.from({ length: 1000 }, (_, index) => `  c${index}: {addres: a${index}}`);
  const problems = await lintContract({ name: 'orders.yaml', text: `${head}channels:\n${channels.join('\n')}\n`, files: {} });
  assert.equal(problems.length, 50);
  assert.equal(problems[0]?.line, 4);
});
