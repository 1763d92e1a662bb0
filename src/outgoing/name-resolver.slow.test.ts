import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { ManualTime } from '../testing/manual-time.ts';
import { withTime } from '../testing/with-time.ts';
import { AddressGuard } from './address-guard.ts';
import { DnsResponder, type DnsReply } from './dns-fixture.ts';
import { HostsFile } from './hosts-file.ts';
import { NameResolver } from './name-resolver.ts';

type Options = Partial<ConstructorParameters<typeof NameResolver>[0]>;
type Answer = (name: string, type: 'A' | 'AAAA', transport: 'udp' | 'tcp') => DnsReply;

const limit = { timeout: 60_000 };
const publicAddress: DnsReply = [{ type: 'A', value: '93.184.216.34' }];

describe('the resolver of names', () => {
  const closers: (() => void)[] = [];
  const time = new ManualTime();

  const open = async (answer: Answer, options: Options = {}) => {
    const dns = new DnsResponder(answer);
    const resolver = new NameResolver({ guard: new AddressGuard(), clock: time, servers: [await dns.open()], ...options });
    closers.push(
      () => resolver.close(),
      () => dns.close(),
    );
    return { dns, resolver };
  };

  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  test('gives all addresses of a name, IPv4 first, whatever comes first', limit, async () => {
    const { resolver } = await open(() => [
      { type: 'AAAA', value: '2606:4700::1' },
      { type: 'A', value: '1.1.1.1' },
      { type: 'A', value: '1.0.0.1' },
    ]);
    assert.deepEqual(await resolver.resolve('hook.test'), ['1.1.1.1', '1.0.0.1', '2606:4700::1']);
  });

  test('asks once for all who wait for the same name', limit, async () => {
    const { dns, resolver } = await open(() => publicAddress);
    const all = await Promise.all(Array.from({ length: 50 }, () => resolver.resolve('hook.test')));
    assert.ok(all.every((addresses) => addresses[0] === '93.184.216.34'));
    assert.deepEqual(dns.asked.toSorted(), ['hook.test A udp', 'hook.test AAAA udp']);
  });

  for (const [ttl, seconds] of [
    [0, 5],
    [60, 60],
    [86_400, 300],
  ] as const) {
    test(`keeps an answer with a time to live of ${ttl} s for ${seconds} s`, limit, async () => {
      const { dns, resolver } = await open(() => [{ type: 'A', value: '1.1.1.1', ttl }]);
      await resolver.resolve('hook.test');
      time.advance(seconds * 1_000 - 1);
      await resolver.resolve('hook.test');
      assert.equal(dns.asked.length, 2);
      time.advance(1);
      await resolver.resolve('hook.test');
      assert.equal(dns.asked.length, 4);
    });
  }

  test('remembers for 5 s that there is no such name', limit, async () => {
    let isKnown = false;
    const { dns, resolver } = await open(() => (isKnown ? publicAddress : 'unknown'));
    const refusal = { class: 'dns', message: 'There is no host of this name.' };
    await assert.rejects(resolver.resolve('hook.test'), refusal);
    isKnown = true;
    await assert.rejects(resolver.resolve('hook.test'), refusal);
    assert.equal(dns.asked.length, 2);
    time.advance(5_000);
    assert.deepEqual(await resolver.resolve('hook.test'), ['93.184.216.34']);
  });

  test('P15: refuses a name when only one of its addresses is forbidden', limit, async () => {
    const { resolver } = await open((name) => [
      { type: 'A', value: '1.1.1.1' },
      name === 'mixed4.test' ? { type: 'A', value: '10.0.0.1' } : { type: 'AAAA', value: '::ffff:127.0.0.1' },
    ]);
    await assert.rejects(resolver.resolve('mixed4.test'), { class: 'blocked', reason: 'private' });
    await assert.rejects(resolver.resolve('mixed6.test'), { class: 'blocked', reason: 'loopback' });
  });

  test('P15: refuses a name that is another name of a forbidden address', limit, async () => {
    const { resolver } = await open(() => [
      { type: 'CNAME', value: 'inner.example' },
      { type: 'A', name: 'inner.example', value: '169.254.169.254' },
    ]);
    await assert.rejects(resolver.resolve('alias.test'), { class: 'blocked', reason: 'metadata' });
  });

  test('P15: judges each answer anew', limit, async () => {
    const answers: string[] = ['1.1.1.1', '192.168.0.1', '1.1.1.1'];
    const { resolver } = await open((_, type) => (type === 'A' ? [{ type, value: answers.shift() as string, ttl: 1 }] : []));
    await resolver.resolve('rebinding.test');
    time.advance(5_000);
    await assert.rejects(resolver.resolve('rebinding.test'), { class: 'blocked', reason: 'private' });
    time.advance(5_000);
    await resolver.resolve('rebinding.test');
  });

  test('asks again by TCP when the answer did not fit', limit, async () => {
    const { dns, resolver } = await open((_, type, transport) =>
      type === 'AAAA' ? [] : transport === 'udp' ? 'truncated' : publicAddress,
    );
    assert.deepEqual(await resolver.resolve('large.test'), ['93.184.216.34']);
    assert.ok(dns.asked.includes('large.test A tcp'));
  });

  test('gives up in time when nobody answers, and says so to the next at once', limit, () =>
    withTime(async (timeoutMs) => {
      const { resolver } = await open((name) => (name === 'silent.test' ? 'silence' : publicAddress), { timeoutMs });
      const begun = performance.now();
      const refusal = { class: 'dns', message: 'The host name could not be looked up in time.' };
      await assert.rejects(resolver.resolve('silent.test'), refusal);
      assert.ok(performance.now() - begun < 10 * timeoutMs, `in about ${timeoutMs} ms`);
      await assert.rejects(resolver.resolve('silent.test'), refusal);
      assert.deepEqual(await resolver.resolve('other.test'), ['93.184.216.34']);
    }),
  );

  test('makes do with one family of addresses when the other does not come', limit, () =>
    withTime(async (timeoutMs) => {
      const { resolver } = await open((_, type) => (type === 'AAAA' ? 'silence' : publicAddress), { timeoutMs });
      assert.deepEqual(await resolver.resolve('half.test'), ['93.184.216.34']);
    }),
  );

  test('lets names wait for one another, and none longer than its time', limit, async () => {
    const { resolver } = await open((name) => (name === 'silent.test' ? 'silence' : publicAddress), { timeoutMs: 150, maxLookups: 1 });
    const both = await Promise.allSettled([resolver.resolve('silent.test'), resolver.resolve('waits.test')]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    const { resolver: quick } = await open(() => publicAddress, { maxLookups: 1 });
    const names = Array.from({ length: 20 }, (_, index) => `n${index}.test`);
    assert.equal((await Promise.all(names.map((name) => quick.resolve(name)))).length, 20);
  });

  test('says what the name server said when it refuses', limit, async () => {
    const { resolver } = await open(() => 'refused');
    await assert.rejects(resolver.resolve('hook.test'), { class: 'dns', message: /could not be looked up \(EREFUSED, EREFUSED\)/ });
  });

  test('forgets the names asked for the longest ago', limit, async () => {
    const { dns, resolver } = await open(() => publicAddress, { maxNames: 2 });
    for (const name of ['a.test', 'b.test', 'a.test', 'c.test', 'a.test']) await resolver.resolve(name);
    assert.equal(resolver.names, 2);
    assert.equal(dns.asked.length, 6);
    await resolver.resolve('b.test');
    assert.equal(dns.asked.length, 8);
  });

  test('never asks about localhost, which is what the operator opened of the loopback addresses', limit, async () => {
    const { dns, resolver } = await open(() => publicAddress, { guard: new AddressGuard(['127.0.0.0/8']) });
    assert.deepEqual(await resolver.resolve('localhost'), ['127.0.0.1']);
    assert.deepEqual(await resolver.resolve('a.localhost'), ['127.0.0.1']);
    const { resolver: closed } = await open(() => publicAddress);
    await assert.rejects(closed.resolve('localhost'), { class: 'blocked', reason: 'loopback' });
    assert.deepEqual(dns.asked, []);
  });

  test('takes the hosts file first, and judges it too', limit, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-resolver-'));
    try {
      await writeFile(join(folder, 'hosts'), '10.1.0.1 opened.test\n10.2.0.1 closed.test\n');
      const hostsFile = new HostsFile(join(folder, 'hosts'), time);
      const { dns, resolver } = await open(() => publicAddress, { guard: new AddressGuard(['10.1.0.0/16']), hostsFile });
      assert.deepEqual(await resolver.resolve('opened.test'), ['10.1.0.1']);
      await assert.rejects(resolver.resolve('closed.test'), { class: 'blocked', reason: 'private' });
      assert.deepEqual(dns.asked, []);
      assert.deepEqual(await resolver.resolve('elsewhere.test'), ['93.184.216.34']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('ends what is under way when it is closed', limit, async () => {
    const { resolver } = await open(() => 'silence');
    const answer = assert.rejects(resolver.resolve('silent.test'), { class: 'aborted' });
    resolver.close();
    await answer;
  });
});
