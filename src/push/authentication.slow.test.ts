import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { afterEach, describe, test } from 'node:test';
import { Receiver } from '../outgoing/sender-fixture.ts';
import { worldFiles } from '../testing/gateway-world.ts';
import { selfSigned } from '../testing/self-signed.ts';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { until } from '../testing/until.ts';
import { endpointNamed, publishNew, webhookConfig } from '../testing/webhook-world.ts';

const limit = { timeout: 180_000 };

interface Post {
  readonly id: string;
  readonly headers: IncomingMessage['headers'];
  /** Name in the certificate of the client, and which connection it was. */
  readonly client: string | undefined;
  readonly port: number | undefined;
}

interface Attempt {
  readonly outcome: string;
  readonly failure: string | null;
  readonly sentence: string | null;
  readonly request: readonly (readonly [string, string])[];
}

/** A whole Sluice and the servers of somebody who wants to know who calls. */
describe('endpoints that want to know who calls', limit, () => {
  const closers: (() => unknown)[] = [];
  let sluice: SluiceFixture;
  const lines: string[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
    lines.length = 0;
  });

  /** Takes events, with the status that `judge` gives. */
  async function openReceiver(judge: (headers: IncomingMessage['headers']) => number = () => 204, tls?: TlsOptions) {
    const posts: Post[] = [];
    const listener: RequestListener = (request, response) => {
      void text(request).then((body) => {
        const { headers, socket } = request;
        const status = judge(headers);
        const certificate = tls === undefined ? undefined : (socket as TLSSocket).getPeerCertificate();
        const id = body === '' ? '' : (JSON.parse(body) as { id: string }).id;
        if (status < 300) posts.push({ id, headers, client: certificate?.subject.CN as string | undefined, port: socket.remotePort });
        response.writeHead(status).end();
      });
    };
    const receiver = await Receiver.http(listener, tls).listen();
    closers.push(() => receiver.close());
    return { posts, url: receiver.url() };
  }

  async function start(endpoints: string, env: Readonly<Record<string, string>>): Promise<void> {
    const onLog = (line: string): unknown => lines.push(line);
    sluice = await openSluice(webhookConfig(endpoints), { files: worldFiles(), env, openOutgoing: ['127.0.0.0/8'], onLog });
    closers.push(() => sluice.stop());
  }

  async function arrived({ posts }: { readonly posts: readonly Post[] }, ids: readonly string[]): Promise<void> {
    const missing = (): readonly string[] => ids.filter((id) => !posts.some((post) => post.id === id));
    await until(
      async () => missing().length === 0,
      () => `did not arrive: ${missing().join()}; ${lines.join('')}`,
    );
  }

  async function attempts(name: string): Promise<readonly Attempt[]> {
    const { items } = await sluice.client().get(['endpoints', await endpointNamed(sluice, name), 'attempts']);
    return items as Attempt[];
  }

  /** Nothing that is kept, shown or logged holds one of these. */
  async function assertHidden(hidden: readonly string[], names: readonly string[]): Promise<void> {
    const shown = await Promise.all([
      ...names.map(async (name) => JSON.stringify(await sluice.client().get(['endpoints', await endpointNamed(sluice, name)]))),
      ...names.map(async (name) => JSON.stringify(await attempts(name))),
      sluice.client().get(['audit']).then(JSON.stringify),
      sluice.client().get(['export']).then(JSON.stringify),
    ]);
    const files = (await readdir(sluice.data)).filter((name) => name.includes('sqlite') || name.includes('.db'));
    assert.ok(files.length > 0, 'the database is found');
    const kept = await Promise.all(files.map((name) => readFile(join(sluice.data, name), 'latin1')));
    for (const text of hidden) {
      for (const one of [...shown, ...kept, lines.join('')]) assert.ok(!one.includes(text), `somewhere stands ${text}`);
    }
  }

  test('are shown a name and password, or a key, which stand nowhere else', async () => {
    const [basic, key] = [await openReceiver(), await openReceiver()];
    const endpoints = `
basic: { address: '*/events', url: '${basic.url}', authentication: { kind: basic, user: shop, password: '\${env:PASSWORD}' } }
key: { address: '*/events', url: '${key.url}', authentication: { kind: key, header: X-Tenant, value: 'Token \${env:TOKEN}' } }`;
    await start(endpoints, { PASSWORD: 'hunter2-äöü', TOKEN: 'open-sesame' });
    const ids = await publishNew(sluice, 3);
    await Promise.all([arrived(basic, ids), arrived(key, ids)]);
    const credentials = Buffer.from('shop:hunter2-äöü').toString('base64');
    assert.equal(basic.posts[0]?.headers.authorization, `Basic ${credentials}`);
    assert.equal(key.posts[0]?.headers['x-tenant'], 'Token open-sesame');
    await until(
      async () => (await attempts('key')).length > 0,
      () => 'no attempt is kept',
    );
    const [made] = await attempts('key');
    assert.deepEqual(made?.request.at(-1), ['X-Tenant', '***']);
    await assertHidden(['hunter2', credentials, 'open-sesame'], ['basic', 'key']);
  });

  test('are shown a token, another one after a 401, and nothing is lost while there is none, or over a restart', async () => {
    let valid = '';
    let count = 0;
    let isAway = false;
    let fetched = 0;
    const tokens = await Receiver.http((request, response) => {
      void text(request).then((body) => {
        fetched += 1;
        assert.equal(new URLSearchParams(body).get('client_secret'), 'hunter2-secret');
        if (isAway) return void response.writeHead(503).end();
        valid = `access-${++count}`;
        response.writeHead(200, { 'content-type': 'application/json' });
        return void response.end(JSON.stringify({ access_token: valid, token_type: 'bearer', expires_in: 3600 }));
      });
    }).listen();
    closers.push(() => tokens.close());
    const hook = await openReceiver(({ authorization }) => (authorization === `Bearer ${valid}` ? 204 : 401));
    const endpoints = `
hook:
  address: '*/events'
  url: '${hook.url}'
  retry: [${Array.from({ length: 49 }, () => '300ms').join(', ')}]
  authentication:
    kind: oauth2-client-credentials
    tokenUrl: '${tokens.url()}'
    clientId: shop
    clientSecret: '\${env:SECRET}'
    style: post`;
    await start(endpoints, { SECRET: 'hunter2-secret' });
    await arrived(hook, await publishNew(sluice, 20));
    assert.equal(fetched, 1);
    valid = 'revoked';
    await arrived(hook, await publishNew(sluice, 1));
    assert.equal(fetched, 2);
    await until(
      async () => (await attempts('hook')).length === 21,
      () => 'not every attempt is kept',
    );
    assert.deepEqual([...new Set((await attempts('hook')).map(({ outcome }) => outcome))], ['delivered']);
    isAway = true;
    await sluice.restart({ grace: 100 });
    const ids = await publishNew(sluice, 3);
    await until(
      async () => (await attempts('hook')).some(({ failure }) => failure === 'authentication'),
      () => 'no attempt without a token',
    );
    const failed = (await attempts('hook')).find(({ failure }) => failure !== null);
    assert.deepEqual(
      [failed?.outcome, failed?.sentence, failed?.request.at(-1)],
      ['retry', 'There is no access token. The token server answered 503.', ['Authorization', '***']],
    );
    isAway = false;
    await arrived(hook, ids);
    const arrivals = hook.posts.map(({ id }) => id);
    assert.equal(new Set(arrivals).size, arrivals.length);
    await assertHidden(['hunter2', 'access-1', 'access-2'], ['hook']);
  });

  test('E4: are shown a certificate, each its own over connections of its own, by authorities of their own', async () => {
    const server = selfSigned({ names: ['127.0.0.1'] });
    const [first, second, stranger] = ['first', 'second', 'stranger'].map((name) => selfSigned({ names: [name] })) as [
      ReturnType<typeof selfSigned>,
      ReturnType<typeof selfSigned>,
      ReturnType<typeof selfSigned>,
    ];
    const hook = await openReceiver(() => 204, { ...server, requestCert: true, rejectUnauthorized: true, ca: [first.cert, second.cert] });
    const authentication = (name: string, ca = 'CA'): string =>
      `{ kind: mtls, certificate: '\${env:${name}_CERT}', key: '\${env:${name}_KEY}', ${ca === '' ? '' : `ca: '\${env:${ca}}'`} }`;
    const endpoints = `
first: { address: '*/events', url: '${hook.url}', authentication: ${authentication('FIRST')} }
second: { address: '*/events', url: '${hook.url}', authentication: ${authentication('SECOND')} }
stranger: { address: '*/events', url: '${hook.url}', authentication: ${authentication('STRANGER')} }
careful: { address: '*/events', url: '${hook.url}', authentication: ${authentication('FIRST', '')} }`;
    await start(endpoints, {
      CA: server.cert,
      FIRST_CERT: first.cert,
      FIRST_KEY: first.key,
      SECOND_CERT: second.cert,
      SECOND_KEY: second.key,
      STRANGER_CERT: stranger.cert,
      STRANGER_KEY: stranger.key,
    });
    const ids = await publishNew(sluice, 5);
    const of = (client: string): { readonly posts: readonly Post[] } => ({ posts: hook.posts.filter((post) => post.client === client) });
    await until(
      async () => of('first').posts.length >= 5 && of('second').posts.length >= 5,
      () => `first ${of('first').posts.length}, second ${of('second').posts.length}`,
    );
    for (const name of ['first', 'second']) assert.deepEqual(new Set(of(name).posts.map(({ id }) => id)), new Set(ids));
    const ports = (name: string): Set<number | undefined> => new Set(of(name).posts.map(({ port }) => port));
    assert.ok(![...ports('first')].some((port) => ports('second').has(port)), 'they share a connection');
    await until(
      async () => (await attempts('stranger')).length > 0 && (await attempts('careful')).length > 0,
      () => 'those who are refused have no attempts',
    );
    assert.ok((await attempts('stranger')).every(({ failure }) => failure === 'tls' || failure === 'reset'));
    // Whoever names no authorities trusts the well-known ones only.
    assert.ok((await attempts('careful')).every(({ failure }) => failure === 'tls'));
    const inKey = first.key.split('\n')[1] ?? '';
    await assertHidden([inKey, inKey.slice(0, 40)], ['first', 'second', 'stranger']);
  });
});
