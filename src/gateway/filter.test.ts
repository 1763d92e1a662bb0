import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { GatewayError } from '../core/errors.ts';
import { Event } from '../core/event.ts';
import type { EventDraft } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { computingTime } from '../testing/computing-time.ts';
import { compileFilter } from './filter.ts';

const data = {
  action: 'opened',
  count: 3,
  price: 9.5,
  open: true,
  nothing: null,
  labels: ['bug', 'ui'],
  items: [
    { sku: 'a', n: 1 },
    { sku: 'b', n: 2 },
  ],
  user: { login: 'ada', constructor: 'Ferrari' },
  'x-y': 1,
};

function event(draft: Partial<EventDraft> = {}, value: unknown = data): Event {
  const bytes = value === undefined ? undefined : Buffer.from(JSON.stringify(value));
  const base = {
    id: '1',
    source: '/shop',
    type: 'order.placed',
    extensions: { region: 'eu', level: 2 },
    data: bytes,
    dataKind: 'json' as const,
  };
  return new Event({ ...base, ...draft }, 'orders/berlin', 'p-1' as Position, 0);
}

function refusal(expression: string): GatewayError {
  try {
    compileFilter(expression);
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError, `${expression}: ${String(thrown)}`);
    assert.equal(thrown.code, 'INVALID_FILTER');
    return thrown;
  }
  return assert.fail(`${expression} was taken`);
}

const matching = [
  'true',
  'type == "order.placed"',
  '"order.placed" == type',
  'type in ["order.placed", "order.paid"]',
  'type.startsWith("order.") && source == "/shop"',
  'type != "x"',
  'id == "1" && address == "orders/berlin"',
  'subject == "" && time == "" && dataschema == "" && datacontenttype == ""',
  'ext.region == "eu" && ext.level == 2 && ext["region"] == "eu"',
  'has(ext.region) && !has(ext.other)',
  '"region" in ext && !("other" in ext)',
  'data.action == "opened"',
  'data["x-y"] == 1',
  'data.count == 3 && data.count == 3.0 && data.count > 2 && data.count <= 3 && data.count != 4',
  'data.count + 1 == 4 && data.count * 2 - 1 == 5 && data.price / 2 == 4.75 && 7 / 2 == 3 && 7 % 4 == 3 && -data.count == -3',
  'size(data.labels) * 1.5 == 3.0 && 1 + 0.5 == 1.5 && 2.5 * 2 > 4 && 5.5 % 2 == 1.5',
  'data.open',
  'data.open ? data.count == 3 : false',
  'data.nothing == null',
  'has(data.nothing)',
  '!has(data.missing) && !has(data.missing.deeper) && has(data.user.login)',
  'data.missing == 1 || true',
  'true || data.missing == 1',
  '!(data.missing == 1 && false)',
  'data.user.constructor == "Ferrari"',
  '"bug" in data.labels && !("x" in data.labels) && data.labels[1] == "ui"',
  'data.labels == ["bug", "ui"] && data.items[0] != data.items[1] && data.items[0] == data.items[0]',
  'data.labels + ["x"] == ["bug", "ui", "x"]',
  'data.items.exists(i, i.sku == "b" && i.n == 2)',
  'data.items.exists(i, i.missing == 1 || i.n == 1)',
  'data.items.all(i, i.n > 0) && data.items.exists_one(i, i.n == 2)',
  'data.items.filter(i, i.n > 1).size() == 1 && data.items.map(i, i.n) == [1, 2] && data.items.map(i, i.n > 1, i.sku) == ["b"]',
  'data.items.exists(i, data.labels.exists(l, l == "ui" && i.n == 2))',
  'data.user.exists(key, key == "login")',
  'data.items.exists(type, type.sku == "a") && type == "order.placed"',
  'data.items.all(i, type == "order.placed")',
  'size(data.labels) == 2 && data.action.size() == 6 && size("é€😀") == 3 && size(data.user) == 2',
  'data.action.contains("pen") && data.action.endsWith("ed") && data.action.matches("^op[a-z]+d$") && data.action.matches("pen")',
  '!data.action.matches("^pen")',
  'data.action.indexOf("e") == 2 && data.action.lastIndexOf("e") == 4 && data.action.substring(0, 2) == "op" && data.action.substring(4) == "ed"',
  'data.action.upperAscii() == "OPENED" && "É A".lowerAscii() == "É a" && "  x ".trim() == "x"',
  'string(data.count) == "3" && int("12") == 12 && int(data.price) == 9 && double("2.5") == 2.5 && bool("true") && dyn(1) == 1',
  'timestamp("2026-05-01T10:00:00Z") < timestamp("2026-05-01T13:00:00+02:00")',
  'timestamp("2026-05-01T10:20:30Z").getHours() == 10 && timestamp("2026-05-01T10:20:30Z").getMonth() == 4',
  '"a" < "b" && false < true',
];

const missing = [
  'false',
  'data.missing == 1',
  'data.missing != 1',
  '!(data.missing == 1)',
  'data.missing',
  'data.count',
  'data.action',
  'data.count == "3"',
  'data.action > 3',
  'data.labels[2] == "x"',
  'data.labels[-1] == "x"',
  'data.labels[0.5] == "x"',
  'data.count.x == 1',
  'data.action.action == "x"',
  'data.items.all(i, i.missing == 1)',
  'data.items.filter(i, i.missing).size() == 0',
  'data.items.map(i, i.missing).size() == 2',
  'data.count.exists(x, true)',
  '!data.count',
  '-data.action == 1',
  'data.count ? true : true',
  '1 / 0 == 1',
  '1 % 0 == 1',
  '9223372036854775807 + 1 > 0',
  'int("99999999999999999999") > 0',
  'int(data.action) == 1',
  'double("x") == 1.0',
  'bool("maybe")',
  'timestamp(time) < timestamp("2026-05-01T10:00:00Z")',
  'timestamp("yesterday or so....") == timestamp("2026-05-01T10:00:00Z")',
  'data.action.substring(5, 2) == ""',
  'data.action.substring(0, 99) == ""',
  'size(data.count) == 1',
  '"x" in data.count',
  'data.constructor == 1',
  'data.toString == 1',
  'data["__proto__"] == 1',
  'has(data.__proto__) || has(data.hasOwnProperty) || has(ext.constructor) || "constructor" in data || "toString" in ext',
  'data.labels.length == 2',
  'data.action.length == 6',
];

describe('a filter', () => {
  for (const expression of matching) it(`lets pass: ${expression}`, () => assert.equal(compileFilter(expression).test(event()), true));
  for (const expression of missing) it(`keeps back: ${expression}`, () => assert.equal(compileFilter(expression).test(event()), false));

  it('is known by its expression', () => assert.equal(compileFilter('id == "1"').key, 'id == "1"'));

  it('sees null as the data of an event that has none, or none that is JSON', () => {
    const filter = compileFilter('data == null && !has(data.x)');
    assert.equal(filter.test(event({ data: undefined })), true);
    assert.equal(filter.test(event({ data: Buffer.from('{"x":'), dataKind: 'json' })), true);
    assert.equal(filter.test(event({ data: Buffer.from('hello'), dataKind: 'text' })), true);
    assert.equal(filter.test(event()), false);
  });

  it('sees the attributes an event has', () => {
    const filter = compileFilter(
      'subject == "s" && timestamp(time).getFullYear() == 2026 && datacontenttype == "application/json" && dataschema == "urn:x"',
    );
    assert.equal(
      filter.test(event({ subject: 's', time: '2026-01-01T00:00:00Z', datacontenttype: 'application/json', dataschema: 'urn:x' })),
      true,
    );
  });

  it('names own members only, even where the data plays prototype', () => {
    const hostile = event({ data: Buffer.from('{"__proto__": {"admin": true}, "constructor": {"name": "x"}}') });
    assert.equal(compileFilter('has(data.admin)').test(hostile), false);
    assert.equal(compileFilter('data.__proto__.admin && data.constructor.name == "x"').test(hostile), true);
  });
});

describe('an expression is refused', () => {
  const refused: readonly [string, string, number][] = [
    ['', 'Unexpected token', 1],
    ['type ==', 'Unexpected token', 8],
    ['(true', 'Expected RPAREN', 6],
    ['1 + 1', 'the result must be true or false, not int', 1],
    ['"text"', 'not string', 1],
    ['type == 1', 'no such overload', 1],
    ['id + 1 == "x"', 'overload', 1],
    ['!type', 'overload', 1],
    ['true && nope == 1', 'there is no "nope"', 9],
    ['constructor == 1', 'there is no "constructor"', 1],
    ['__proto__ == 1', 'eserved', 1],
    ['type_ == "x"', 'there is no "type_"', 1],
    ['cel.bind(a, data, a.x)', 'there is no method bind()', 1],
    ['data.constructor() == 1', 'there is no method constructor()', 1],
    ['toString() == "x"', 'there is no function toString()', 1],
    ['type(data) == int', 'there is no function type()', 1],
    ['data.split(",")[0] == "a"', 'there is no method split()', 1],
    ['data.matches(data.pattern)', 'written as text', 14],
    ['data.matches("(a")', 'not a regular expression', 14],
    ['data.matches("((a{100}){10}){10}")', 'pattern', 14],
    ['data.matches("(?:a?){900}a{90}")', 'the pattern is too large', 14],
    ['data.matches("(?=a)")', 'not a regular expression', 14],
    ['{"a": 1} == data', 'no map literals', 1],
    ['b"x" == b"x"', 'no bytes', 1],
    ['1u == 1u', 'no unsigned', 1],
    ['has(data)', 'has()', 1],
    ['data.all(x)', 'takes', 1],
    ['data.all(1, true)', 'iteration variable', 10],
    ['data.all(a, a.all(b, b.all(c, c.all(d, d))))', 'nested 3 deep', 31],
    ['type.startsWith()', 'takes 1 arguments, not 0', 1],
    ['type == "a"\n && zz', 'there is no "zz"', 5],
    ['type == "§', 'Unterminated', 9],
    ['type = "x"', 'Unexpected character', 6],
    ['type == \u0000', 'Unexpected character', 9],
  ];
  for (const [expression, reason, column] of refused) {
    it(JSON.stringify(expression), () => {
      const { message, details } = refusal(expression);
      assert.ok(message.includes(reason), message);
      assert.equal(details.column, column, message);
    });
  }

  it('when it is long, deep or wide', () => {
    assert.match(refusal(`type == "${'x'.repeat(1_024)}"`).message, /at most 1024/);
    for (const hostile of [
      '('.repeat(500),
      `${'('.repeat(400)}true${')'.repeat(400)}`,
      '['.repeat(1_000),
      'data' + '.a'.repeat(500),
      'data' + '[0]'.repeat(330),
    ])
      refusal(hostile);
    refusal(`data in [${'1,'.repeat(400)}1]`);
    assert.match(refusal(`${'1||'.repeat(340)}1`).message, /maxAstNodes/);
  });
});

describe('hostile filters and events', () => {
  const long = (n: number, item: unknown = 1): unknown => ({
    l: Array.from({ length: n }, () => item),
    s: 'a'.repeat(n),
    t: `${'a'.repeat(n - 1)}b`,
  });
  const bombs: readonly [string, unknown][] = [
    ['data.l.all(a, data.l.all(b, data.l.all(c, a == b && b == c)))', long(100_000)],
    ['data.l.exists(a, data.l.exists(b, a + b == 0))', long(100_000)],
    ['data.l.map(a, data.l).map(b, data.l).size() == 1', long(100_000)],
    ['data.l.map(a, data.l + data.l).size() == 1', long(10_000)],
    ['data.l.exists(a, data.s.contains("b"))', long(100_000)],
    ['data.l.exists(a, data.s == data.t)', long(500_000)],
    ['data.l.exists(a, data.s < data.t && false)', long(500_000)],
    ['data.l.exists(a, size(data.s) == 0)', long(500_000)],
    ['data.l.exists(a, data.s.upperAscii() == "")', long(500_000)],
    ['data.l.exists(a, data.s.indexOf(data.t) == 0)', long(500_000)],
    ['data.s.contains(data.t + data.t) || data.t.contains(data.s)', long(200_000)],
    ['data.l.exists(a, data.s.matches("(a+)+$x"))', long(500_000)],
    ['data.s.matches("(.*)(.*)(.*)(.*)(.*)[^a]")', long(500_000)],
    ['data.l.exists(a, data.l == data.l + data.l)', long(100_000)],
    ['data.l.map(a, data.s + data.s).exists(x, x.contains("c"))', long(500_000)],
    [
      '["x"].map(a, (data.s+data.s)+(data.s+data.s)).map(a, (a+a)+(a+a)).map(a, (a+a)+(a+a)).map(a, a+a).exists(a, a.contains("b"))',
      long(500_000),
    ],
    ['data.l.exists(a, 5 in data.l)', long(100_000)],
    [`data.l.all(x, ${'x == 1 && '.repeat(80)}true)`, long(500_000)],
  ];
  for (const [expression, value] of bombs) {
    it(`end soon: ${expression.slice(0, 70)}`, () => {
      const filter = compileFilter(expression);
      const subject = event({}, value);
      subject.json();
      const computed = computingTime();
      assert.equal(filter.test(subject), false);
      const took = computed();
      assert.ok(took < 250, `${took} ms`);
    });
  }

  it('do not overflow the stack on deep data', () => {
    const depth = 100_000;
    const deep = event({
      data: Buffer.from(`{"a":${'['.repeat(depth)}${']'.repeat(depth)},"b":${'['.repeat(depth)}${']'.repeat(depth)}}`),
    });
    assert.equal(compileFilter('data.a == data.b').test(deep), false);
  });

  it('are refused or give an answer, whatever is written', (test) => {
    const word = fc.constantFrom(
      'type',
      'data',
      'ext',
      'subject',
      '.',
      'a',
      'b',
      '[',
      ']',
      '(',
      ')',
      '==',
      '!=',
      '<',
      '&&',
      '||',
      '!',
      '-',
      '+',
      '*',
      '/',
      '%',
      '1',
      '0',
      '2.5',
      '"x"',
      "'y'",
      'null',
      'true',
      'in',
      ',',
      '?',
      ':',
      'has',
      'size',
      'exists',
      'map',
      'all',
      'filter',
      'matches',
      'contains',
      'timestamp',
      'constructor',
      '{',
      '}',
      '\\',
      '"',
    );
    const seed = Date.now() & 0x7fff_ffff;
    test.diagnostic(`seed ${seed}`);
    const written = fc.oneof(
      fc.array(word, { maxLength: 25 }).map((words) => words.join(' ')),
      fc.array(word, { maxLength: 25 }).map((words) => words.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(written, fc.jsonValue(), (expression, value) => {
        let filter;
        try {
          filter = compileFilter(expression);
        } catch (thrown) {
          assert.ok(thrown instanceof GatewayError && thrown.code === 'INVALID_FILTER', String(thrown));
          return;
        }
        assert.equal(typeof filter.test(event({}, value)), 'boolean');
      }),
      { seed, numRuns: 3_000 },
    );
  });

  it('give an answer, whatever the data is', (test) => {
    const seed = Date.now() & 0x7fff_ffff;
    test.diagnostic(`seed ${seed}`);
    const filters = [...matching, ...missing].map(compileFilter);
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (count, action) => {
        for (const filter of filters)
          assert.equal(typeof filter.test(event({}, { ...data, count, action, labels: action, items: count })), 'boolean');
      }),
      { seed, numRuns: 100 },
    );
  });
});
