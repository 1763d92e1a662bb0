import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { OutgoingRequest } from '../../outgoing/http-sender.ts';
import type { Outcome } from '../../outgoing/outcome.ts';
import { openSender, Receiver } from '../../outgoing/sender-fixture.ts';
import { ManualTime } from '../../testing/manual-time.ts';
import { withTime } from '../../testing/with-time.ts';
import { authenticatedSend } from './authenticated-send.ts';
import type { Authentication, OAuthClient } from './authentication.ts';
import type { Send } from './token-source.ts';

type Answer = (response: ServerResponse, request: IncomingMessage, body: string) => void;

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

const granting =
  (expires: unknown = 100, more: object = {}): Answer =>
  (response) =>
    void response.end(JSON.stringify({ access_token: `token-${++granted}`, token_type: 'Bearer', expires_in: expires, ...more }));
let granted = 0;

describe('An endpoint with OAuth client credentials', () => {
  let receiver: Receiver;
  let outgoing: Awaited<ReturnType<typeof openSender>>;
  const asked: Asked[] = [];
  let tokenAnswer: Answer;
  let hookAnswer: Answer;
  let time: ManualTime;

  before(async () => {
    outgoing = await openSender();
    receiver = await Receiver.http((request, response) => {
      void text(request).then((body) => {
        asked.push({ path: request.url ?? '', authorization: request.headers.authorization, body });
        (request.url === '/token' ? tokenAnswer : hookAnswer)(response, request, body);
      });
    }).listen();
  });
  after(() => {
    outgoing.close();
    receiver.close();
  });
  beforeEach(() => {
    asked.length = 0;
    granted = 0;
    time = new ManualTime();
    tokenAnswer = granting();
    hookAnswer = (response) => void response.writeHead(204).end();
  });

  const usual = {
    clientId: 'shop',
    clientSecret: 'hunter2',
    scope: undefined,
    audience: undefined,
    style: 'basic',
  } as const;

  function sending(client: Partial<OAuthClient> = {}): Send {
    const tokenUrl = receiver.url('127.0.0.1', '/token');
    const authentication: Authentication = { kind: 'token', client: { tokenUrl, ...usual, ...client } };
    return authenticatedSend(authentication, { send: (request) => outgoing.sender.send(request), clock: time });
  }

  const hook = (more: Partial<OutgoingRequest> = {}): OutgoingRequest => ({
    url: receiver.url(),
    method: 'POST',
    body: Buffer.from('{}'),
    ...more,
  });
  const statusOf = (outcome: Outcome): unknown => (outcome.kind === 'answered' ? outcome.status : outcome.class);
  const paths = (): string[] => asked.map(({ path }) => path);

  it('is shown a token that its server gave for the client, secret and scope, in either style', async () => {
    assert.equal(statusOf(await sending({ clientId: 'a:b ü', clientSecret: 's&=%', scope: 'a b', audience: 'https://x' })(hook())), 204);
    const [basic, delivery] = asked;
    assert.equal(delivery?.authorization, 'Bearer token-1');
    assert.equal(Buffer.from(basic?.authorization?.slice(6) ?? '', 'base64').toString(), 'a%3Ab+%C3%BC:s%26%3D%25');
    assert.deepEqual(Object.fromEntries(new URLSearchParams(basic?.body)), {
      grant_type: 'client_credentials',
      scope: 'a b',
      audience: 'https://x',
    });
    await sending({ style: 'post' })(hook());
    assert.equal(asked[2]?.authorization, undefined);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(asked[2]?.body)), {
      grant_type: 'client_credentials',
      client_id: 'shop',
      client_secret: 'hunter2',
    });
  });

  it('is shown the same token until 80 % of its life are over, and a new one then, without waiting for it', async () => {
    const send = sending();
    await send(hook());
    time.advance(79_999);
    await send(hook());
    assert.deepEqual(paths(), ['/token', '/hook', '/hook']);
    time.advance(1);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    tokenAnswer = (response, ...rest) => void released.then(() => granting()(response, ...rest));
    await send(hook());
    assert.equal(asked.findLast(({ path }) => path === '/hook')?.authorization, 'Bearer token-1');
    release();
    time.advance(20_000);
    await send(hook());
    assert.equal(asked.at(-1)?.authorization, 'Bearer token-2');
    assert.equal(paths().filter((path) => path === '/token').length, 2);
  });

  it('has its token asked for once, however many attempts wait for it', async () => {
    const send = sending();
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => send(hook())));
    assert.deepEqual(outcomes.map(statusOf), Array(8).fill(204));
    assert.equal(paths().filter((path) => path === '/token').length, 1);
  });

  it('gets one new token and one more attempt after a 401, and the answer to that counts', async () => {
    const send = sending();
    await send(hook());
    hookAnswer = (response, request) => void response.writeHead(request.headers.authorization === 'Bearer token-2' ? 200 : 401).end();
    assert.equal(statusOf(await send(hook())), 200);
    assert.deepEqual(paths(), ['/token', '/hook', '/hook', '/token', '/hook']);
    hookAnswer = (response) => void response.writeHead(401).end();
    asked.length = 0;
    assert.equal(statusOf(await send(hook())), 401);
    assert.deepEqual(paths(), ['/hook', '/token', '/hook']);
    // Tokens are not what is wrong: their server is left alone for a while.
    assert.equal(statusOf(await send(hook())), 401);
    assert.deepEqual(paths().slice(3), ['/hook']);
    time.advance(60_000);
    assert.equal(statusOf(await send(hook())), 401);
    assert.deepEqual(paths().slice(4), ['/hook', '/token', '/hook']);
  });

  it('is sent nothing without a token: a failure of its own kind, which says no secret, and the server is asked again a second later', async () => {
    const send = sending();
    tokenAnswer = (response) => void response.writeHead(401).end('{"error":"invalid_client","error_description":"hunter2 is wrong"}');
    const outcome = await send(hook());
    assert.ok(outcome.kind === 'failed' && outcome.class === 'authentication');
    assert.equal(outcome.sentence, 'There is no access token. The token server answered 401 (invalid_client).');
    await send(hook());
    assert.deepEqual(paths(), ['/token']);
    tokenAnswer = granting();
    time.advance(1_000);
    assert.equal(statusOf(await send(hook())), 204);
  });

  it('goes on with the token it has while its server is away, until that ends', async () => {
    const send = sending();
    await send(hook());
    tokenAnswer = (response) => void response.writeHead(503).end();
    time.advance(90_000);
    assert.equal(statusOf(await send(hook())), 204);
    time.advance(10_000);
    assert.equal(statusOf(await send(hook())), 'authentication');
  });

  it('is given no more than the time of an attempt, the token included', () =>
    withTime(async (totalMs) => {
      tokenAnswer = () => undefined;
      const late = await sending()(hook({ limits: { totalMs } }));
      assert.deepEqual([statusOf(late), late.timings.totalMs], ['authentication', totalMs]);
      tokenAnswer = granting();
      hookAnswer = () => undefined;
      assert.equal(statusOf(await sending()(hook({ limits: { totalMs } }))), 'timeout');
    }));

  it('lets go of an attempt that is called off while it waits for a token, which is nobody’s fault', async () => {
    const calling = new AbortController();
    tokenAnswer = () => calling.abort();
    assert.equal(statusOf(await sending()(hook({ signal: calling.signal }))), 'aborted');
  });

  it('asks for its token through the same door as everything else', async () => {
    const outcome = await sending({ tokenUrl: 'http://169.254.169.254/token' })(hook());
    assert.ok(outcome.kind === 'failed' && outcome.class === 'authentication');
    assert.match(outcome.sentence, /^There is no access token\. .*169\.254\.169\.254/);
    assert.deepEqual(asked, []);
  });

  const hostile: Readonly<Record<string, Answer>> = {
    'a redirect': (response) => void response.writeHead(302, { location: '/hook' }).end(),
    'no JSON': (response) => void response.end('<html>'),
    'a list': (response) => void response.end('[{"access_token":"x"}]'),
    nothing: (response) => void response.end(),
    '500 with a token': (response) => void response.writeHead(500).end('{"access_token":"x"}'),
    'more than 16 KiB': (response) => void response.end(JSON.stringify({ access_token: 'x', padding: ' '.repeat(17_000) })),
    'half a body': (response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"access_token":"x"');
      setImmediate(() => response.destroy());
    },
    'a token that breaks a header': (response) => void response.end(JSON.stringify({ access_token: 'x\r\nX-Evil: 1' })),
    'a token with a blank': (response) => void response.end(JSON.stringify({ access_token: 'x y' })),
    'an empty token': (response) => void response.end(JSON.stringify({ access_token: '' })),
    'a token of 9 KiB': (response) => void response.end(JSON.stringify({ access_token: 'x'.repeat(9 * 1024) })),
    'a token that is an object': (response) => void response.end('{"access_token":{"toString":"x"}}'),
    'another type of token': (response) => void response.end('{"access_token":"x","token_type":"mac"}'),
    prototypes: (response) => void response.end('{"__proto__":{"access_token":"x"}}'),
    'an end of the connection': (response) => void response.destroy(),
  };
  for (const [name, answer] of Object.entries(hostile)) {
    it(`is sent nothing when its token server answers with ${name}`, async () => {
      tokenAnswer = answer;
      const outcome = await sending()(hook());
      assert.equal(statusOf(outcome), 'authentication', name);
      assert.ok(!JSON.stringify(outcome).includes('hunter2'));
      // A connection used before that ends without an answer is tried once more.
      assert.deepEqual(new Set(paths()), new Set(['/token']));
    });
  }

  for (const [name, expires, milliseconds] of [
    ['is written as text', '50', 50_000],
    ['is left out', undefined, 300_000],
    ['is no number', 'soon', 300_000],
    ['is negative', -5, 0],
    ['is endless', 1e300, 86_400_000],
  ] as const) {
    it(`has its token kept for ${milliseconds / 1000} s where the life of one ${name}`, async () => {
      tokenAnswer = granting(0, { expires_in: expires });
      const send = sending();
      await send(hook());
      time.advance(Math.max(0, milliseconds * 0.8 - 1));
      await send(hook());
      assert.equal(paths().filter((path) => path === '/token').length, milliseconds === 0 ? 2 : 1);
    });
  }
});
