import assert from 'node:assert/strict';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, test } from 'node:test';
import { selfSigned } from '../testing/self-signed.ts';
import type { TlsIdentity } from './http-sender.ts';
import { openSender, Receiver } from './sender-fixture.ts';

const limit = { timeout: 60_000 };
const pair = selfSigned({ names: ['hook.test', '127.0.0.1'] });
const clients = ['first', 'second'].map((name) => selfSigned({ names: [name] }));

describe('the sender over TLS', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  const open = async (tls: Parameters<typeof Receiver.http>[1] = pair) => {
    const receiver = await Receiver.http((request, response) => {
      const socket = request.socket as TLSSocket;
      const subject = socket.getPeerCertificate().subject as { readonly CN?: string } | undefined;
      response.end(JSON.stringify({ client: subject?.CN, server: socket.servername, resumed: socket.isSessionReused() }));
    }, tls).listen();
    const world = await openSender({ answer: (_, type) => (type === 'A' ? [{ type, value: '127.0.0.1' }] : []) });
    closers.push(world.close, () => receiver.close());
    const get = async (identity: TlsIdentity | undefined, host = 'hook.test', maxBodyBytes = 1_000) => {
      const outcome = await world.sender.send({ url: receiver.url(host), method: 'GET', tls: identity, limits: { maxBodyBytes } });
      return {
        outcome,
        said: outcome.kind === 'answered' && outcome.truncated === undefined ? JSON.parse(outcome.body.toString()) : undefined,
      };
    };
    return { receiver, get };
  };

  test('asks for the host by name, trusts the authority it was given, and says how long the handshake took', limit, async () => {
    const { get } = await open();
    const { outcome, said } = await get({ ca: pair.cert });
    assert.equal(said.server, 'hook.test');
    assert.ok(outcome.timings.dnsMs !== undefined && outcome.timings.connectMs !== undefined && outcome.timings.tlsMs !== undefined);
    assert.equal((await get({ ca: pair.cert }, '127.0.0.1')).outcome.kind, 'answered');
  });

  const refusals = [
    ['of nobody it knows', pair, undefined, 'hook.test', /vouches for itself/],
    ['of another name', pair, { ca: pair.cert }, 'other.test', /for another host name/],
  ] as const;
  for (const [what, server, identity, host, sentence] of refusals) {
    test(`refuses a certificate ${what}, and sends nothing`, limit, async () => {
      const { get } = await open(server);
      const { outcome } = await get(identity, host);
      assert.ok(outcome.kind === 'failed');
      assert.deepEqual([outcome.class, outcome.phase], ['tls', 'tls']);
      assert.match(outcome.sentence, sentence);
    });
  }

  test('refuses a certificate that has expired', limit, async () => {
    const old = selfSigned({ names: ['hook.test'], from: new Date('2020-01-01'), until: new Date('2020-02-01') });
    const { get } = await open(old);
    const { outcome } = await get({ ca: old.cert });
    assert.ok(outcome.kind === 'failed' && outcome.class === 'tls');
    assert.equal(outcome.sentence, 'The certificate has expired.');
  });

  test('speaks no TLS older than 1.2', limit, async () => {
    const { get } = await open({ ...pair, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    const { outcome } = await get({ ca: pair.cert });
    assert.ok(outcome.kind === 'failed' && outcome.class === 'tls');
  });

  test('takes what is no TLS for what it is', limit, async () => {
    const receiver = await Receiver.http((_, response) => response.end()).listen();
    const world = await openSender();
    closers.push(world.close, () => receiver.close());
    const outcome = await world.sender.send({ url: receiver.url().replace('http:', 'https:'), method: 'GET' });
    assert.ok(outcome.kind === 'failed' && outcome.class === 'tls');
  });

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(
      `shows its own certificate where it is asked for one, by ${maxVersion}, and never shares a connection with another`,
      limit,
      async () => {
        const ca = clients.map(({ cert }) => cert);
        const { receiver, get } = await open({ ...pair, maxVersion, requestCert: true, rejectUnauthorized: true, ca });
        const said: string[] = [];
        for (const { cert, key } of [...clients, ...clients]) said.push((await get({ ca: pair.cert, cert, key })).said.client);
        assert.deepEqual(said, ['first', 'second', 'first', 'second']);
        assert.equal(receiver.accepted, 2);
        const { outcome } = await get({ ca: pair.cert });
        assert.ok(outcome.kind === 'failed');
        assert.ok(outcome.class === 'tls' || outcome.class === 'reset', outcome.sentence);
      },
    );
  }

  test('makes the next handshake cheaper, and only with the same certificates', limit, async () => {
    const { get } = await open();
    // The answer does not fit, so that each connection is closed after it; the one before the cut brought the session.
    await get({ ca: pair.cert }, 'hook.test', 5);
    assert.equal((await get({ ca: pair.cert })).said.resumed, true);
    const [client] = clients;
    assert.equal((await get({ ca: pair.cert, cert: client?.cert, key: client?.key })).said.resumed, false);
  });

  test('says so when the certificate or key it is given cannot be used', limit, async () => {
    const { receiver, get } = await open();
    const [first, second] = clients;
    for (const identity of [
      { cert: 'nonsense', key: 'nonsense' },
      { cert: first?.cert, key: second?.key },
    ]) {
      const { outcome } = await get({ ...identity, ca: pair.cert });
      assert.ok(outcome.kind === 'failed' && outcome.class === 'tls');
      assert.match(outcome.sentence, /cannot be used/);
    }
    assert.equal(receiver.accepted, 0);
  });
});
