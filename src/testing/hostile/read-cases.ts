import { exchange, outcomeOf, requestBytes } from './exchange.ts';
import type { HostileCase } from './hostile-case.ts';
import { keys } from './victim-world.ts';

type Header = readonly [string, string];
type Row = readonly [name: string, target: string, status: number, code: string | undefined, says: RegExp, headers?: readonly Header[]];

const bad = [400, 'BAD_REQUEST'] as const;
const badFilter = [400, 'INVALID_FILTER'] as const;
const lost = [410, 'POSITION_LOST'] as const;
const unknown = [404, 'CHANNEL_NOT_FOUND'] as const;

const filter = (expression: string): string => `?filter=${encodeURIComponent(expression)}`;

/** What a page and a stream must say alike; the target is what stands behind `/shop/a/events`. */
const both: readonly Row[] = [
  ['from nowhere', '?from=nowhere', ...bad, /position/],
  ['from a negative number', '?from=-1', ...bad, /position/],
  ['from a position without a number', '?from=aaaaaa-', ...bad, /position/],
  ['from a position in hex', '?from=aaaaaa-0xff', ...bad, /position/],
  ['from a position of another log', '?from=aaaaaa-1', ...lost, /./],
  ['from 5,000 digits', `?from=aaaaaa-${'9'.repeat(5000)}`, ...bad, /position/],
  ['from the 99th month', '?from=2026-99-99T00:00:00Z', ...bad, /RFC 3339/],
  ['from a date without a time', '?from=2026-01-01', ...bad, /position|RFC 3339/],
  ['from SQL', "?from=x'%20OR%20'1'='1", ...bad, /position/],
  ['from a NUL', '?from=%00', ...bad, /position/],
  ['from nothing', '?from=', ...bad, /position/],
  ['after nonsense', '?after=nonsense', ...bad, /position/],
  ['after a position of another log', '?after=zzzzzz-7', ...lost, /./],
  ['a reader without a name', '?reader=', ...bad, /\?reader= takes 1 to 128/],
  ['a reader with a path for a name', '?reader=../../x', ...bad, /\?reader= takes/],
  ['a reader with a space', '?reader=a%20b', ...bad, /\?reader= takes/],
  ['a reader with a line break', '?reader=a%0d%0ab', ...bad, /\?reader= takes/],
  ['a reader with a name of 129', `?reader=${'r'.repeat(129)}`, ...bad, /\?reader= takes/],
  ['a reader in Unicode', '?reader=%e2%80%ae', ...bad, /\?reader= takes/],
  ['an empty filter', '?filter=', ...badFilter, /./],
  ['a filter that is none', filter('data.n >'), ...badFilter, /./],
  ['a filter of an unknown variable', filter('dta.n > 1'), ...badFilter, /dta/],
  ['a filter that is a number', filter('1 + 1'), ...badFilter, /true or false/],
  ['a filter that is a string', filter('"yes"'), ...badFilter, /true or false/],
  ['a filter of types that do not fit', filter('type + 1 == 2'), ...badFilter, /./],
  ['a filter of 1,025 characters', filter(`type == "${'a'.repeat(1015)}"`), ...badFilter, /at most 1024/],
  ['a filter of 500 brackets', filter(`${'('.repeat(500)}true${')'.repeat(500)}`), ...badFilter, /./],
  ['a filter of 1,000 negations', filter(`${'!'.repeat(1000)}true`), ...badFilter, /./],
  ['a filter of 340 terms', filter(Array.from({ length: 340 }, () => '1').join('+')), ...badFilter, /./],
  [
    'a filter of loops in loops',
    filter('[1,2].all(a, [1,2].all(b, [1,2].all(c, [1,2].all(d, [1,2].all(e, a+b+c+d+e > 0)))))'),
    ...badFilter,
    /./,
  ],
  ['a filter that calls what is not there', filter('process.exit(1)'), ...badFilter, /./],
  ['a filter that looks for a constructor', filter('type.constructor.constructor("return 1")() == 1'), ...badFilter, /./],
  ['a filter with a pattern that looks ahead', filter('type.matches("(?=a)b")'), ...badFilter, /./],
  ['a filter with a pattern of a million states', filter('type.matches("((a{100}){100}){100}")'), ...badFilter, /./],
  ['a filter of bytes', '?filter=%ff%fe', ...badFilter, /./],
  ['a filter with a NUL', filter('true\0'), ...badFilter, /./],
  ['fields without a name', '?fields=a,,b', ...bad, /^fields .*a name is missing/],
  ['1,025 characters of fields', `?fields=${'a'.repeat(1025)}`, ...bad, /at most 1024/],
  ['500 names in a path', `?fields=${'a.'.repeat(500)}a`, ...bad, /501 names, of which at most 32/],
  ['500 paths', `?fields=${'a,'.repeat(500)}a`, ...bad, /501 paths, of which at most 64/],
  ['a backslash at the end of fields', '?fields=a%5c', ...bad, /a backslash/],
  ['a sample of more than all', '?sample=1e9', ...bad, /^sample takes/],
  ['a sample of nothing by nothing', '?sample=0/0', ...bad, /^sample takes/],
  ['an interval of a year', '?conflate=8760h', ...bad, /^conflate takes an interval from 50ms to 1h/],
  ['an interval of no time', '?conflate=0ms', ...bad, /^conflate takes/],
  ['a key of nothing', '?conflate=1s&by=', ...bad, /^by takes/],
  ['a key of a prototype', '?conflate=1s&by=__proto__', ...bad, /^by takes/],
  ['a key without a use', '?by=subject', ...bad, /^by says/],
  ['a delta of another kind', '?delta=fossil', ...bad, /^delta takes/],
  ['a key in the URL', '?api_key=secret-in-a-url', ...bad, /do not belong in a URL/],
  ['a token in the URL', '?access_token=secret-in-a-url', ...bad, /do not belong in a URL/],
  ['a ticket that is none, and a key', '?ticket=x', ...bad, /more than one credential/],
];

/** Only for pages. */
const pages: readonly Row[] = [
  ...['0', '-1', '1.5', '1001', 'all', '', '1e2', '0x10', '%201', 'NaN', '99999999999999999999'].map((limit): Row => [
    `a limit of ${limit || 'nothing'}`,
    `/shop/a/events?limit=${limit}`,
    ...bad,
    /\?limit= takes/,
  ]),
  ...['forever', '-1s', '5', '1h', '1e3s', '99999999s', '%2030s', ''].map((wait): Row => [
    `a wait of ${wait || 'nothing'}`,
    `/shop/a/events?wait=${wait}`,
    ...bad,
    /\?wait= takes/,
  ]),
  ['a channel that is not there', '/shop/a/nothing', ...unknown, /no channel a\/nothing/],
  ['a channel named like a method', '/shop/a/constructor', ...unknown, /no channel/],
  ['a pattern that fits nothing', '/shop/*/nothing', ...unknown, /no channel/],
  ['a pattern of 200 stars', `/shop${'/*'.repeat(200)}`, ...unknown, /no channel/],
  ['a pattern of everything', '/shop/*/*', 403, 'FORBIDDEN', /commands|mixed/],
  ['a channel that only takes', '/shop/a/commands', 403, 'FORBIDDEN', /a\/commands/],
  ['the API itself', '/shop', ...unknown, /no channel/],
  ['a blocked API', '/blocked/a/events', 403, 'FORBIDDEN', /blocked/],
  ['a retired API', '/retired/a/events', 404, 'NOT_FOUND', /No API/],
  ['a ticket that is none', '/shop/a/events?ticket=x', 401, 'UNAUTHENTICATED', /ticket/, []],
  ['a ticket of 5,000 characters', `/shop/a/events?ticket=${'x'.repeat(5000)}`, 401, 'UNAUTHENTICATED', /ticket/, []],
  ['a wish for nothing', '/shop/a/nothing', ...unknown, /no channel/, [['accept', ';;;,,,/;q=9']]],
  ['a wish of 10,000 characters', '/shop/a/nothing', ...unknown, /no channel/, [['accept', 'text/event-stream,'.repeat(600)]]],
];

/** Only for streams: what is final is said by status, what passes in the stream; a resumed one gets it in the stream too. */
const streams: readonly Row[] = [
  ['an event name of its own', '/shop/a/events?event=mine', ...bad, /\?event= takes only the word type/],
  ['no name for the event', '/shop/a/events?event=', ...bad, /\?event= takes only/],
  ['a channel that is not there, as a stream', '/shop/a/nothing', ...unknown, /no channel/],
  ['a channel that only takes, as a stream', '/shop/a/commands', 403, 'FORBIDDEN', /a\/commands/],
  ['an API that does not offer streams', '/only-poll/a/events', 406, 'NOT_ACCEPTABLE', /does not offer sse; it offers poll/],
  ['an end it was told', '/shop/a/events', 204, undefined, /^$/, [['last-event-id', 'end']]],
  ['a last id that is none', '/shop/a/events', 200, 'BAD_REQUEST', /position/, [['last-event-id', 'nonsense']]],
  ['a last id of another log', '/shop/a/events', 200, 'POSITION_LOST', /./, [['last-event-id', 'aaaaaa-5']]],
  ['a last id of 10,000 characters', '/shop/a/events', 200, 'BAD_REQUEST', /position/, [['last-event-id', '9'.repeat(10_000)]]],
  ['a last id in Latin-1', '/shop/a/events', 200, 'BAD_REQUEST', /position/, [['last-event-id', '\u00e4\u00ff']]],
  ['a last id, and a filter that is none', `/shop/a/events${filter('a >')}`, 200, 'INVALID_FILTER', /./, [['last-event-id', 'aaaaaa-5']]],
];

function caseOf([name, target, status, code, says, headers]: Row, kind: 'page' | 'stream'): HostileCase {
  const credential: readonly Header[] = headers?.length === 0 ? [] : [['x-api-key', keys.CLIENT_KEY]];
  const all: Header[] = [...credential, ...(kind === 'stream' ? [['accept', 'text/event-stream'] as const] : []), ...(headers ?? [])];
  return {
    door: 'read',
    name: `${name} (${kind})`,
    expected: { status, says, ...(code === undefined ? {} : { code }) },
    send: async ({ gateway }) => outcomeOf(await exchange(gateway, requestBytes('GET', target, all))),
  };
}

const onEvents = ([name, query, ...rest]: Row): Row => [name, `/shop/a/events${query}`, ...rest];

/** What readers ask for, as a page and as a stream. */
export const readCases: readonly HostileCase[] = [
  ...both.map(onEvents).flatMap((row) => [caseOf(row, 'page'), caseOf(row, 'stream')]),
  ...pages.map((row) => caseOf(row, 'page')),
  ...streams.map((row) => caseOf(row, 'stream')),
];
