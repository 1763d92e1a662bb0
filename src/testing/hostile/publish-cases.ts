import { exchange, outcomeOf, requestBytes, type Bytes, type ExchangeOptions } from './exchange.ts';
import type { HostileCase } from './hostile-case.ts';
import { keys } from './victim-world.ts';

type Header = readonly [string, string];

interface Publication {
  readonly path?: string;
  readonly key?: string;
  /** Besides the key and the length of the body. */
  readonly headers?: readonly Header[];
  readonly body?: Bytes;
  /** Instead of the length of the body. */
  readonly length?: string | undefined;
  readonly options?: ExchangeOptions;
}

type Row = readonly [name: string, publication: Publication, status: number, code: string | undefined, says: RegExp];

const structured: Header = ['content-type', 'application/cloudevents+json'];
const batch: Header = ['content-type', 'application/cloudevents-batch+json'];
const json: Header = ['content-type', 'application/json'];
const invalid = [400, 'INVALID_EVENT'] as const;
const rejected = [422, 'EVENT_REJECTED'] as const;
const unsupported = [415, 'UNSUPPORTED_MEDIA_TYPE'] as const;

const good = { specversion: '1.0', id: 'e-1', source: '/hostile', type: 'test.command', data: { n: 1 } };
const text = (changes: Readonly<Record<string, unknown>>): string => JSON.stringify({ ...good, ...changes });
/** A good event with more members as written, which no object in memory could have. */
const raw = (members: string): string => `${JSON.stringify(good).slice(0, -1)},${members}}`;
const withData = (data: string): string => JSON.stringify({ ...good, data: 0 }).replace('"data":0', `"data":${data}`);
const binary = (changes: Readonly<Record<string, string>>): readonly Header[] => [
  json,
  ...Object.entries({ 'ce-specversion': '1.0', 'ce-id': 'e-2', 'ce-source': '/hostile', 'ce-type': 'test.command', ...changes }).filter(
    ([, value]) => value !== '',
  ),
];

const envelope = (name: string, body: Bytes, says: RegExp, status: readonly [number, string | undefined] = invalid): Row => [
  name,
  { headers: [structured], body },
  ...status,
  says,
];
const taken = [202, undefined] as const;

const envelopes: readonly Row[] = [
  envelope('an empty envelope', '', /not JSON|valid CloudEvent/),
  envelope('words instead of JSON', 'hello there', /not JSON as RFC 8259/),
  envelope('JSON cut short', '{"specversion":"1.0"', /not JSON/),
  envelope('text behind the event', `${text({})} {}`, /nothing more is expected/),
  envelope('a comma too many', '{"specversion":"1.0",}', /not JSON/),
  envelope('single quotes', "{'specversion':'1.0'}", /not JSON/),
  envelope('a comment', `/* hi */${text({})}`, /not JSON/),
  envelope('a byte order mark', `\ufeff${text({})}`, /not JSON/),
  envelope('UTF-16', Buffer.from(text({}), 'utf16le'), /not JSON/),
  envelope('Latin-1', Buffer.from(text({ subject: 'é' }), 'latin1'), /not UTF-8/),
  envelope(
    'an overlong form of a slash',
    Buffer.concat([Buffer.from('{"specversion":"'), Buffer.of(0xc0, 0xaf), Buffer.from('"}')]),
    /not UTF-8/,
  ),
  envelope('a NUL in a string', text({ subject: 'x' }).replace('"x"', '"\0"'), /not JSON/),
  envelope('a list', '[1,2]', /an event is a JSON object/),
  envelope('null', 'null', /an event is a JSON object/),
  envelope('a string', '"event"', /an event is a JSON object/),
  envelope('a number past all numbers', '1e99999', /an event is a JSON object/),
  envelope('an unknown escape', raw('"subject":"\\x41"'), /escape/),
  envelope('half an escape', raw('"subject":"\\u12'), /not JSON/),
  envelope('a million open brackets', '['.repeat(1_000_000), /an event is a JSON object|nesting/),
  envelope('a million open brackets as data', withData('['.repeat(1_000_000)), /nesting deeper than 64/),
  envelope('65 levels of data', withData(`${'['.repeat(65)}${']'.repeat(65)}`), /nesting deeper than 64/),
  envelope('a string without an end', `{"id":"${'x'.repeat(1_000_000)}`, /the end of a string is missing/),
  ...['specversion', 'id', 'source', 'type'].map((name) =>
    envelope(`no ${name}`, text({ [name]: undefined }), new RegExp(`at ${name}: it is missing|${name}`)),
  ),
  envelope('an old version', text({ specversion: '0.3' }), /must be "1\.0"/),
  envelope('a version as number', text({ specversion: 1 }), /must be a string, not a number/),
  envelope('an empty id', text({ id: '' }), /at id: it must not be empty/),
  envelope('a number as id', text({ id: 7 }), /at id: it must be a string/),
  envelope('null as id', text({ id: null }), /at id: it is missing/),
  envelope('an object as id', text({ id: {} }), /at id: it must be a string, not an object/),
  envelope('a control character in the id', text({ id: 'a\u0007' }), /control characters/),
  envelope('half a surrogate pair in the id', raw('"subject":"\\ud800"'), /unpaired surrogates/),
  envelope('a source that is no URI', text({ source: 'a b' }), /URI-reference/),
  envelope('a source that splits lines', text({ source: '/a\r\nx: y' }), /control characters|URI-reference/),
  envelope('a list as type', text({ type: ['a'] }), /at type: it must be a string/),
  envelope('an empty subject', text({ subject: '' }), /must not be empty/),
  envelope('the 45th of a month', text({ time: '2026-01-45T00:00:00Z' }), /date and time of RFC 3339/),
  envelope('a time in words', text({ time: 'yesterday' }), /date and time of RFC 3339/),
  envelope('a number as time', text({ time: 0 }), /must be a string/),
  envelope('a media type that is none', text({ datacontenttype: ';;;' }), /media type/),
  envelope('a relative dataschema', text({ dataschema: './x' }), /absolute URI/),
  envelope('data twice over', text({ data_base64: 'AA==' }), /exclude each other/),
  ...['AA', 'A===', 'A-_=', 'AA ==', '\u00e4\u00e4==', 'AB=='].map((data) =>
    envelope(`data_base64 ${JSON.stringify(data)}`, text({ data: undefined, data_base64: data }), /not base64/),
  ),
  envelope('data_base64 as number', text({ data: undefined, data_base64: 5 }), /must be a string/),
  envelope('an id twice', raw('"id":"e-9"'), /at id: it is there more than once/),
  envelope('an id twice, once in escapes', raw('"\\u0069d":"e-9"'), /at id: it is there more than once/),
  envelope('data twice', raw('"data":{"n":2}'), /at data: it is there more than once/),
  ...['Upper', 'under_score', 'hy-phen', '__proto__', '', 'ünicode', 'x'.repeat(65)].map((name) =>
    envelope(`an attribute named ${JSON.stringify(name.slice(0, 20))}`, raw(`${JSON.stringify(name)}:"x"`), /lower-case letters/),
  ),
  envelope('an attribute named constructor', raw('"constructor":"x"'), /"accepted":|duplicates/, taken),
  ...['1.5', '2147483648', '1e3', '{}', '[]', `1${'0'.repeat(100_000)}`].map((value) =>
    envelope(`an attribute of ${value.slice(0, 12)}`, raw(`"ext":${value}`), /at ext: /),
  ),
  envelope('10,000 attributes', raw(Array.from({ length: 10_000 }, (_, at) => `"a${at}":1`).join(',')), /at most 128 extension attributes/),
  envelope('text data that is an object', text({ datacontenttype: 'text/plain' }), /must be a string/),
];

const contract: readonly Row[] = [
  envelope('a member that is missing', withData('{}'), /n/, rejected),
  envelope('a string for a number', withData('{"n":"1"}'), /n/, rejected),
  envelope('a number past all numbers as data', withData('{"n":1e400}'), /n/, rejected),
  envelope('a number of 100,000 digits', withData(`{"n":${'9'.repeat(100_000)}}`), /n/, rejected),
  envelope('a number that is just too large', withData('{"n":1000.0000000001}'), /n/, rejected),
  envelope('a member too many', withData('{"n":1,"x":1}'), /x/, rejected),
  envelope('__proto__ in the data', withData('{"n":1,"__proto__":{"admin":true}}'), /__proto__/, rejected),
  envelope('a prototype instead of a member', withData('{"__proto__":{"n":1}}'), /n/, rejected),
  envelope('constructor in the data', withData('{"n":1,"constructor":{"prototype":{"x":1}}}'), /constructor/, rejected),
  envelope('data of null', withData('null'), /object/, rejected),
  envelope('no data', text({ data: undefined }), /data|object/, rejected),
  envelope('a pattern made to run away', withData(`{"n":1,"note":"${'a'.repeat(20)}!"}`), /note/, rejected),
  envelope('a very long text for a pattern', withData(`{"n":1,"note":"${'a'.repeat(200_000)}!"}`), /note/, rejected),
  envelope('5,000 mistakes', withData(`{"n":1,"tags":[${Array.from({ length: 5000 }, () => '"x"').join(',')}]}`), /tags/, rejected),
  envelope('a name of a member past its pattern', withData('{"n":1,"inner":{"A\\u202e":1}}'), /inner/, rejected),
  envelope('a type the contract does not know', text({ type: 'test.unknown' }), /test\.unknown/, rejected),
  envelope('a type named like a method', text({ type: 'toString' }), /toString/, rejected),
  envelope('data as XML', text({ datacontenttype: 'application/xml', data: '<n/>' }), /./, rejected),
];

const modes: readonly Row[] = [
  ...['ce-id', 'ce-source', 'ce-type', 'ce-specversion'].map((name): Row => [
    `no ${name} header`,
    { headers: binary({ [name]: '' }), body: '{"n":1}' },
    ...invalid,
    new RegExp(`${name} is missing`),
  ]),
  ['another version in a header', { headers: binary({ 'ce-specversion': '2.0' }), body: '{"n":1}' }, ...invalid, /must be "1\.0"/],
  ['a broken escape in a header', { headers: binary({ 'ce-id': '%zz' }), body: '{"n":1}' }, ...invalid, /percent sign/],
  ['escapes that are not UTF-8', { headers: binary({ 'ce-id': '%ff%fe' }), body: '{"n":1}' }, ...invalid, /not UTF-8/],
  ['an escaped line break', { headers: binary({ 'ce-id': 'a%0d%0ab' }), body: '{"n":1}' }, ...invalid, /control characters/],
  ['an escaped NUL', { headers: binary({ 'ce-subject': '%00' }), body: '{"n":1}' }, ...invalid, /control characters/],
  ['Latin-1 in a header', { headers: binary({ 'ce-id': 'é' }), body: '{"n":1}' }, ...invalid, /percent-encoded/],
  ['a quote without its other half', { headers: binary({ 'ce-id': '"a' }), body: '{"n":1}' }, ...invalid, /double quote/],
  ['a time that is none', { headers: binary({ 'ce-time': '25:00' }), body: '{"n":1}' }, ...invalid, /RFC 3339/],
  [
    'the data type in the wrong header',
    { headers: binary({ 'ce-datacontenttype': 'text/plain' }), body: '{"n":1}' },
    ...invalid,
    /Content-Type header/,
  ],
  ['a header with an underscore', { headers: binary({ 'ce-a_b': 'x' }), body: '{"n":1}' }, ...invalid, /lower-case letters/],
  ['a header named __proto__', { headers: binary({ 'ce-__proto__': 'x' }), body: '{"n":1}' }, ...invalid, /lower-case letters/],
  ['a header without a name behind ce-', { headers: binary({ 'ce-': 'x' }), body: '{"n":1}' }, ...invalid, /lower-case letters/],
  ['the id in two headers', { headers: [...binary({}), ['ce-id', 'e-3']], body: '{"n":1}' }, ...invalid, /more than once/],
  [
    '200 attributes in headers',
    { headers: [...binary({}), ...Array.from({ length: 200 }, (_, at): Header => [`ce-x${at}`, 'x'])], body: '{"n":1}' },
    ...invalid,
    /at most 128/,
  ],
  ['a body that is not JSON', { headers: binary({}), body: '{"n":' }, ...invalid, /declared to be JSON/],
  ['a batch that is an object', { headers: [batch], body: text({}) }, ...invalid, /JSON array of events/],
  ['a batch of numbers', { headers: [batch], body: '[1]' }, ...invalid, /\[0\]/],
  ['a batch of batches', { headers: [batch], body: `[[${text({})}]]` }, ...invalid, /\[0\]/],
  ['a batch with a hole', { headers: [batch], body: `[${text({})},,${text({})}]` }, ...invalid, /not JSON/],
  ['a batch without an end', { headers: [batch], body: `[${text({})}` }, ...invalid, /not JSON/],
  ['a batch of which one is broken', { headers: [batch], body: `[${text({})},${text({ id: '' })}]` }, ...invalid, /\[1\]\.id/],
  [
    'a batch of which one breaks the contract',
    { headers: [batch], body: `[${text({})},${text({ id: 'e-4', data: {} })}]` },
    ...rejected,
    /event 1/,
  ],
  [
    'a batch of 10,001',
    { headers: [batch], body: `[${Array.from({ length: 10_001 }, (_, at) => text({ id: `b-${at}` })).join(',')}]` },
    ...invalid,
    /at most 10000 events/,
  ],
  [
    'a batch of 10,000 that all break the contract',
    { headers: [batch], body: `[${Array.from({ length: 10_000 }, (_, at) => text({ id: `b-${at}`, data: {} })).join(',')}]` },
    ...rejected,
    /event 0/,
  ],
  [
    'a CloudEvents format that is not JSON',
    { headers: [['content-type', 'application/cloudevents+avro']], body: 'x' },
    ...unsupported,
    /only JSON/,
  ],
  [
    'CloudEvents in UTF-16',
    { headers: [['content-type', 'application/cloudevents+json; charset=utf-16']], body: text({}) },
    ...unsupported,
    /only JSON/,
  ],
  [
    'a CloudEvents type that is none',
    { headers: [['content-type', 'application/cloudevents+json;;charset']], body: text({}) },
    ...unsupported,
    /only JSON/,
  ],
  ['no content type', { body: '{"n":1}' }, ...unsupported, /no Content-Type and no ce-\* headers/],
  [
    'a form',
    { headers: [['content-type', 'application/x-www-form-urlencoded']], body: 'n=1' },
    ...unsupported,
    /application\/x-www-form-urlencoded/,
  ],
  ['a multipart form', { headers: [['content-type', 'multipart/form-data; boundary=x']], body: '--x--' }, ...unsupported, /multipart/],
  [
    'a content type of 10,000 characters',
    { headers: [['content-type', 'a'.repeat(10_000)]], body: '{"n":1}' },
    ...unsupported,
    /no ce-\* headers/,
  ],
  ['nothing at all', { headers: [json], body: '' }, ...invalid, /empty/],
  ['plain JSON cut short', { headers: [json], body: '{"n":1' }, ...invalid, /declared to be JSON/],
  ['plain JSON null', { headers: [json], body: 'null' }, ...rejected, /object/],
  [
    'plain JSON where there are two messages',
    { path: '/shop/a/mixed', headers: [json], body: '{"n":1}' },
    ...invalid,
    /more than one kind of message/,
  ],
  ...['gzip', 'br', 'identity, gzip', 'x'.repeat(1000)].map((encoding): Row => [
    `a body in ${encoding.slice(0, 20)}`,
    { headers: [structured, ['content-encoding', encoding]], body: text({}) },
    ...unsupported,
    /not decoded here/,
  ]),
];

const sizes: readonly Row[] = [
  [
    "data past the API's limit",
    { headers: [structured], body: withData(`{"n":1,"note":"${'a'.repeat(300 * 1024)}"}`) },
    413,
    'TOO_LARGE',
    /at most 262144/,
  ],
  ['5 MiB announced', { headers: [structured], body: Buffer.alloc(5 * 1024 * 1024, 0x20) }, 413, 'TOO_LARGE', /more than 4194304 bytes/],
  ['a terabyte announced', { headers: [structured], body: '{', length: '1099511627776' }, 413, 'TOO_LARGE', /more than 4194304 bytes/],
  [
    '5 MiB in chunks',
    {
      headers: [structured, ['transfer-encoding', 'chunked']],
      body: Buffer.concat(
        Array.from({ length: 80 }, () => Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 0x20), Buffer.from('\r\n')])),
      ),
      length: undefined,
    },
    413,
    'TOO_LARGE',
    /more than 4194304 bytes/,
  ],
  [
    'less than announced, then the end',
    { headers: [structured], body: text({}), length: '1000', options: { half: true } },
    400,
    'BAD_REQUEST',
    /./,
  ],
  ...['-1', 'abc', '0x10', '+5', '1e3', '99999999999999999999999'].map((length): Row => [
    `a length of ${length}`,
    { headers: [structured], body: text({}), length },
    400,
    'BAD_REQUEST',
    /well-formed HTTP/,
  ]),
];

const places: readonly Row[] = [
  [
    'publishing what only the provider sends',
    { path: '/shop/a/events', headers: [structured], body: text({ type: 'test.event' }) },
    403,
    'FORBIDDEN',
    /only sends there/,
  ],
  [
    'publishing as provider what it receives',
    { key: keys.PROVIDER_KEY, headers: [structured], body: text({}) },
    403,
    'FORBIDDEN',
    /does not let this application publish/,
  ],
  ['publishing past what is allowed', { key: keys.NARROW_KEY, headers: [structured], body: text({}) }, 403, 'FORBIDDEN', /a\/commands/],
  ['publishing to a pattern', { path: '/shop/*/commands', headers: [structured], body: text({}) }, 400, 'BAD_REQUEST', /pattern/],
  [
    'a channel that is not there',
    { path: '/shop/a/nothing', headers: [structured], body: text({}) },
    404,
    'CHANNEL_NOT_FOUND',
    /no channel a\/nothing/,
  ],
  [
    'a value the contract does not list',
    { path: '/shop/c/mixed', headers: [structured], body: text({}) },
    404,
    'CHANNEL_NOT_FOUND',
    /no channel c\/mixed/,
  ],
  ['an API by itself', { path: '/shop', headers: [structured], body: text({}) }, 404, 'CHANNEL_NOT_FOUND', /no channel/],
  ['an API that is not there', { path: '/nothing/a', headers: [structured], body: text({}) }, 404, 'NOT_FOUND', /No API/],
  ['a blocked API', { path: '/blocked/a/commands', headers: [structured], body: text({}) }, 403, 'FORBIDDEN', /blocked/],
  ['a retired API', { path: '/retired/a/commands', headers: [structured], body: text({}) }, 404, 'NOT_FOUND', /No API/],
  [
    'an API that does not offer publishing',
    { path: '/only-poll/a/commands', headers: [structured], body: text({}) },
    406,
    'NOT_ACCEPTABLE',
    /does not offer publish; it offers poll/,
  ],
  ['a confirmation without a position', { path: '/shop/a/events?reader=r' }, 400, 'BAD_REQUEST', /Ack: <position>/],
  [
    'a confirmation with a body',
    { path: '/shop/a/events?reader=r', headers: [['ack', 'x']], body: '{}' },
    400,
    'BAD_REQUEST',
    /empty body/,
  ],
  ['a confirmation of nonsense', { path: '/shop/a/events?reader=r', headers: [['ack', '../../x']] }, 400, 'BAD_REQUEST', /position/],
  [
    'a confirmation of 10,000 characters',
    { path: '/shop/a/events?reader=r', headers: [['ack', '9'.repeat(10_000)]] },
    400,
    'BAD_REQUEST',
    /position/,
  ],
  ['a confirmation of another log', { path: '/shop/a/events?reader=r', headers: [['ack', 'aaaaaa-1']] }, 410, 'POSITION_LOST', /./],
  ['a reader name that goes up', { path: '/shop/a/events?reader=../x', headers: [['ack', 'x']] }, 400, 'BAD_REQUEST', /\?reader= takes/],
  ['a reader without a name', { path: '/shop/a/events?reader=', headers: [['ack', 'x']] }, 400, 'BAD_REQUEST', /\?reader= takes/],
];

function caseOf([name, publication, status, code, says]: Row): HostileCase {
  const { path = '/shop/a/commands', key = keys.CLIENT_KEY, headers = [], body = '', options } = publication;
  const length = 'length' in publication ? publication.length : String(Buffer.byteLength(body));
  const all: Header[] = [
    ['authorization', `Bearer ${key}`],
    ...headers,
    ...(length === undefined ? [] : [['content-length', length] as const]),
  ];
  return {
    door: 'publish',
    name,
    expected: { status, says, ...(code === undefined ? {} : { code }) },
    send: async ({ gateway }) => outcomeOf(await exchange(gateway, requestBytes('POST', path, all, body), options)),
  };
}

/** What is published: envelopes, data, encodings, sizes, places. */
export const publishCases: readonly HostileCase[] = [...envelopes, ...contract, ...modes, ...sizes, ...places].map(caseOf);
