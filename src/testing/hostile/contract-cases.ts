import type { HostileCase } from './hostile-case.ts';
import { managementCase } from './management-request.ts';

const head = 'asyncapi: 3.0.0\ninfo: { title: T, version: "1" }\n';
const payload = (schema: string): string =>
  `${head}channels: { c: { address: c, messages: { m: { name: m, payload: ${schema} } } } }\noperations: { o: { action: receive, channel: { $ref: '#/channels/c' } } }\n`;

/** Documents that are no contracts; each is also what `sluice lint` is given. */
export const badContracts: readonly (readonly [name: string, text: string, says: RegExp])[] = [
  ['nothing', '', /./],
  ['a number', '42', /./],
  ['a list', '- a\n- b\n', /object|mapping/],
  ['a recipe', 'flour: 500g\nwater: 300ml\n', /asyncapi/],
  ['version 1', 'asyncapi: 1.2.0\ninfo: { title: a, version: "1" }\n', /1\.2\.0|version/],
  ['version 99', 'asyncapi: 99.0.0\ninfo: { title: a, version: "1" }\n', /99|version/],
  ['tabs for indentation', 'asyncapi: 3.0.0\ninfo:\n\ttitle: a\n', /./],
  ['a bracket that stays open', `${head}channels: { a: { address: `, /./],
  ['a key twice', `${head}info: { title: b, version: "2" }\n`, /./],
  ['two documents', `${head}---\n${head}`, /./],
  ['a tag for a class', `${head}channels: !!js/function "function(){}"\n`, /./],
  ['an alias of nothing', `${head}channels: *nothing\n`, /./],
  [
    'a billion laughs',
    `${head}x-a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
      .split('')
      .map((letter, at) => `x-${letter}: &${letter} [${Array.from({ length: 10 }, () => `*${'abcdefghij'[at]}`).join(',')}]`)
      .join('\n')}\n`,
    /./,
  ],
  ['an alias of itself', `${head}x-a: &a { b: *a }\n`, /./],
  ['10,000 brackets', `${head}x-a: ${'['.repeat(10_000)}`, /deeper than 128/],
  ['10,000 dashes', `${head}x-a:\n  ${'- '.repeat(10_000)}1\n`, /deeper than 128|more than/],
  ['200,000 values', `${head}x-a: [${'1,'.repeat(200_000)}1]\n`, /more than 100000/],
  ['a reference to a file', `${head}channels: { a: { $ref: /etc/passwd } }\n`, /\/etc\/passwd|file/],
  ['a reference upwards', `${head}channels: { a: { $ref: ../../etc/passwd } }\n`, /\.\.|file/],
  ['a reference to the web', `${head}channels: { a: { $ref: 'http://127.0.0.1:1/x.yaml' } }\n`, /http/],
  ['a reference to metadata', `${head}channels: { a: { $ref: 'http://169.254.169.254/latest' } }\n`, /http/],
  ['a reference by file URL', `${head}channels: { a: { $ref: 'file:///etc/passwd' } }\n`, /file/],
  ['a reference to nothing', `${head}channels: { a: { $ref: '#/nothing' } }\n`, /nothing/],
  ['a reference to a prototype', `${head}channels: { a: { $ref: '#/__proto__/x' } }\n`, /__proto__|names nothing/],
  ['a reference to itself', `${head}channels: { a: { $ref: '#/channels/a' } }\n`, /./],
  ['references in a circle', `${head}channels: { a: { $ref: '#/channels/b' }, b: { $ref: '#/channels/a' } }\n`, /./],
  ['an address with dots', `${head}channels: { a: { address: 'a/../b' } }\n`, /segment/],
  ['an address with a star', `${head}channels: { a: { address: 'a/*' } }\n`, /\*/],
  ['an address with half a brace', `${head}channels: { a: { address: 'a/{b' } }\n`, /brace/],
  ['an operation of no channel', `${head}operations: { o: { action: send } }\n`, /channel/],
  [
    'an action that is none',
    `${head}channels: { c: { address: c } }\noperations: { o: { action: destroy, channel: { $ref: '#/channels/c' } } }\n`,
    /send|action/,
  ],
  ['a pattern that looks back', payload("{ type: string, pattern: '(?<=a)b' }"), /look-around/],
  ['a pattern that is none', payload("{ type: string, pattern: '(' }"), /regular expression/],
  ['a pattern of a million states', payload("{ type: string, pattern: '((a{100}){100}){100}' }"), /./],
  ['a schema that is a number', payload('5'), /object/],
  ['a schema of a type that is none', payload('{ type: strnig }'), /type/],
  [
    'a schema of itself',
    `${payload("{ $ref: '#/components/schemas/A' }")}components: { schemas: { A: { allOf: [{ $ref: '#/components/schemas/A' }] } } }\n`,
    /never end/,
  ],
  ['a schema from the web', payload("{ $ref: 'https://json-schema.org/draft/2020-12/schema' }"), /https|allow/],
  ['a minimum that is a word', payload('{ type: number, minimum: many }'), /minimum/],
];

/** The same documents to the management API. */
export const contractCases: readonly HostileCase[] = badContracts
  .filter(([, text]) => text !== '')
  .map(([name, text, says]) =>
    managementCase(
      [
        `a contract: ${name}`,
        'POST',
        '/apis',
        { json: { name: 'evil', contract: { name: './evil.yaml', text } } },
        422,
        'INVALID_CONTRACT',
        says,
      ],
      'contract',
    ),
  );
