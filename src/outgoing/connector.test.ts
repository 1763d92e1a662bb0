import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { selfSigned } from '../testing/self-signed.ts';
import { until } from '../testing/until.ts';
import { withTime } from '../testing/with-time.ts';
import { AddressGuard } from './address-guard.ts';
import { Connector } from './connector.ts';
import { Deadline } from './deadline.ts';
import { DnsResponder, type DnsReply } from './dns-fixture.ts';
import { NameResolver } from './name-resolver.ts';
import { OutgoingFailure } from './outgoing-failure.ts';
import { Phases } from './phases.ts';
import { Receiver } from './sender-fixture.ts';

const limit = { timeout: 60_000 };
const pair = selfSigned({ names: ['hook.test'] });

describe('the connector', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  const open = async (opened: readonly string[], answer: () => DnsReply = () => 'unknown') => {
    const dns = new DnsResponder(answer);
    const guard = new AddressGuard(opened);
    // The resolver's own guard lets all pass, so that the connector's is seen at work.
    const resolver = new NameResolver({ guard: new AddressGuard(['0.0.0.0/0', '::/0']), clock: Date, servers: [await dns.open()] });
    closers.push(
      () => resolver.close(),
      () => dns.close(),
    );
    return new Connector({ guard, resolver });
  };
  const listen = async (onSocket: (socket: Socket) => void = () => undefined): Promise<Receiver> => {
    const receiver = await Receiver.raw(onSocket).listen();
    closers.push(() => receiver.close());
    return receiver;
  };
  const connect = async (connector: Connector, host: string, port: number, secure = false, milliseconds = 30_000) => {
    const deadline = new Deadline(milliseconds, () => new OutgoingFailure('timeout', 'late'));
    const phases = new Phases(() => performance.now());
    const secureContext = secure ? createSecureContext({ ca: pair.cert }) : undefined;
    try {
      const connected = await connector.connect({ host, port, secureContext }, phases, deadline.signal);
      closers.push(() => connected.socket.destroy());
      return { ...connected, timings: phases.timings() };
    } catch (error) {
      throw Object.assign(error as Error, { phase: phases.current });
    } finally {
      deadline.clear();
    }
  };

  test('connects to an address, and says to which and how long it took', limit, async () => {
    const receiver = await listen();
    const { remoteAddress, timings } = await connect(await open(['127.0.0.0/8']), '127.0.0.1', receiver.port);
    assert.equal(remoteAddress, '127.0.0.1');
    assert.ok(timings.connectMs !== undefined && timings.dnsMs === undefined && timings.tlsMs === undefined);
  });

  test('P15: judges an address that stands in the URL, which no resolver sees', limit, async () => {
    const receiver = await listen();
    await assert.rejects(connect(await open([]), '127.0.0.1', receiver.port), { class: 'blocked', reason: 'loopback' });
    assert.equal(receiver.accepted, 0);
  });

  test('P15: judges what the resolver hands out', limit, async () => {
    const receiver = await listen();
    const connector = await open([], () => [{ type: 'A', value: '127.0.0.1' }]);
    await assert.rejects(connect(connector, 'hook.test', receiver.port), { class: 'blocked', reason: 'loopback' });
    assert.equal(receiver.accepted, 0);
  });

  test('P15: judges the address at the other end, before a byte is written', limit, async () => {
    // The system takes 0.0.0.0 for this machine, so that the other end has another address than the one connected to.
    let bytes = 0;
    const receiver = await listen((socket) => socket.on('data', (chunk) => (bytes += chunk.length)));
    for (const secure of [false, true]) {
      const connector = await open(['0.0.0.0/32']);
      await assert.rejects(connect(connector, '0.0.0.0', receiver.port, secure), {
        class: 'blocked',
        reason: 'loopback',
        phase: 'connect',
      });
    }
    await until(
      () => Promise.resolve(receiver.accepted === 2 && receiver.open.size === 0),
      () => 'both sockets are closed again',
    );
    assert.equal(bytes, 0);
  });

  test('tries the next address when nobody listens at one', limit, async () => {
    const receiver = await listen();
    const connector = await open(['127.0.0.0/8'], () => [
      { type: 'A', value: '127.0.0.2' },
      { type: 'A', value: '127.0.0.1' },
    ]);
    assert.equal((await connect(connector, 'hook.test', receiver.port)).remoteAddress, '127.0.0.1');
  });

  test('says so when nobody listens at any', limit, async () => {
    const refusal = { class: 'connect', message: 'Nobody listens there: the connection was refused.' };
    await assert.rejects(connect(await open(['127.0.0.0/8']), '127.0.0.1', 9), refusal);
  });

  test('waits for a TLS handshake no longer than told, and closes the socket', limit, async () => {
    const receiver = await listen();
    const connector = await open(['127.0.0.0/8']);
    await withTime((milliseconds) =>
      assert.rejects(connect(connector, '127.0.0.1', receiver.port, true, milliseconds), { class: 'timeout', phase: 'tls' }),
    );
    await until(
      () => Promise.resolve(receiver.open.size === 0),
      () => 'the socket is closed',
    );
  });

  test('does not begin when it is over already', limit, async () => {
    const receiver = await listen();
    const connector = await open(['127.0.0.0/8']);
    const deadline = new Deadline(5_000, () => new OutgoingFailure('timeout', 'late'), AbortSignal.abort());
    const target = { host: '127.0.0.1', port: receiver.port, secureContext: undefined };
    await assert.rejects(connector.connect(target, new Phases(() => 0), deadline.signal), { class: 'aborted' });
    assert.equal(receiver.open.size, 0);
  });
});
