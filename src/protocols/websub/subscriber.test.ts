import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHubRequest } from './hub-request.ts';
import { signBody } from './signature.ts';
import { answerCallback, answerDelivery, readRequestOutcome, renewalTime, subscriptionBody } from './subscriber.ts';
import { denialUrl, isConfirmed, verificationUrl } from './verification.ts';

const callback = 'https://subscriber.example/cb/8f2?x=1';
const topic = 'https://publisher.example/feed?a=%7E&b=2';
const challenge = 'c0-_ffee';
const wanted = { mode: 'subscribe', topic } as const;

function queryOf(url: string): string {
  return new URL(url).search;
}

const asked = queryOf(verificationUrl({ mode: 'subscribe', callback, topic, challenge, leaseSeconds: 7200 }));

describe('A subscription request', () => {
  it('WS-S1: is understood by a hub', () => {
    const body = subscriptionBody({ mode: 'subscribe', callback, topic, leaseSeconds: 7200, secret: 'a b&c' });
    assert.deepEqual(parseHubRequest('application/x-www-form-urlencoded', Buffer.from(body)), {
      kind: 'subscribe',
      callback,
      topic: 'https://publisher.example/feed?a=~&b=2',
      topicAsGiven: topic,
      leaseSeconds: 7200,
      secret: 'a b&c',
    });
    assert.deepEqual(
      [...new URLSearchParams(subscriptionBody({ mode: 'unsubscribe', callback, topic }))],
      [
        ['hub.callback', callback],
        ['hub.mode', 'unsubscribe'],
        ['hub.topic', topic],
      ],
    );
  });

  it('WS-S3: is not made with a secret of 200 bytes', () => {
    assert.throws(() => subscriptionBody({ mode: 'subscribe', callback, topic, secret: 'é'.repeat(100) }), /less than 200 bytes/);
  });

  it('WS-R1: is accepted with 202 and nothing else', () => {
    assert.deepEqual(readRequestOutcome(202, undefined, 'https://hub.example/'), { kind: 'accepted' });
    for (const status of [200, 204, 301, 302, 303, 400, 404, 429, 500]) {
      assert.deepEqual(readRequestOutcome(status, 'https://b.example/', 'https://hub.example/'), { kind: 'refused', status });
    }
  });

  it('WS-R4: goes to another hub with 307 and, for good, with 308 (websub.rocks 203, 204)', () => {
    const hub = 'https://hub.example/a/';
    assert.deepEqual(readRequestOutcome(307, 'https://b.example/x', hub), { kind: 'moved', hub: 'https://b.example/x', permanent: false });
    assert.deepEqual(readRequestOutcome(308, '../b', hub), { kind: 'moved', hub: 'https://hub.example/b', permanent: true });
    for (const location of [undefined, 'javascript:x', 'http://', 'ftp://b.example/']) {
      assert.deepEqual(readRequestOutcome(307, location, hub), { kind: 'refused', status: 307 });
    }
  });
});

describe('A subscriber that is asked by a hub', () => {
  it('WS-X2: echoes the challenge as bytes that no browser runs', () => {
    const answer = answerCallback(asked, wanted);
    assert.deepEqual(answer, {
      kind: 'confirmed',
      status: 200,
      headers: { 'Content-Type': 'application/octet-stream', 'X-Content-Type-Options': 'nosniff' },
      body: challenge,
      leaseSeconds: 7200,
    });
    assert.ok(answer.kind === 'confirmed' && isConfirmed({ status: answer.status, body: Buffer.from(answer.body) }, challenge));
  });

  it('WS-X2: answers 404 where it did not mean it (websub.rocks 205)', () => {
    const refused = { kind: 'refused', status: 404 };
    assert.deepEqual(answerCallback(asked, undefined), refused);
    assert.deepEqual(answerCallback(asked, { mode: 'unsubscribe', topic }), refused);
    assert.deepEqual(answerCallback(asked, { mode: 'subscribe', topic: `${topic}x` }), refused);
    assert.deepEqual(answerCallback('', wanted), refused);
    for (const name of ['hub.mode', 'hub.topic', 'hub.challenge']) {
      const fields = new URLSearchParams(asked);
      fields.delete(name);
      assert.deepEqual(answerCallback(fields.toString(), wanted), refused, name);
      fields.append(name, '');
      assert.deepEqual(answerCallback(fields.toString(), wanted), refused, name);
    }
  });

  it('WS-X2: echoes no challenge that is long, binary or has spaces', () => {
    const answer = (text: string): string =>
      answerCallback(queryOf(verificationUrl({ mode: 'subscribe', callback, topic, challenge: text, leaseSeconds: 1 })), wanted).kind;
    assert.equal(answer('x'.repeat(512)), 'confirmed');
    for (const text of ['x'.repeat(513), 'a b', 'a\nb', '\0', 'é', '\u{1f600}']) assert.equal(answer(text), 'refused', text);
  });

  it('WS-S6: knows its topic also where the hub has decoded it', () => {
    const decoded = topic.replace('%7E', '~');
    assert.equal(
      answerCallback(queryOf(verificationUrl({ mode: 'subscribe', callback, topic: decoded, challenge, leaseSeconds: 1 })), wanted).kind,
      'confirmed',
    );
  });

  it('WS-S7: goes by what the hub appended, not by what its callback had', () => {
    const overlapping = 'https://subscriber.example/cb?hub.mode=unsubscribe&hub.challenge=mine&hub.topic=x';
    const answer = answerCallback(
      queryOf(verificationUrl({ mode: 'subscribe', callback: overlapping, topic, challenge, leaseSeconds: 1 })),
      wanted,
    );
    assert.ok(answer.kind === 'confirmed' && answer.body === challenge);
  });

  it('WS-I1: ignores the lease of an unsubscription, and one that is no number', () => {
    const lease = (mode: 'subscribe' | 'unsubscribe', text: string): unknown => {
      const fields = new URLSearchParams({ 'hub.mode': mode, 'hub.topic': topic, 'hub.challenge': challenge, 'hub.lease_seconds': text });
      const answer = answerCallback(fields.toString(), { mode, topic });
      return answer.kind === 'confirmed' ? answer.leaseSeconds : answer.kind;
    };
    assert.equal(lease('subscribe', '60'), 60);
    assert.equal(lease('unsubscribe', '60'), undefined);
    assert.equal(lease('subscribe', '9'.repeat(15)), 3_650 * 86_400, 'ten years at most, which every date can hold');
    for (const text of ['', '0', '-5', 'x', '9'.repeat(20)]) assert.equal(lease('subscribe', text), undefined, text);
  });

  it('WS-V1: hears that it is denied, for its own topic only', () => {
    const denial = queryOf(denialUrl({ callback, topic, reason: 'Not for you.' }));
    assert.deepEqual(answerCallback(denial, wanted), { kind: 'denied', status: 200, reason: 'Not for you.' });
    const coloured = queryOf(denialUrl({ callback, topic, reason: 'No\u001b[2J\r\n\u202enever' }));
    assert.deepEqual(answerCallback(coloured, wanted), { kind: 'denied', status: 200, reason: 'No [2J never' });
    assert.deepEqual(answerCallback(denial, { mode: 'subscribe', topic: 'https://other.example/' }), { kind: 'refused', status: 404 });
  });
});

describe('A subscriber that is sent content', () => {
  const body = Buffer.from('<feed/>');

  it('WS-C3: takes it with 2xx (websub.rocks 300)', () => {
    assert.deepEqual(answerDelivery(signBody('sha256', 's', body), body, ['s']), { kind: 'taken', status: 202 });
    assert.deepEqual(answerDelivery(undefined, body, []), { kind: 'taken', status: 202 });
    assert.deepEqual(answerDelivery('sha1=00', body, []), { kind: 'taken', status: 202 }, 'without a secret there is nothing to check');
  });

  it('WS-A2: drops what has a wrong signature (websub.rocks 301)', () => {
    const answer = answerDelivery(signBody('sha256', 'other', body), body, ['s', 't']);
    assert.deepEqual(answer, { kind: 'dropped', status: 403, sentence: 'X-Hub-Signature does not match.' });
    assert.equal(answerDelivery('nonsense', body, ['s']).kind, 'dropped');
  });

  it('WS-A2: drops what has no signature, and does not answer 2xx (websub.rocks 302)', () => {
    const answer = answerDelivery(undefined, body, ['s']);
    assert.deepEqual(answer, { kind: 'dropped', status: 403, sentence: 'X-Hub-Signature is missing.' });
  });

  it('WS-X1: may want a stronger method than the hub uses', () => {
    assert.equal(answerDelivery(signBody('sha1', 's', body), body, ['s']).kind, 'taken');
    assert.equal(answerDelivery(signBody('sha1', 's', body), body, ['s'], 'sha256').kind, 'dropped');
  });
});

describe('A renewal', () => {
  it('WS-I3: comes before the lease ends, with time to try again, and not for all at once', () => {
    assert.equal(renewalTime(1_000, 300, 0), 201_000);
    assert.ok(renewalTime(1_000, 300, 0.999) < 226_000);
    assert.ok(renewalTime(1_000, 300, 0.999) > 225_000);
  });
});
