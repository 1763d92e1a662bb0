import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AddressGuard } from './address-guard.ts';
import { addressBytes, isInRange, parseRange } from './address-range.ts';

const closed = new AddressGuard();

describe('the guard of addresses', () => {
  test('lets through what is on the public internet', () => {
    const addresses = ['1.1.1.1', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.1'];
    const more = ['172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0', '223.255.255.255'];
    const v6 = ['2606:4700:4700::1111', '2001:4860:4860::8888', '2a00::1', '2001:200::1', '3ffe::1', '::ffff:8.8.8.8'];
    for (const address of [...addresses, ...more, ...v6]) assert.equal(closed.refusal(address), undefined, address);
  });

  test('refuses what is no address, and what a resolver should never hand out', () => {
    for (const text of ['', 'localhost', '127.1', '01.2.3.4', '[::1]', '1.2.3.4.5', '::1::', '0x7f000001'])
      assert.equal(closed.refusal(text), 'not-an-address', text);
  });

  test('looks past the zone of an address', () => {
    assert.equal(closed.refusal('fe80::1%eth0'), 'link-local');
    assert.equal(closed.refusal('2606:4700::1%eth0'), undefined);
  });

  test('opens what the operator opened, in every form of the address, and nothing beside it', () => {
    const guard = new AddressGuard(['10.1.0.0/16', '127.0.0.1', 'fd12::/16']);
    for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '::ffff:a01:203', '127.0.0.1', 'fd12:1::1'])
      assert.equal(guard.refusal(address), undefined, address);
    for (const address of ['10.2.0.1', '127.0.0.2', 'fd13::1', '::1', '64:ff9b::10.1.2.3', '2002:a01:203::1'])
      assert.notEqual(guard.refusal(address), undefined, address);
  });

  test('judges the IPv4 address within an opened range of translated addresses', () => {
    const guard = new AddressGuard(['64:ff9b::/96', '2002::/16']);
    assert.equal(guard.refusal('64:ff9b::8.8.8.8'), undefined);
    assert.equal(guard.refusal('64:ff9b::10.0.0.1'), 'private');
    assert.equal(guard.refusal('2002:7f00:1::1'), 'loopback');
  });

  test('never opens the metadata addresses of clouds, in no form', () => {
    const guard = new AddressGuard(['0.0.0.0/0', '::/0']);
    assert.equal(guard.refusal('10.0.0.1'), undefined);
    assert.equal(guard.refusal('::1'), undefined);
    const addresses = [
      '169.254.169.254',
      '169.254.170.2',
      '100.100.100.200',
      '168.63.129.16',
      '192.0.0.192',
      'fd00:ec2::254',
      'fd20:ce::254',
    ];
    const forms = ['::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '64:ff9b::169.254.169.254', '2002:a9fe:a9fe::', '::169.254.169.254'];
    const teredo = ['2001:0:4136:e378:8000:63bf:5601:5601'];
    for (const address of [...addresses, ...forms, ...teredo]) assert.equal(guard.refusal(address), 'metadata', address);
  });

  test('says so when a range is none', () => {
    for (const text of [
      '10.0.0.0/33',
      '10.0.0/8',
      'fd00::/129',
      'localhost',
      '10.0.0.0/8/8',
      '10.0.0.0/-1',
      '10.0.0.0/',
      'fe80::1%eth0/64',
      '',
    ])
      assert.throws(() => new AddressGuard([text]), /is not a range of addresses such as/, text);
    assert.throws(() => new AddressGuard(['::ffff:10.0.0.0/104']), /write it as IPv4/);
  });
});

describe('a range of addresses', () => {
  const cases = [
    ['ipv4', fc.ipV4(), 32],
    ['ipv6', fc.ipV6(), 128],
  ] as const;
  for (const [family, addresses, bits] of cases) {
    test(`holds the same ${family} addresses as the one Node has`, () => {
      fc.assert(
        fc.property(addresses, addresses, fc.integer({ min: 1, max: bits }), (base, address, prefix) => {
          const list = new BlockList();
          list.addSubnet(base, prefix, family);
          const range = parseRange(`${base}/${prefix}`);
          assert.ok(range !== undefined, base);
          for (const one of [address, base]) {
            const bytes = addressBytes(one);
            assert.ok(bytes !== undefined, one);
            assert.equal(isInRange(bytes, range), list.check(one, family), `${one} in ${base}/${prefix}`);
          }
        }),
      );
    });
  }

  test('reads an address as what it is', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const groups = Buffer.from(addressBytes(address) as Uint8Array)
          .toString('hex')
          .replace(/(.{4})(?=.)/g, '$1:');
        assert.equal(isIP(groups), 6);
        assert.equal(new URL(`http://[${groups}]/`).hostname, new URL(`http://[${address}]/`).hostname);
      }),
    );
  });
});
