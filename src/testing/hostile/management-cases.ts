import type { HostileCase } from './hostile-case.ts';
import { managementCase, type Header, type ManagementRow as Row, type Sent } from './management-request.ts';
import { contractText, keys } from './victim-world.ts';

const bad = [400, 'BAD_REQUEST'] as const;
const missing = [404, 'NOT_FOUND'] as const;
const invalid = [422, 'INVALID_CONFIGURATION'] as const;
const unneeded = [428, 'PRECONDITION_REQUIRED'] as const;
const changed = [412, 'PRECONDITION_FAILED'] as const;
const conflict = [409, 'CONFLICT'] as const;

const any: readonly Header[] = [['if-match', '*']];
const contract = { name: './x.yaml', text: contractText };
const api = (more: object): Sent => ({ json: { name: 'evil', contract, ...more } });
const plan = (more: object): Sent => ({ json: { name: 'evil', ...more } });
const config = (changes: object): Sent => ({ json: { config: changes } });
const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

/** Names in a URL, tried on every resource that has one. */
const resources = ['/apis/NAME', '/apis/NAME/contract', '/apis/shop/plans/NAME', '/applications/NAME', '/applications/NAME/credentials'];
const names: readonly (readonly [what: string, name: string, status: number, code: string])[] = [
  ['that goes up', '..%2f..%2fetc%2fpasswd', ...bad],
  ['with a NUL', 'a%00b', ...bad],
  ['of a prototype', '__proto__', ...bad],
  ['of a method', 'hasOwnProperty', ...missing],
  ['with SQL', "x'--", ...bad],
];

const byName: readonly Row[] = resources.flatMap((resource) =>
  names.map(([what, name, status, code]): Row => [
    `a name ${what} at ${resource}`,
    'GET',
    resource.replace('NAME', name),
    {},
    status,
    code,
    /./,
  ]),
);

const ids: readonly Row[] = ['/subscriptions/ID', '/readers/ID', '/applications/client/credentials/ID'].flatMap((resource): Row[] => {
  const method = resource.includes('credentials') ? 'DELETE' : 'GET';
  const sent = method === 'DELETE' ? { headers: any } : {};
  return [
    [
      `an id that is none at ${resource}`,
      method,
      resource.replace('ID', 'nothing'),
      sent,
      ...missing,
      /no (subscription|reader|credential)/,
    ],
    [`an id that goes up at ${resource}`, method, resource.replace('ID', '..%2f..%2fx'), sent, ...missing, /./],
    [
      `an id of 10,000 characters at ${resource}`,
      method,
      resource.replace('ID', 'x'.repeat(10_000)),
      sent,
      414,
      'URI_TOO_LONG',
      /too long/,
    ],
  ];
});

const bodies: readonly Row[] = ['/apis', '/applications', '/subscriptions', '/apply', '/apis/shop/plans'].flatMap((path): Row[] => [
  [`JSON cut short at ${path}`, 'POST', path, { body: '{"name":' }, ...bad, /cannot be read/],
  [`bytes at ${path}`, 'POST', path, { body: Buffer.of(0xff, 0xfe, 0x00) }, ...bad, /cannot be read/],
  [`a list at ${path}`, 'POST', path, { json: [] }, ...bad, /object/],
  [`null at ${path}`, 'POST', path, { json: null }, ...bad, /./],
  [`a prototype at ${path}`, 'POST', path, { body: '{"name":"x","__proto__":{"admin":true}}' }, ...bad, /./],
  [`an unknown member at ${path}`, 'POST', path, { json: { admin: true } }, ...bad, /admin/],
  [`100,000 levels at ${path}`, 'POST', path, { body: deep(100_000) }, ...bad, /./],
  [`a list of a million numbers at ${path}`, 'POST', path, { body: `[${'1,'.repeat(1_000_000)}1]` }, ...bad, /object/],
]);

const apis: readonly Row[] = [
  ['an API without a contract', 'POST', '/apis', { json: { name: 'evil' } }, ...bad, /contract/],
  ['an API named like a path', 'POST', '/apis', api({ name: '../evil' }), ...bad, /name/],
  ['an API that is there', 'POST', '/apis', api({ name: 'shop' }), ...conflict, /There is an API shop already/],
  ['an API on the path of another', 'POST', '/apis', api({ path: '/shop' }), ...conflict, /\/shop/],
  ['an API on the path of everything', 'POST', '/apis', api({ path: '/' }), ...bad, /path/],
  ['an API on a path with an escape', 'POST', '/apis', api({ path: '/%2e%2e' }), ...bad, /path/],
  ['an API on a backbone that is not there', 'POST', '/apis', api({ backbone: 'nothing' }), ...invalid, /nothing/],
  ['an API with a protocol nobody speaks', 'POST', '/apis', api({ entrypoints: ['telepathy'] }), ...invalid, /telepathy/],
  ['an API with a negative size', 'POST', '/apis', api({ maxEventBytes: -1 }), ...bad, /maxEventBytes/],
  ['an API with an endless size', 'POST', '/apis', api({ maxEventBytes: 1e300 }), ...bad, /maxEventBytes/],
  ['an API with a time past time', 'POST', '/apis', api({ retention: { age: '99999999999999d' } }), ...bad, /age/],
  [
    'an API with an origin that splits lines',
    'POST',
    '/apis',
    api({ cors: { origins: ['https://a\r\nset-cookie: b'] } }),
    ...bad,
    /origin/,
  ],
  [
    'an API with 10,000 plans',
    'POST',
    '/apis',
    api({ plans: Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`p${at}`, { limits: 5 }])) }),
    ...bad,
    /plans/,
  ],
  ['a lifecycle that is none', 'POST', '/apis/shop/lifecycle', { json: { state: 'eternal' } }, ...bad, /state/],
  [
    'a step the lifecycle does not have',
    'POST',
    '/apis/shop/lifecycle',
    { json: { state: 'retired' } },
    ...conflict,
    /cannot become retired/,
  ],
  ['coming back from retirement', 'POST', '/apis/retired/lifecycle', { json: { state: 'published' } }, ...conflict, /stays that way/],
  ['replacing an API unseen', 'PUT', '/apis/shop', { json: { contract } }, ...unneeded, /If-Match/],
  [
    'replacing another version',
    'PUT',
    '/apis/shop',
    { json: { contract }, headers: [['if-match', '"999999"']] },
    ...changed,
    /changed meanwhile/,
  ],
  ['an ETag that is none', 'DELETE', '/apis/shop', { headers: [['if-match', 'W/"1"; drop']] }, ...changed, /changed meanwhile/],
  ['deleting an API that is used', 'DELETE', '/apis/shop', { headers: any }, ...conflict, /open subscriptions/],
  ['a file beside the contract that goes up', 'GET', '/apis/shop/contract?file=../../etc/passwd', {}, ...missing, /no file beside/],
  ['a file named like a method', 'GET', '/apis/shop/contract?file=constructor', {}, ...missing, /no file beside/],
  ['revision 0', 'GET', '/apis/shop/revisions/0', {}, ...bad, /between 1 and/],
  ['a revision past numbers', 'GET', '/apis/shop/revisions/99999999999999999999', {}, ...bad, /between 1 and/],
  ['restoring what never was', 'POST', '/apis/shop/revisions/4711/restore', {}, ...missing, /no revision/],
];

const others: readonly Row[] = [
  ['a plan of negative limits', 'POST', '/apis/shop/plans', plan({ limits: { eventCount: { limit: -1, per: 'day' } } }), ...bad, /limit/],
  [
    'a plan of limits in a fortnight',
    'POST',
    '/apis/shop/plans',
    plan({ limits: { eventCount: { limit: 1, per: 'fortnight' } } }),
    ...bad,
    /fortnight/,
  ],
  [
    'a plan of limits without end',
    'POST',
    '/apis/shop/plans',
    plan({ limits: { eventCount: Array.from({ length: 1000 }, () => ({ limit: 1, per: 'day' })) } }),
    ...bad,
    /eventCount/,
  ],
  ['a plan of unknown limits', 'POST', '/apis/shop/plans', plan({ limits: { eventCout: 1 } }), ...bad, /eventCount/],
  ['a plan with a preset that is a method', 'POST', '/apis/shop/plans', plan({ preset: 'toString' }), ...bad, /preset/],
  ['a plan with no security', 'POST', '/apis/shop/plans', plan({ security: [] }), ...bad, /security/],
  ['a plan that is there', 'POST', '/apis/shop/plans', plan({ name: 'open' }), ...conflict, /already/],
  ['deleting a plan that is used', 'DELETE', '/apis/shop/plans/open', { headers: any }, ...conflict, /open subscription/],
  ['a plan of an API that is not there', 'POST', '/apis/nothing/plans', plan({}), ...missing, /no API/],
  ['an application with a name that reads backwards', 'POST', '/applications', { json: { name: 'a\u202eb' } }, ...bad, /name/],
  ['an application that is there', 'POST', '/applications', { json: { name: 'client' } }, ...conflict, /already/],
  [
    'an application of a megabyte',
    'POST',
    '/applications',
    { json: { name: 'evil', description: 'x'.repeat(1_000_000) } },
    ...bad,
    /description/,
  ],
  ['deleting an application that is subscribed', 'DELETE', '/applications/client', { headers: any }, ...conflict, /open subscriptions/],
  ['a key of three letters', 'POST', '/applications/client/credentials', { json: { value: 'abc' } }, ...bad, /16/],
  [
    'a key with a line break',
    'POST',
    '/applications/client/credentials',
    { json: { value: 'abcdefghijklmnop\r\nx' } },
    ...bad,
    /printable ASCII/,
  ],
  [
    'a key of somebody else',
    'POST',
    '/applications/stranger/credentials',
    { json: { value: keys.CLIENT_KEY } },
    ...conflict,
    /another application/,
  ],
  ['a key of a kind that is none', 'POST', '/applications/client/credentials', { json: { kind: 'root' } }, ...bad, /root/],
  [
    'a key that ends on the 45th',
    'POST',
    '/applications/client/credentials',
    { json: { expiresAt: '2030-01-45T00:00:00Z' } },
    ...bad,
    /expiresAt/,
  ],
  ['rotating what is not there', 'POST', '/applications/client/credentials/nothing/rotate', { json: {} }, ...missing, /no credential/],
  [
    'a subscription of nobody',
    'POST',
    '/subscriptions',
    { json: { api: 'shop', plan: 'open', application: 'nobody' } },
    ...invalid,
    /no application nobody/,
  ],
  [
    'a subscription to nothing',
    'POST',
    '/subscriptions',
    { json: { api: 'nothing', plan: 'open', application: 'stranger' } },
    ...invalid,
    /nothing/,
  ],
  ['a subscription without a plan', 'POST', '/subscriptions', { json: { api: 'shop', application: 'stranger' } }, ...bad, /plan/],
  [
    'a subscription under a plan of another API',
    'POST',
    '/subscriptions',
    { json: { api: 'blocked', plan: 'open', application: 'stranger' } },
    409,
    'CONFLICT',
    /./,
  ],
  [
    'a second subscription',
    'POST',
    '/subscriptions',
    { json: { api: 'shop', plan: 'open', application: 'client' } },
    ...conflict,
    /already/,
  ],
  [
    'a subscription as neither',
    'POST',
    '/subscriptions',
    { json: { api: 'shop', plan: 'open', application: 'stranger', as: 'admin' } },
    ...bad,
    /client/,
  ],
  [
    'a pattern with a star in a word',
    'POST',
    '/subscriptions',
    { json: { api: 'shop', plan: 'open', application: 'stranger', allow: { read: ['a*'] } } },
    ...bad,
    /pattern/,
  ],
  [
    '1,000 patterns',
    'POST',
    '/subscriptions',
    { json: { api: 'shop', plan: 'open', application: 'stranger', allow: { read: Array.from({ length: 1000 }, () => '*') } } },
    ...bad,
    /100/,
  ],
  ['accepting what is not there', 'POST', '/subscriptions/nothing/accept', {}, ...missing, /no subscription/],
];

const queries: readonly Row[] = [
  ...['0', '-1', '1001', '0x10', '1e2', 'all', '1.5', ''].map((limit): Row => [
    `a page of ${limit || 'nothing'}`,
    'GET',
    `/apis?limit=${limit}`,
    {},
    ...bad,
    /limit/,
  ]),
  ['a page after nonsense', 'GET', '/apis?after=*', {}, ...bad, /after/],
  ['a page after 5,000 characters', 'GET', `/apis?after=${'a'.repeat(5000)}`, {}, ...bad, /after/],
  ['a limit twice', 'GET', '/apis?limit=1&limit=2', {}, ...bad, /limit/],
  ['a limit in a list', 'GET', '/apis?limit[]=1', {}, ...bad, /limit/],
  ['a parameter nobody knows', 'GET', '/apis?lmit=1', {}, ...bad, /lmit/],
  ['a prototype as a parameter', 'GET', '/apis?__proto__=1', {}, ...bad, /./],
  ['a state that is none', 'GET', '/subscriptions?state=eternal', {}, ...bad, /eternal/],
  ['readers of no state', 'GET', '/readers?state=eternal', {}, ...bad, /eternal/],
  ['an audit before words', 'GET', '/audit?before=yesterday', {}, ...bad, /before/],
  ['an audit of a kind that is none', 'GET', '/audit?kind=secrets', {}, ...bad, /secrets/],
  ['a metric that is none', 'GET', '/analytics/secrets', {}, ...bad, /secrets/],
  ['a metric named like a method', 'GET', '/analytics/constructor', {}, ...bad, /constructor/],
  ['figures by something else', 'GET', '/analytics/messages?by=key', {}, ...bad, /key/],
  [
    'figures from tomorrow to yesterday',
    'GET',
    '/analytics/messages?from=2030-01-01T00:00:00Z&to=2020-01-01T00:00:00Z',
    {},
    ...bad,
    /before/,
  ],
  ['figures since the 99th', 'GET', '/analytics/messages?from=2026-01-99', {}, ...bad, /moment/],
  ['figures second by second for a century', 'GET', '/analytics/rate?resolution=1s&from=0&to=4000000000000', {}, 200, undefined, /./],
  ['figures minute by minute for a century', 'GET', '/analytics/rate?resolution=1m&from=0&to=4000000000000', {}, 200, undefined, /./],
  ['usage by the phase of the moon', 'GET', '/usage?by=moon', {}, ...bad, /moon/],
  ['usage of SQL', 'GET', "/usage?subscription=x'%20OR%20'1'='1", {}, 200, undefined, /./],
  ['refusals of nobody', 'GET', '/subscriptions/nothing/refusals', {}, ...missing, /no subscription/],
];

const configurations: readonly Row[] = [
  ['a configuration that is a string', 'POST', '/plan', { json: { config: 'x' } }, ...invalid, /object/],
  ['a configuration nobody sent', 'POST', '/apply', { json: {} }, ...bad, /config/],
  ['a configuration of unknown members', 'POST', '/plan', config({ apix: {} }), ...invalid, /apis/],
  ['a configuration with a prototype', 'POST', '/plan', { body: '{"config":{"apis":{"__proto__":{}}}}' }, ...bad, /./],
  ['a contract by file name', 'POST', '/plan', config({ apis: { evil: { contract: '/etc/passwd' } } }), ...invalid, /contract/],
  [
    'an environment variable',
    'POST',
    '/plan',
    config({ applications: { evil: { credentials: [{ kind: 'api-key', value: '${env:SLUICE_ADMIN_TOKEN}' }] } } }),
    ...invalid,
    /./,
  ],
  [
    '10,000 mistakes',
    'POST',
    '/plan',
    config({ apis: Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`a${at}`, 5])) }),
    ...invalid,
    /./,
  ],
  [
    'a key that is taken',
    'POST',
    '/plan',
    config({ applications: { evil: { credentials: [{ kind: 'api-key', value: keys.CLIENT_KEY }] } } }),
    ...invalid,
    /./,
  ],
  ['prune as a word', 'POST', '/apply', { json: { config: {}, prune: 'yes' } }, ...bad, /prune/],
  ['an actor of two lines', 'POST', '/apply', { json: { config: {}, actor: 'a\nb' } }, ...bad, /actor/],
];

const transport: readonly Row[] = [
  [
    'XML',
    'POST',
    '/applications',
    { body: '<name/>', headers: [['content-type', 'application/xml']] },
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    /Bodies are JSON/,
  ],
  [
    'no type',
    'POST',
    '/applications',
    { body: '{"name":"x"}', headers: [['content-type', '']] },
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    /Bodies are JSON/,
  ],
  [
    'a gzipped body',
    'POST',
    '/applications',
    { body: Buffer.from('1f8b0800', 'hex'), headers: [['content-encoding', 'gzip']] },
    ...bad,
    /./,
  ],
  ['a method that is not offered', 'PATCH', '/apis', {}, 405, 'METHOD_NOT_ALLOWED', /takes GET, POST/],
  ['a URL that is not there', 'GET', '/secrets', {}, ...missing, /nothing at this URL/],
  ['a URL with a broken escape', 'GET', '/apis/%zz', {}, ...bad, /percent sign/],
  ['a URL with dots', 'GET', '/../../etc/passwd', {}, ...missing, /nothing at this URL/],
];

/** What an administrator's program may get wrong, resource by resource. */
export const managementCases: readonly HostileCase[] = [
  ...byName,
  ...ids,
  ...bodies,
  ...apis,
  ...others,
  ...queries,
  ...configurations,
  ...transport,
].map((row) => managementCase(row, 'management'));
