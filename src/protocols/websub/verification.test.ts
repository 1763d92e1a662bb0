import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createChallenge, denialUrl, isConfirmed, verificationUrl } from './verification.ts';

const topic = 'https://publisher.example/feed?a=1&b=é#c';
const challenge = 'chal-1_x';

function subscribeUrl(callback: string): string {
  return verificationUrl({ mode: 'subscribe', callback, topic, challenge, leaseSeconds: 864_000 });
}

describe('A verification request', () => {
  it('WS-I1: names mode, topic, challenge and, for a subscription, the lease', () => {
    const url = new URL(subscribeUrl('https://subscriber.example/cb'));
    assert.equal(url.origin + url.pathname, 'https://subscriber.example/cb');
    assert.deepEqual(
      [...url.searchParams],
      [
        ['hub.mode', 'subscribe'],
        ['hub.topic', topic],
        ['hub.challenge', challenge],
        ['hub.lease_seconds', '864000'],
      ],
    );
    const unsubscribe = new URL(verificationUrl({ mode: 'unsubscribe', callback: 'http://subscriber.example', topic, challenge }));
    assert.deepEqual(
      [...unsubscribe.searchParams],
      [
        ['hub.mode', 'unsubscribe'],
        ['hub.topic', topic],
        ['hub.challenge', challenge],
      ],
    );
  });

  it("WS-S7: keeps the callback's query to the letter and appends to it", () => {
    const added = 'hub.mode=subscribe&hub.topic=';
    for (const [callback, start] of [
      ['https://s.example/cb', 'https://s.example/cb?'],
      ['https://s.example/cb?', 'https://s.example/cb?'],
      ['https://s.example/cb?foo=bar&red=fish', 'https://s.example/cb?foo=bar&red=fish&'],
      ['https://s.example/cb?b=%2f+x&&a', 'https://s.example/cb?b=%2f+x&&a&'],
      ['https://s.example/cb?a=1&', 'https://s.example/cb?a=1&'],
      ['https://s.example/cb&', 'https://s.example/cb&?'],
      ['https://s.example/cb?a?', 'https://s.example/cb?a?&'],
    ] as const) {
      assert.ok(subscribeUrl(callback).startsWith(`${start}${added}`), subscribeUrl(callback));
    }
  });

  it('WS-S7: does not overwrite what has the same names', () => {
    const url = new URL(subscribeUrl('https://s.example/?hub.mode=mine&hub.challenge=mine'));
    assert.deepEqual(url.searchParams.getAll('hub.mode'), ['mine', 'subscribe']);
    assert.deepEqual(url.searchParams.getAll('hub.challenge'), ['mine', challenge]);
  });

  it('WS-S7: says what it should whatever the callback and the topic are', () => {
    const piece = fc.constantFrom('a', '?', '&', '=', '/', '+', '%2F', '%', 'é', '#', ' ', '\u{1f600}', '\ud800', 'hub.topic=x');
    const rest = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(rest, rest, (path, anyTopic) => {
        const callback = `https://s.example/${path.replaceAll(/[# ]/g, '')}`;
        const before = [...new URL(callback).searchParams];
        const url = verificationUrl({ mode: 'subscribe', callback, topic: anyTopic, challenge, leaseSeconds: 1 });
        assert.ok(url.startsWith(callback));
        assert.deepEqual([...new URL(url).searchParams].slice(0, before.length), before);
        assert.equal(new URL(url).searchParams.getAll('hub.topic').at(-1), anyTopic.toWellFormed());
      }),
      { numRuns: 500 },
    );
  });

  it('WS-X1: has a challenge that is new each time and can stand in a URL', () => {
    const challenges = new Set(Array.from({ length: 100 }, () => createChallenge(randomBytes)));
    assert.equal(challenges.size, 100);
    for (const text of challenges) assert.match(text, /^[A-Za-z0-9_-]{43}$/);
  });
});

describe('The answer to a verification request', () => {
  const answer = (status: number, text: string): boolean => isConfirmed({ status, body: Buffer.from(text) }, challenge);

  it('WS-I2: confirms with 2xx and the challenge', () => {
    for (const status of [200, 201, 202, 206, 299]) assert.equal(answer(status, challenge), true, String(status));
  });

  it('WS-I2: confirms nothing with another status, be it a redirect', () => {
    for (const status of [0, 100, 199, 300, 301, 302, 307, 308, 400, 404, 410, 500, 503]) {
      assert.equal(answer(status, challenge), false, String(status));
    }
  });

  it('WS-I2: confirms nothing with another body', () => {
    for (const text of ['', 'OK', `${challenge}x`, `x${challenge}`, `${challenge}\n`, challenge.toUpperCase(), challenge.slice(1)]) {
      assert.equal(answer(200, text), false, JSON.stringify(text));
    }
  });
});

describe('A denial', () => {
  it('WS-V1: says so to the callback, with its topic and perhaps a reason', () => {
    const url = new URL(denialUrl({ callback: 'https://s.example/cb?a=1', topic, reason: 'No plan covers this topic.' }));
    assert.deepEqual(
      [...url.searchParams],
      [
        ['a', '1'],
        ['hub.mode', 'denied'],
        ['hub.topic', topic],
        ['hub.reason', 'No plan covers this topic.'],
      ],
    );
    assert.equal(new URL(denialUrl({ callback: 'https://s.example/', topic, reason: undefined })).searchParams.has('hub.reason'), false);
  });

  it('WS-V1: gives no more of a reason than fits into a URL', () => {
    const url = denialUrl({ callback: 'https://s.example/', topic, reason: '\u{1f600}'.repeat(10_000) });
    assert.ok(url.length < 4000, String(url.length));
    assert.ok(URL.canParse(url));
  });
});
