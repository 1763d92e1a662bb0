import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AddressGuard } from './address-guard.ts';
import { checkOutgoingUrl } from './outgoing-url.ts';
import { openSender } from './sender-fixture.ts';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Hosts as they stand in a URL, by why they must not be called. */
const hosts: Readonly<Record<string, readonly string[]>> = {
  loopback: words(`
    127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0x7f.0x0.0x0.0x1 0177.0.0.1 017700000001 127.0.0.1. 127.255.255.254
    127.0.0.1:8080 %31%32%37.0.0.1 １２７.０.０.１ 127。0。0。1 ①②⑦.0.0.1 [::1] [0:0:0:0:0:0:0:1] [0000::0001] [::ffff:127.0.0.1]
    [::ffff:7f00:1] [0:0:0:0:0:ffff:127.0.0.1] localhost LOCALHOST localhost. hooks.localhost ｌｏｃａｌｈｏｓｔ localho%73t
    loc\u00adalhost
  `),
  unspecified: words('0 0.0.0.0 0x0 0.1.2.3 [::] [::ffff:0.0.0.0]'),
  private: words(`
    10.0.0.1 10.255.255.255 0xa000001 012.0.0.1 172.16.0.1 172.31.255.254 192.168.1.1 3232235777 192.168.257
    [::ffff:10.0.0.1] [::ffff:c0a8:101] [fc00::1] [fd12:3456:789a::1] [fec0::1] [feff::1]
  `),
  shared: words('100.64.0.1 100.127.255.254 [::ffff:100.64.0.1]'),
  'link-local': words('169.254.1.1 [fe80::1] [febf::1]'),
  metadata: words(`
    169.254.169.254 0xa9fea9fe 2852039166 0251.0376.0251.0376 169.254.43518 169.254.169.254. [::ffff:169.254.169.254]
    [::ffff:a9fe:a9fe] [64:ff9b::169.254.169.254] [64:ff9b::a9fe:a9fe] [2002:a9fe:a9fe::1] [::169.254.169.254] 169.254.170.2
    169.254.170.23 100.100.100.200 168.63.129.16 192.0.0.192 [fd00:ec2::254] [fd00:ec2::23] [fd20:ce::254] [fd00:42::42]
    [fe80::a9fe:a9fe] metadata.google.internal Metadata.Google.Internal. metadata.goog metadata instance-data
    instance-data.ec2.internal metadata.azure.internal metadata.tencentyun.com
  `),
  documentation: words('192.0.2.1 198.51.100.7 203.0.113.9 [2001:db8::1] [3fff::1]'),
  benchmark: words('198.18.0.1 198.19.255.254 [2001:2::1]'),
  translated: words(`
    192.88.99.1 [::127.0.0.1] [::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::8.8.8.8] [64:ff9b:1::1]
    [2002:7f00:1::] [2002:808:808::1] [2001::1] [2001:0:4136:e378:8000:63bf:3fff:fdd2]
  `),
  multicast: words('224.0.0.1 239.255.255.250 [ff02::1] [ff0e::1]'),
  reserved: words('192.0.0.1 240.0.0.1 255.255.255.255 [100::1] [2001:10::1] [5f00::1] [4000::1] [e000::1] [200::1]'),
  name: words(`
    localhost.localdomain ip6-localhost printer.local db.internal host.docker.internal router.home.arpa wiki.corp nas.lan
    wiki.intranet tv.home hidden.onion kubernetes.default.svc kubernetes.default.svc.cluster.local
  `),
};

/** What is refused for another reason than its host. */
const urls: Readonly<Record<string, readonly string[]>> = {
  scheme: [
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:25/',
    'javascript:alert(1)',
    'data:text/plain,x',
    'ws://example.com/',
  ],
  credentials: [
    'http://user:password@example.com/',
    'http://user@example.com/',
    'http://example.com:80@127.0.0.1/',
    'http://:p@example.com/',
  ],
  malformed: [
    '',
    'example.com',
    '//example.com/',
    'http://',
    'http:///',
    'http://[fe80::1%25eth0]/',
    'http://[::1',
    'http://1.2.3.4.5/',
    'http://256.256.256.256/',
    'http://example..com/',
    'http://example.com../',
    'http://exa mple.com/',
    ' http://example.com/',
    'ht\ntp://example.com/',
    'http://127.0.0.1\\@example.com/',
    'http:\\\\example.com\\',
    'http://example.com/\u0000',
    'http://./',
    'http://a%00b.com/',
    `http://${'a'.repeat(64)}.com/`,
    'http://example.com:65536/',
    'http://0x100000000/',
  ],
  port: ['http://example.com:0/'],
  'too-long': [`http://example.com/${'a'.repeat(4_096)}`],
};

const cases = [
  ...Object.entries(hosts).flatMap(([reason, some]) => some.map((host) => [reason, `http://${host}/`] as const)),
  ...Object.entries(urls).flatMap(([reason, some]) => some.map((url) => [reason, url] as const)),
];

describe('P15: nothing but the public internet is called', () => {
  let world: Awaited<ReturnType<typeof openSender>>;

  before(async () => {
    world = await openSender({ opened: [], answer: () => [{ type: 'A', value: '127.0.0.1' }] });
  });
  after(() => world.close());

  test('the table is long enough', () => assert.ok(cases.length >= 150, `${cases.length} cases`));

  for (const [reason, url] of cases) {
    test(`${JSON.stringify(url.slice(0, 80))} is refused: ${reason}`, async () => {
      const checked = checkOutgoingUrl(url, { guard: new AddressGuard() });
      assert.equal('refusal' in checked ? checked.refusal.reason : undefined, reason);
      const outcome = await world.sender.send({ url, method: 'POST', body: Buffer.from('{}') });
      assert.ok(outcome.kind === 'failed');
      assert.deepEqual([outcome.class, outcome.reason], ['blocked', reason]);
      assert.equal(outcome.remoteAddress, undefined);
      assert.match(outcome.sentence, /\.$|^Only http/);
    });
  }

  test('and no name server is asked about any of it', () => assert.deepEqual(world.dns.asked, []));
});

describe('P15: a name that leads to a forbidden address', () => {
  const addresses = Object.values(hosts)
    .flat()
    .map((host) => host.replace(/^\[(.*)\]$/, '$1'))
    .filter((host) => new AddressGuard().refusal(host) !== 'not-an-address');
  const answers = (name: string) => {
    const value = addresses[Number(name.slice(1).split('.', 1)[0])] as string;
    return [{ type: value.includes(':') ? ('AAAA' as const) : ('A' as const), value }];
  };
  let world: Awaited<ReturnType<typeof openSender>>;

  before(async () => {
    world = await openSender({ opened: [], answer: answers });
  });
  after(() => world.close());

  for (const [index, address] of addresses.entries()) {
    test(`is refused when that is ${address}, which nobody is told`, async () => {
      const outcome = await world.sender.send({ url: `http://n${index}.test/`, method: 'GET' });
      assert.ok(outcome.kind === 'failed');
      assert.deepEqual([outcome.class, outcome.reason], ['blocked', new AddressGuard().refusal(address)]);
      assert.equal(
        outcome.sentence,
        'The host name leads to an address that is not on the public internet. Other ranges are opened with sluice up --open-outgoing.',
      );
      assert.equal(outcome.remoteAddress, undefined);
    });
  }
});
