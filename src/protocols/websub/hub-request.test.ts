import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { maxRequestBytes, parseHubRequest, type HubRequest, type Refusal } from './hub-request.ts';

const formType = 'application/x-www-form-urlencoded';
const callback = 'https://subscriber.example/cb?id=1&x=%2F';
const topic = 'https://publisher.example/feed';

function parse(fields: readonly (readonly [string, string])[], contentType = formType): HubRequest | Refusal {
  return parseHubRequest(contentType, Buffer.from(fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')));
}

function subscribe(more: readonly (readonly [string, string])[] = [], without?: string): HubRequest | Refusal {
  const fields: [string, string][] = [
    ['hub.mode', 'subscribe'],
    ['hub.callback', callback],
    ['hub.topic', topic],
  ];
  return parse([...fields.filter(([name]) => name !== without), ...more]);
}

function assertRefused(answer: HubRequest | Refusal, sentence: RegExp, status = 400): void {
  assert.ok(answer.kind === 'refused', JSON.stringify(answer));
  assert.equal(answer.status, status);
  assert.match(answer.sentence, sentence);
}

const plain = { kind: 'subscribe', callback, topic, topicAsGiven: topic, leaseSeconds: undefined, secret: undefined };

describe('A subscription request', () => {
  it('WS-S1: has a callback, a mode and a topic', () => {
    assert.deepEqual(subscribe(), plain);
    for (const name of ['hub.callback', 'hub.mode', 'hub.topic']) {
      assertRefused(subscribe([], name), new RegExp(`^${name} is missing\\.$`));
      assertRefused(subscribe([[name, '']], name), new RegExp(`^${name} is missing\\.$`));
    }
  });

  it('WS-S1: is a form', () => {
    for (const contentType of [undefined, '', 'application/json', 'text/plain', 'multipart/form-data; boundary=a', 'x']) {
      assertRefused(parseHubRequest(contentType, Buffer.from('')), /Content-Type/, 415);
    }
    assert.equal(parse([], 'Application/X-WWW-Form-Urlencoded').kind, 'refused');
  });

  it('WS-S1: is in UTF-8, whatever bytes it comes in', () => {
    assertRefused(parse([], `${formType}; charset=iso-8859-1`), /UTF-8/, 415);
    const fields = `hub.mode=subscribe&hub.callback=${encodeURIComponent(callback)}&hub.topic=${encodeURIComponent(topic)}`;
    assert.deepEqual(parseHubRequest(`${formType};charset=UTF-8`, Buffer.from(fields)), plain);
    assertRefused(parseHubRequest(formType, Buffer.from(`${fields}&hub.secret=%ff`)), /^hub\.secret is not UTF-8\.$/);
    assert.deepEqual(parseHubRequest(formType, Buffer.from(`${fields}&other=%ff&%ff=x`)), plain);
  });

  it('WS-S1: has a mode that a hub knows, to the letter', () => {
    for (const mode of ['Subscribe', 'denied', 'list', 'subscribe ', 'subscribe,unsubscribe']) {
      assertRefused(subscribe([['hub.mode', mode]], 'hub.mode'), /hub\.mode must be/);
    }
  });

  it('WS-S1: names each thing once', () => {
    for (const [name, value] of [
      ['hub.callback', callback],
      ['hub.mode', 'subscribe'],
      ['hub.topic', 'https://other.example/'],
    ] as const) {
      assertRefused(subscribe([[name, value]]), new RegExp(`^${name} is there more than once\\.$`));
    }
    const twice = [
      ['hub.secret', 'a'],
      ['hub.secret', 'b'],
    ] as const;
    assertRefused(subscribe(twice), /^hub\.secret is there more than once\.$/);
  });

  it('WS-S1: is bounded in bytes and fields', () => {
    assertRefused(subscribe([['x', 'y'.repeat(maxRequestBytes)]]), /bytes/, 413);
    assertRefused(subscribe(Array.from({ length: 300 }, (_, n) => [`x${n}`, ''] as const)), /fields/, 413);
    assertRefused(subscribe([['hub.topic', `https://a.example/${'a'.repeat(4096)}`]], 'hub.topic'), /^hub\.topic has more than 4096/);
  });

  it('WS-S2: may ask for a lease, a positive whole number', () => {
    const leaseOf = (text: string): unknown => {
      const answer = subscribe([['hub.lease_seconds', text]]);
      return answer.kind === 'subscribe' ? answer.leaseSeconds : answer.kind;
    };
    assert.equal(leaseOf('7200'), 7200);
    assert.equal(leaseOf('007'), 7);
    assert.equal(leaseOf(''), undefined);
    assert.equal(leaseOf('9'.repeat(400)), Number.MAX_SAFE_INTEGER);
    for (const bad of ['0', '000', '-1', '+1', '1.5', '1e3', '0x10', ' 5', '5 ', 'ten', '٣', 'Infinity', 'NaN']) {
      assert.equal(leaseOf(bad), 'refused', bad);
    }
  });

  it('WS-S2: has its lease ignored when it ends a subscription, and its secret too', () => {
    const answer = parse([
      ['hub.mode', 'unsubscribe'],
      ['hub.callback', callback],
      ['hub.topic', topic],
      ['hub.lease_seconds', 'ten'],
      ['hub.lease_seconds', '5'],
      ['hub.secret', 's'.repeat(300)],
    ]);
    assert.deepEqual(answer, { kind: 'unsubscribe', callback, topic, topicAsGiven: topic });
  });

  it('WS-S3: has a secret of less than 200 bytes', () => {
    const secretOf = (text: string): unknown => {
      const answer = subscribe([['hub.secret', text]]);
      return answer.kind === 'subscribe' ? answer.secret : answer.kind;
    };
    assert.equal(secretOf('s'.repeat(199)), 's'.repeat(199));
    assert.equal(secretOf('s'.repeat(200)), 'refused');
    assert.equal(secretOf('é'.repeat(99)), 'é'.repeat(99));
    assert.equal(secretOf('é'.repeat(100)), 'refused', 'bytes are counted, not characters');
    assert.equal(secretOf(' a+b&c=d%20 '), ' a+b&c=d%20 ');
    assert.equal(secretOf(''), undefined, 'an empty one would be a signature anybody can make');
  });

  it('WS-S4: may have parameters that nobody knows', () => {
    assert.deepEqual(
      subscribe([
        ['foo', 'bar'],
        ['hub.foo', 'hub.bar'],
        ['hub.verify', 'sync'],
        ['hub.verify', 'async'],
        ['hub.url', 'nonsense'],
      ]),
      plain,
    );
  });
});

describe('Topic and callback', () => {
  function subjectOf(theTopic: string, theCallback = callback): { topic: string; topicAsGiven: string; callback: string } {
    const answer = parse([
      ['hub.mode', 'subscribe'],
      ['hub.topic', theTopic],
      ['hub.callback', theCallback],
    ]);
    assert.ok(answer.kind === 'subscribe', JSON.stringify(answer));
    return answer;
  }

  it('WS-S6: have their unreserved characters decoded, and the topic is kept as it was given beside', () => {
    const given = 'https://publisher.example/%7Efeed%2d%41%5f%2E%30?a=%2F%26%20%2541%C3%A9';
    const subject = subjectOf(given, 'https://subscriber.example/%63b?%61=%3D');
    assert.equal(subject.topic, 'https://publisher.example/~feed-A_.0?a=%2F%26%20%2541%C3%A9');
    assert.equal(subject.topicAsGiven, given);
    assert.equal(subject.callback, 'https://subscriber.example/cb?a=%3D');
  });

  it('WS-S6: keep every escape that means something else than its character', () => {
    const hex = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(hex, fc.boolean(), (byte, upper) => {
        const digits = byte.toString(16).padStart(2, '0');
        const escape = `%${upper ? digits.toUpperCase() : digits}`;
        const character = String.fromCharCode(byte);
        const decoded = /^[A-Za-z0-9._~-]$/.test(character) ? character : escape;
        assert.equal(subjectOf(`https://a.example/${escape}`).topic, `https://a.example/${decoded}`);
      }),
      { numRuns: 300 },
    );
  });

  it('WS-X1: keep scheme, host, port and query as written', () => {
    for (const exact of [
      'http://subscriber.example',
      'https://Subscriber.Example:443/Cb?',
      'http://subscriber.example/?b=2&a=1&&hub.mode=x',
      'https://subscriber.example/é',
    ]) {
      assert.equal(subjectOf(exact, exact).callback, exact);
      assert.equal(subjectOf(exact, exact).topic, exact);
    }
  });

  it('are absolute http or https URLs', () => {
    const bad = [
      '/feed',
      'feed',
      '//a.example/',
      'ftp://a.example/',
      'javascript:alert(1)',
      'file:///etc/passwd',
      'https:a.example',
      'http://',
    ];
    const hostile = [
      'https://a.example/ x',
      ' https://a.example/',
      'https://a.example/\n',
      'https://a.example\\@b.example/',
      'http://a b/',
      'http://[::1',
      'http://a.example:99999/',
    ];
    for (const url of [...bad, ...hostile]) {
      assertRefused(subscribe([['hub.callback', url]], 'hub.callback'), /^hub\.callback /);
      assertRefused(subscribe([['hub.topic', url]], 'hub.topic'), /^hub\.topic /);
    }
    assertRefused(subscribe([['hub.callback', `${callback}#part`]], 'hub.callback'), /fragment/);
  });

  it('are never told again in a refusal', () => {
    const answer = subscribe([['hub.topic', 'javascript:alert(1)']], 'hub.topic');
    assert.ok(answer.kind === 'refused' && !answer.sentence.includes('javascript'));
  });
});

describe('A ping of a publisher', () => {
  it('WS-P1: names topics as hub.url or hub.topic, once or many times', () => {
    const ping = parse([
      ['hub.mode', 'publish'],
      ['hub.url', 'https://a.example/%7Eb'],
      ['hub.topic', 'https://a.example/c'],
      ['foo', 'bar'],
      ['hub.topic', 'https://a.example/~b'],
      ['hub.url', 'https://a.example/d'],
    ]);
    assert.deepEqual(ping, { kind: 'publish', topics: ['https://a.example/~b', 'https://a.example/c', 'https://a.example/d'] });
  });

  it('WS-P1: is refused whole when a topic is wrong, missing, or one too many', () => {
    const ping = (...topics: string[]): HubRequest | Refusal =>
      parse([['hub.mode', 'publish'], ...topics.map((url): [string, string] => ['hub.url', url])]);
    assertRefused(ping(), /hub\.url or hub\.topic is missing/);
    assertRefused(ping('https://a.example/', ''), /^hub\.url is empty\.$/);
    assertRefused(ping('https://a.example/', '/b'), /^hub\.url is not an absolute/);
    const many = Array.from({ length: 101 }, (_, n) => `https://a.example/${n}`);
    assert.equal(ping(...many.slice(1)).kind, 'publish');
    assertRefused(ping(...many), /more than 100 topics/, 413);
  });
});

describe('Any bytes', () => {
  it('are a request or a refusal, never a bug', () => {
    const piece = fc.constantFrom(
      'hub.mode=',
      'hub.topic=',
      'hub.callback=',
      'subscribe',
      'publish',
      '&',
      '%',
      '%e',
      'http://a/',
      '=',
      '+',
    );
    const body = fc.array(
      fc.oneof(
        piece.map((text) => Buffer.from(text)),
        fc.uint8Array({ maxLength: 3 }),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(body, (parts) => {
        const answer = parseHubRequest(formType, Buffer.concat(parts));
        assert.ok(['subscribe', 'unsubscribe', 'publish', 'refused'].includes(answer.kind));
      }),
      { numRuns: 500 },
    );
  });
});
