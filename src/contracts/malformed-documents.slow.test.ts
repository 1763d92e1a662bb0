import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computingTime } from '../testing/computing-time.ts';
import { lintContract } from './lint.ts';

/** Each document is refused at the line, with the sentence, within two seconds. */
const cases: readonly (readonly [name: string, text: string, line: number, says: RegExp])[] = [
  ['an empty file', '', 1, /is empty/],
  ['only white space', '  \n\n', 1, /is empty/],
  ['only a comment', '# hi\n', 1, /is empty/],
  ['a NUL character', 'asyncapi: 3.0.0\n\0', 2, /not UTF-8 text/],
  ['a PNG image', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xd, 0xa, 0x1a, 0xa, 0, 1, 2, 0xff]).toString('utf8'), 1, /not UTF-8 text/],
  ['Latin-1', Buffer.from('asyncapi: 3.0.0\ninfo: {title: caf\xe9}', 'latin1').toString('utf8'), 2, /not UTF-8 text/],
  ['tabs as indentation', 'asyncapi: 3.0.0\ninfo:\n\ttitle: x\n', 3, /Tabs are not allowed/],
  ['truncated YAML', 'asyncapi: 3.0.0\ninfo: {title: "x', 2, /Missing closing/],
  ['truncated JSON', '{"asyncapi":"3.0.0","info":{"title":"x"', 1, /end with a \}/],
  ['JSON with a brace too many', '{"asyncapi":"3.0.0"}}', 1, /Unexpected flow-map-end/],
  ['HTML', '<!doctype html><html></html>', 1, /must be an object/],
  ['two documents', 'asyncapi: 3.0.0\ninfo: {}\n---\na: 1\n', 3, /second document/],
  ['a list', '- asyncapi: 3.0.0\n', 1, /must be an object/],
  ['a string', 'hello', 1, /must be an object/],
  ['a number', '42', 1, /must be an object/],
  ['null', 'null', 1, /must be an object/],
  ['no version', 'info: {title: a}\n', 1, /no member `asyncapi`; AsyncAPI 2\.6\.0, 3\.0\.0 and 3\.1\.0 are supported/],
  ['OpenAPI', 'openapi: 3.1.0\n', 1, /document of `openapi`/],
  ['Swagger', 'swagger: "2.0"\n', 1, /document of `swagger`/],
  ['version 1.2', 'asyncapi: 1.2.0\n', 1, /`1\.2\.0` is not supported; AsyncAPI 2\.6\.0/],
  ['version 2.0', 'asyncapi: 2.0.0\n', 1, /`2\.0\.0` is not supported/],
  ['version 2.5', "# old\nasyncapi: '2.5.0'\n", 2, /`2\.5\.0` is not supported/],
  ['version 4', 'asyncapi: 4.0.0\n', 1, /`4\.0\.0` is not supported/],
  ['a version that is a number', 'asyncapi: 3.0\n', 1, /`3` is not supported/],
  ['a version that is an object', 'asyncapi: {a: 1}\n', 1, /is not supported/],
  ['a version that is null', 'asyncapi:\n', 1, /`null` is not supported/],
  ['a duplicate key', 'asyncapi: 3.0.0\ninfo: {title: a}\ninfo: {title: c}\n', 3, /`info` stands twice/],
  ['a duplicate key on one line', 'asyncapi: 3.0.0\ninfo: {title: a, title: b}\n', 2, /`title` stands twice/],
  ['a duplicate key in JSON', '{"asyncapi":"3.0.0",\n"info":{},\n"info":{}}', 3, /`info` stands twice/],
  ['keys that differ in writing only', 'asyncapi: 3.0.0\n1: a\n"1": b\n', 3, /`1` stands twice/],
  ['__proto__ as a key', 'asyncapi: 3.0.0\n__proto__: {polluted: true}\n', 2, /`__proto__` is not allowed/],
  ['__proto__ deep down', 'asyncapi: 3.0.0\ncomponents:\n  schemas:\n    __proto__: {type: string}\n', 4, /`__proto__` is not allowed/],
  ['__proto__ in JSON', '{"asyncapi":"3.0.0",\n"\\u005f_proto__":{"a":1}}', 2, /`__proto__` is not allowed/],
  ['a list as a key', 'asyncapi: 3.0.0\n? [a, b]\n: 1\n', 2, /key must be plain text/],
  ['an object as a key', 'asyncapi: 3.0.0\n? {a: 1}\n: 1\n', 2, /key must be plain text/],
  ['null as a key', 'asyncapi: 3.0.0\n? \n: 1\n', 2, /key must be plain text/],
  ['a key over 1,024 characters', `asyncapi: 3.0.0\n${'x'.repeat(2000)}: 1\n`, 2, /at most 1024/],
  ['an alias bomb', aliasBomb(), 6, /more than 100000 values/],
  ['an alias bomb in depth', aliasTower(), 5, /deeper than 128 levels/],
  ['an alias of nothing', 'asyncapi: 3.0.0\nchannels: *nope\n', 2, /`\*nope` names no anchor/],
  ['an alias of what is around it', 'asyncapi: 3.0.0\nchannels: &a {x: *a}\n', 2, /cannot contain itself/],
  [
    '60,000 anchors',
    `asyncapi: 3.0.0\nx-a:\n${Array.from({ length: 60000 }, (_, i) => `- &a${i} x`).join('\n')}`,
    50002,
    /more than 100000 values/,
  ],
  ['100,000 open brackets', `a: ${'['.repeat(100000)}`, 1, /deeper than 128 levels/],
  ['5,000 closed brackets', `a: ${'['.repeat(5000)}${']'.repeat(5000)}`, 1, /deeper than 128 levels/],
  ['100,000 open objects', '{"a":'.repeat(100000), 1, /deeper than 128 levels/],
  ['100,000 list items in one line', '- '.repeat(100000), 1, /deeper than 128 levels/],
  ['100,000 explicit keys in one line', '? '.repeat(100000), 1, /deeper than 128 levels/],
  ['300 levels by indentation', indented(300), 130, /deeper than 128 levels/],
  ['1,900 levels by indentation', indented(1900), 1, /deeper than 128 levels/],
  ['more than 2 MiB', `a: "${'x'.repeat(2 * 1024 * 1024)}"`, 1, /more than the 2097152 allowed/],
  ['2 MiB in characters of three bytes', `a: "${'\u20ac'.repeat(700_000)}"`, 1, /more than the 2097152 allowed/],
  ['150,000 items', `asyncapi: 3.0.0\nx-list: [${'1,'.repeat(150000)}1]`, 2, /more than 100000 values/],
  ['62,000 lines', `a:\n${'  - {x: 1, y: "abc", z: [1,2,3]}\n'.repeat(62000)}`, 10001, /more than 100000 values/],
  ['a tag of JavaScript', 'asyncapi: 3.0.0\nchannels: !!js/function "function(){}"\n', 2, /Unresolved tag/],
  ['a tag of its own', 'asyncapi: 3.0.0\nchannels: !foo {}\n', 2, /Unresolved tag/],
  ['binary data', 'asyncapi: 3.0.0\nx-a: !!binary aGVsbG8=\n', 2, /not a JSON value/],
  ['not a number', 'asyncapi: 3.0.0\nx-a: .nan\n', 2, /`\.nan` is not a JSON value/],
  ['infinity', 'asyncapi: 3.0.0\nx-a: .inf\n', 2, /`\.inf` is not a JSON value/],
  ['an unknown directive', '%FOO bar\n---\nasyncapi: 3.0.0\n', 1, /Unknown directive/],
  ['a merge key with a number', 'asyncapi: 3.0.0\nchannels: {<<: 3}\n', 2, /merge key/],
  ['line ends of old Macs', 'asyncapi: 3.0.0\rinfo: {title: a}\r', 1, /not well-formed/],
];

function aliasBomb(): string {
  let text = 'a: &a [x,x,x,x,x,x,x,x,x]\n';
  for (let level = 1; level < 12; level += 1) {
    const name = String.fromCharCode(97 + level);
    const before = `*${String.fromCharCode(96 + level)}`;
    text += `${name}: &${name} [${Array(9).fill(before).join(',')}]\n`;
  }
  return text;
}

function aliasTower(): string {
  const nested = (inner: string): string => `${'['.repeat(40)}${inner}${']'.repeat(40)}`;
  return ['x-a:', `  - &a ${nested('x')}`, `  - &b ${nested('*a')}`, `  - &c ${nested('*b')}`, `  - &d ${nested('*c')}`].join('\n');
}

function indented(levels: number): string {
  return Array.from({ length: levels }, (_, level) => `${' '.repeat(level)}a:`).join('\n');
}

for (const [name, text, line, says] of cases) {
  test(`${name} is refused with its place`, async () => {
    const computed = computingTime();
    const problems = await lintContract({ name: 'orders.yaml', text, files: {} });
    const took = computed();
    const [first] = problems;
    assert.ok(first !== undefined && first.severity === 'error', 'there is an error');
    assert.match(first.sentence, says);
    assert.match(first.sentence, /[.?]$/);
    if (name !== '1,900 levels by indentation') assert.equal(first.line, line);
    assert.ok(first.column >= 1);
    assert.equal(first.file, 'orders.yaml');
    assert.ok(took < 4000, `it took ${Math.round(took)} ms`);
  });
}

test('the prototype of objects is not touched by any document', async () => {
  await lintContract({
    name: 'a.yaml',
    text: 'asyncapi: 3.0.0\n__proto__: {polluted: true}\nconstructor: {prototype: {polluted: true}}\n',
    files: {},
  });
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});

test('a byte order mark, Windows line ends and merge keys are understood', async () => {
  const text =
    '\ufeffasyncapi: 3.0.0\r\ninfo: {title: T, version: "1"}\r\nx-base: &base {type: string}\r\nchannels: {}\r\ncomponents: {schemas: {S: {<<: *base, minLength: 1}}}\r\n';
  const problems = await lintContract({ name: 'a.yaml', text, files: {} });
  assert.deepEqual(
    problems.map((problem) => [problem.severity, problem.code, problem.line, problem.column]),
    [['warning', 'no-channels', 1, 1]],
  );
});

test('a line end of Windows does not shift lines', async () => {
  const [first] = await lintContract({
    name: 'a.yaml',
    text: 'asyncapi: 3.0.0\r\ninfo: {title: T, version: "1"}\r\nchannels:\r\n  c: 3\r\n',
    files: {},
  });
  assert.deepEqual([first?.line, first?.column, first?.path], [4, 6, '/channels/c']);
});
