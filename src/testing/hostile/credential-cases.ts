import { exchange, outcomeOf, requestBytes } from './exchange.ts';
import type { HostileCase, Outcome } from './hostile-case.ts';
import type { Victim } from './victim.ts';
import { keys } from './victim-world.ts';

type Header = readonly [string, string];
type Row = readonly [name: string, headers: readonly Header[], status: number, code: string, says: RegExp];

const stranger = [401, 'UNAUTHENTICATED'] as const;
const bearer = (token: string): Header => ['authorization', `Bearer ${token}`];
const apiKey = (key: string): Header => ['x-api-key', key];

/** At the gateway; asked for one page. */
const atGateway: readonly Row[] = [
  ['nothing', [], ...stranger, /Send an API key/],
  ['an empty key', [apiKey('')], ...stranger, /not known here/],
  ['a wrong key', [apiKey('wrong-key-wrong-key')], ...stranger, /not known here/],
  ['a key cut short', [apiKey(keys.CLIENT_KEY.slice(0, -1))], ...stranger, /not known here/],
  ['a key and one letter', [apiKey(`${keys.CLIENT_KEY}x`)], ...stranger, /not known here/],
  ['a key in capitals', [apiKey(keys.CLIENT_KEY.toUpperCase())], ...stranger, /not known here/],
  ['a key in Latin-1', [apiKey('schl\u00fcssel')], ...stranger, /not known here/],
  ['two keys', [apiKey(keys.CLIENT_KEY), apiKey(keys.NARROW_KEY)], ...stranger, /not known here/],
  ['a key of 15,000 characters', [apiKey('x'.repeat(15_000))], ...stranger, /not known here/],
  ['a key of a megabyte', [apiKey('x'.repeat(1_000_000))], 431, 'HEADERS_TOO_LARGE', /16 KiB/],
  ['a hash instead of a key', [apiKey(`sha256:${'0'.repeat(64)}`)], ...stranger, /not known here/],
  ['SQL', [apiKey("' OR '1'='1")], ...stranger, /not known here/],
  ['a prototype', [apiKey('__proto__')], ...stranger, /not known here/],
  ['a bearer without a token', [['authorization', 'Bearer']], ...stranger, /Bearer, a space, the key/],
  ['a bearer with two tokens', [['authorization', 'Bearer a b']], ...stranger, /Bearer, a space, the key/],
  ['a bearer in Latin-1', [bearer('\u00e4\u00f6')], ...stranger, /Bearer, a space, the key/],
  ['a password', [['authorization', 'Basic Y2xpZW50OmNsaWVudA==']], ...stranger, /Bearer, a space, the key/],
  ['a token that claims anything', [bearer('eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.')], ...stranger, /not known here/],
  ['a key twice over', [apiKey(keys.CLIENT_KEY), bearer(keys.CLIENT_KEY)], 400, 'BAD_REQUEST', /more than one credential/],
  ['an expired key', [apiKey(keys.EXPIRED_KEY)], 401, 'CREDENTIAL_REVOKED', /expired/],
  ['the key of an application without a subscription', [apiKey(keys.STRANGER_KEY)], 403, 'FORBIDDEN', /no subscription/],
  ['the key of a paused subscription', [apiKey(keys.PAUSED_KEY)], 403, 'SUBSCRIPTION_INACTIVE', /paused/],
  ['the key of somebody who may read elsewhere', [apiKey(keys.NARROW_KEY)], 403, 'FORBIDDEN', /a\/events/],
];

/** At the management API. */
const atControl: readonly Row[] = [
  ['no token', [], ...stranger, /needs the admin token/],
  ['a wrong token', [bearer('wrong')], ...stranger, /needs the admin token/],
  ['an API key as token', [bearer(keys.CLIENT_KEY)], ...stranger, /needs the admin token/],
  ['a token of 10,000 characters', [bearer('x'.repeat(10_000))], ...stranger, /needs the admin token/],
  ['a token of a megabyte', [bearer('x'.repeat(1_000_000))], 431, 'HEADERS_TOO_LARGE', /16384 bytes/],
  ['a token in Latin-1', [bearer('\u00e4')], ...stranger, /needs the admin token/],
  ['an admin password', [['authorization', 'Basic YWRtaW46YWRtaW4=']], ...stranger, /needs the admin token/],
  ['a token in another header', [['x-admin-token', 'x']], ...stranger, /needs the admin token/],
];

let lastAddress = 0;

/** Another address of this machine each time, since the management API slows down an address that guesses. */
function newAddress(): string {
  lastAddress += 1;
  return `127.1.${(lastAddress >> 8) & 255}.${lastAddress & 255 || 1}`;
}

function caseOf([name, headers, status, code, says]: Row, port: 'gateway' | 'control', target: string, method = 'GET'): HostileCase {
  const mayBeCut = headers.some(([, value]) => value.length > 100_000);
  return {
    door: 'credential',
    name: `${name} (${port}${method === 'GET' ? '' : `, ${target}`})`,
    expected: { status, code, says, mayBeCut },
    send: async (victim) =>
      outcomeOf(
        await exchange(victim[port], requestBytes(method, target, headers), { from: port === 'control' ? newAddress() : undefined }),
      ),
  };
}

const tickets: readonly Row[] = [
  ['no key', [], ...stranger, /API key/],
  ['a wrong key', [apiKey('wrong-key-wrong-key')], ...stranger, /API key/],
  ['an expired key', [apiKey(keys.EXPIRED_KEY)], ...stranger, /API key/],
];

/** An address that guesses is made to wait. */
const guessing: HostileCase = {
  door: 'credential',
  name: 'one wrong token after the other',
  expected: { status: 429, code: 'LIMIT_REACHED', says: /Too many wrong credentials/ },
  send: async ({ control }: Victim) => {
    const from = newAddress();
    const get = (token: string) => exchange(control, requestBytes('GET', '/api/v1/apis', [bearer(token)]), { from });
    let outcome: Outcome = { says: 'nobody guessed', all: '' };
    // Thirty within ten seconds are too many; where they take longer it counts anew.
    for (let guess = 0; guess < 300 && outcome.status !== 429; guess += 1) outcome = outcomeOf(await get(`guess-${guess}`));
    return outcome;
  },
};

/** A ticket is good once. */
const usedTicket: HostileCase = {
  door: 'credential',
  name: 'a ticket used twice',
  expected: { status: 401, code: 'UNAUTHENTICATED', says: /used/ },
  send: async ({ control, gateway }: Victim) => {
    const [made] = await exchange(control, requestBytes('POST', '/api/v1/tickets', [apiKey(keys.CLIENT_KEY)]), { from: newAddress() });
    const { ticket } = JSON.parse(made?.body ?? '{}') as { ticket: string };
    const use = () => exchange(gateway, requestBytes('GET', `/shop/a/events?ticket=${ticket}`, []));
    const [first] = await use();
    if (first?.status !== 200) return { status: first?.status ?? 0, says: 'the first use was refused', all: first?.body ?? '' };
    return outcomeOf(await use());
  },
};

/** Who people say they are. */
export const credentialCases: readonly HostileCase[] = [
  ...atGateway.map((row) => caseOf(row, 'gateway', '/shop/a/events')),
  ...atControl.map((row) => caseOf(row, 'control', '/api/v1/apis')),
  ...tickets.map((row) => caseOf(row, 'control', '/api/v1/tickets', 'POST')),
  guessing,
  usedTicket,
];
